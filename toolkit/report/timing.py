"""Latency and throughput of a benchmark: each a figure drawn from plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report.axes import (
    few_plain_ticks,
    layout,
    percent_axis,
    shortened,
    significant,
    told_apart,
    write_beside,
)
from toolkit.report.style import INK, MUTED, SERIES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_RANGE = 20  # from this ratio on, a linear axis would squeeze the small values together


@dataclass(frozen=True)
class Timing:
    """The latency and throughput of one benchmark case.

    Args:
        name: of the case.
        group: number of the colour.
        p50_ms: median latency, milliseconds.
        p50_ci95_ms: its 95 % interval, milliseconds, or None.
        p99_ms: milliseconds; None where too few queries support it.
        throughput: pictures a second.
        throughput_ci95: its 95 % interval, or None.
    """

    name: str
    group: int
    p50_ms: float
    p50_ci95_ms: tuple[float, float] | None
    p99_ms: float | None
    throughput: float
    throughput_ci95: tuple[float, float] | None


def timing_figure(cases: Sequence[Timing]) -> "Figure":
    """Draw latency (median, interval, up to the 99th percentile) beside throughput, one row per case.

    Args:
        cases: in the order of the table.
    """
    names = told_apart([case.name for case in cases], 46)
    with styled():
        figure = new_figure(9.6, 1.1 + 0.46 * len(cases))
        latency, throughput = figure.subplots(1, 2, sharey=True)
        layout(figure).set(wspace=0.06)
        for row, case in enumerate(cases):
            _draw_timing(latency, throughput, row, case)
        latency.set_yticks(range(len(cases)), names)
        latency.set_ylim(len(cases) - 0.4, -0.6)
        latency.tick_params(axis="y", length=0, labelcolor=INK)
        throughput.tick_params(axis="y", length=0)
        latency.grid(False, axis="y")
        throughput.grid(False, axis="y")
        slowest = max(case.p50_ms if case.p99_ms is None else case.p99_ms for case in cases)
        if slowest > WIDE_RANGE * min(case.p50_ms for case in cases):
            latency.set_xscale("log")
            latency.set_xlabel("latency, ms (log scale)")
        else:
            latency.set_xlim(left=0)
            latency.set_xlabel("latency, ms")
        latency.margins(x=0.24)
        throughput.margins(x=0.22)
        throughput.set_xlim(left=0)
        throughput.set_xlabel("throughput, pictures a second")
        for axes in (latency, throughput):
            few_plain_ticks(axes)
    return figure


def _draw_timing(latency: "Axes", throughput: "Axes", row: int, case: Timing) -> None:
    colour = SERIES[case.group % len(SERIES)]
    if case.p99_ms is not None:
        latency.plot([case.p50_ms, case.p99_ms], [row, row], color=colour, alpha=0.45, linewidth=3)
        latency.plot([case.p99_ms], [row], "|", color=colour, markersize=10)
        write_beside(latency, f"p99 {significant(case.p99_ms)}", case.p99_ms, row, MUTED)
    if case.p50_ci95_ms is not None:
        latency.plot(case.p50_ci95_ms, [row, row], color=colour, linewidth=7, solid_capstyle="butt")
    latency.plot([case.p50_ms], [row], "o", color=colour, markersize=7)
    latency.annotate(significant(case.p50_ms), (case.p50_ms, row), (0, 7), textcoords="offset points",
                     ha="center", va="bottom", color=INK, size=10)  # fmt: skip
    throughput.barh(row, case.throughput, height=0.5, color=colour)
    end = case.throughput
    if case.throughput_ci95 is not None:
        throughput.plot(case.throughput_ci95, [row, row], color=INK, linewidth=1.5, solid_capstyle="butt")
        end = max(end, case.throughput_ci95[1])
    write_beside(throughput, significant(case.throughput), end, row, INK)


def cumulative_figure(curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> "Figure":
    """Draw the share of queries answered within each time, one curve per case, on a logarithmic axis.

    Args:
        curves: (name, latency in milliseconds ascending, share 0 to 1 ascending) of each.
    """
    with styled():
        figure = new_figure(9.6, 3.4)
        axes = figure.add_subplot()
        for number, (name, latency_ms, share) in enumerate(curves):
            colour = SERIES[number % len(SERIES)]
            style = ("-", "--", ":")[number // len(SERIES) % 3]
            axes.step(
                latency_ms, share, where="post", color=colour, linestyle=style, label=shortened(name, 40)
            )
        axes.set_xscale("log")
        axes.set(ylim=(0, 1), xlabel="latency, ms (log scale)", ylabel="queries answered, %")
        percent_axis(axes.yaxis)
        few_plain_ticks(axes)
        if len(curves) > 1:
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
