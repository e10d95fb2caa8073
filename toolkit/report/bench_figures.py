"""Charts of a benchmark beside latency and throughput: stages, comparison, course over time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.report.axes import (
    few_plain_ticks,
    percent_axis,
    shortened,
    significant,
    told_apart,
    write_beside,
)
from toolkit.report.style import INK, MUTED, ON_MIDDLE, RIGHT, SERIES, WRONG, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_IN = 9.6
FEWEST_PERCENT_SHOWN = 0.06  # share of a bar that has room for its figure


def stages_figure(cases: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> "Figure":
    """Draw the share of each stage of a pipeline, one bar per case.

    Args:
        cases: (name, [(stage, share 0 to 1)]) of each.
    """
    with styled():
        figure = new_figure(WIDTH_IN, 1.3 + 0.46 * len(cases))
        axes = figure.add_subplot()
        for row, (_, stages) in enumerate(cases):
            left = 0.0
            for number, (stage, share) in enumerate(stages):
                label = stage if row == 0 else None
                axes.barh(row, share, left=left, height=0.6, color=SERIES[number % len(SERIES)], label=label)
                if share >= FEWEST_PERCENT_SHOWN:
                    axes.text(
                        left + share / 2,
                        row,
                        f"{100 * share:.0f} %",
                        ha="center",
                        va="center",
                        color=ON_MIDDLE,
                        size=10,
                    )
                left += share
        axes.set_yticks(range(len(cases)), told_apart([name for name, _ in cases], 46))
        axes.set_ylim(len(cases) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(False, axis="y")
        axes.set(xlim=(0, 1), xlabel="share of the time, %")
        percent_axis(axes.xaxis)
        figure.legend(frameon=False, loc="outside upper left", ncols=5)
    return figure


def comparison_figure(cases: Sequence[tuple[str, float, tuple[float, float], str]]) -> "Figure":
    """Draw the change against a baseline with its interval, one row per case.

    Args:
        cases: (name, change in percent of time, its interval, verdict) of each.
    """
    with styled():
        figure = new_figure(WIDTH_IN, 1.1 + 0.46 * len(cases))
        axes = figure.add_subplot()
        axes.axvline(0, color=MUTED, linewidth=1)
        for row, (_, change, interval, verdict) in enumerate(cases):
            colour = {"faster": RIGHT, "slower": WRONG}.get(verdict, MUTED)
            axes.plot(interval, [row, row], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([change], [row], "o", color=colour, markersize=7)
            write_beside(axes, f"{verdict}, {change:+.1f} %", max(interval[1], 0), row, INK)
        axes.set_yticks(range(len(cases)), told_apart([case[0] for case in cases], 46))
        axes.set_ylim(len(cases) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(False, axis="y")
        low, high = min(0, *(c[2][0] for c in cases)), max(0, *(c[2][1] for c in cases))
        reach = (high - low) or 1.0
        axes.set(xlim=(low - 0.08 * reach, high + 0.5 * reach), xlabel="change in time, % (left is faster)")
        few_plain_ticks(axes)
    return figure


def over_time_figure(curves: Sequence[tuple[str, Mapping[str, Sequence[float]]]]) -> "Figure":
    """Draw the median of consecutive slices of the queries, in the order measured, and the slowest of each.

    Args:
        curves: (name, {"query", "p50_ms", "max_ms"}) of each case.
    """
    with styled():
        figure = new_figure(WIDTH_IN, 3.4)
        axes = figure.add_subplot()
        for number, (name, curve) in enumerate(curves):
            colour = SERIES[number % len(SERIES)]
            total = max(1, curve["query"][-1])
            part = [query / total for query in curve["query"]]
            axes.plot(part, curve["max_ms"], ".", color=colour, markersize=2.5, alpha=0.5)
            axes.plot(part, curve["p50_ms"], color=colour, linewidth=1.6, label=shortened(name, 40))
        axes.set_yscale("log")
        axes.set(xlim=(0, 1), xlabel="course of the measurement, %", ylabel="latency, ms (log scale)")
        percent_axis(axes.xaxis)
        plain_values(axes)
        if len(curves) > 1:
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def plain_values(axes: Any) -> None:
    """Write the values of a logarithmic y axis as plain numbers, three or more of them.

    Args:
        axes: to change.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 1)))
    axes.yaxis.set_minor_formatter(NullFormatter())
