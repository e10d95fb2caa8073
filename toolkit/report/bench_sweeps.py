"""Charts of a benchmark's distribution and of its sweeps over batch sizes and threads."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.report.axes import few_plain_ticks, shortened
from toolkit.report.bench_figures import WIDTH_IN, plain_values
from toolkit.report.style import SERIES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOWEST_BAR = 0.5  # queries: a bin of one query must show on a logarithmic axis


def histogram_figure(edges_ms: Sequence[float], cases: Sequence[tuple[str, Sequence[int]]]) -> "Figure":
    """Draw how many queries took how long, on logarithmic axes, so that the rare slow ones show.

    Args:
        edges_ms: of the bins, milliseconds, ascending.
        cases: (name, count in each bin) of each.
    """
    with styled():
        figure = new_figure(WIDTH_IN, 3.2)
        axes = figure.add_subplot()
        for number, (name, counts) in enumerate(cases):
            colour = SERIES[number % len(SERIES)]
            heights = [max(count, LOWEST_BAR) for count in counts]
            if len(cases) == 1:
                axes.stairs(heights, edges_ms, baseline=LOWEST_BAR, fill=True, color=colour)
            else:
                style = ("-", "--", ":")[number // len(SERIES) % 3]
                label = shortened(name, 40)
                axes.stairs(
                    heights,
                    edges_ms,
                    baseline=LOWEST_BAR,
                    color=colour,
                    linestyle=style,
                    linewidth=1.6,
                    label=label,
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=LOWEST_BAR)
        axes.set(xlabel="latency, ms (log scale)", ylabel="queries (log scale)")
        few_plain_ticks(axes)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        if len(cases) > 1:
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def sweep_figure(series: Mapping[str, Mapping[str, Sequence[Any]]], key: str, label: str) -> "Figure":
    """Draw throughput against a condition with its interval, and median latency on a second axis.

    Args:
        series: name -> {key, "throughput", "throughput_ci95", "p50_ms"}, ascending by key.
        key: "batch_size" or "threads".
        label: of the x axis.
    """
    with styled():
        figure = new_figure(WIDTH_IN, 3.8)
        throughput = figure.add_subplot()
        latency = throughput.twinx()
        for number, (name, drawn) in enumerate(series.items()):
            colour = SERIES[number % len(SERIES)]
            at, rates = list(drawn[key]), list(drawn["throughput"])
            throughput.plot(at, rates, "o-", color=colour, label=shortened(name, 40))
            for x, interval in zip(at, drawn["throughput_ci95"], strict=True):
                if interval is not None:
                    throughput.plot(
                        [x, x], interval, color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt"
                    )
            known = [(x, p) for x, p in zip(at, drawn["p50_ms"], strict=True) if p is not None]
            latency.plot(
                [x for x, _ in known], [p for _, p in known], "s--", color=colour, linewidth=1.2, markersize=5,
                markerfacecolor="none",
            )  # fmt: skip
        _name_axes(throughput, latency, sorted({x for drawn in series.values() for x in drawn[key]}), label)
        handles = _how_to_read() if len(series) == 1 else throughput.get_legend_handles_labels()[0]
        figure.legend(handles=handles, frameon=False, loc="outside upper left", ncols=3)
    return figure


def _name_axes(throughput: "Axes", latency: "Axes", at: Sequence[int], label: str) -> None:
    throughput.margins(y=0.12)
    throughput.set_ylim(bottom=0)
    throughput.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    throughput.set_xscale("log", base=2)
    throughput.set_xticks(at, [str(value) for value in at])
    throughput.minorticks_off()
    throughput.set(xlabel=label, ylabel="pictures a second (dots)")
    latency.set_yscale("log")
    plain_values(latency)
    latency.margins(y=0.12)
    latency.grid(False)
    latency.minorticks_off()
    latency.spines["right"].set_visible(True)
    latency.set_ylabel("median latency, ms, log scale (squares)")


def _how_to_read() -> list[Any]:
    from matplotlib.lines import Line2D

    colour = SERIES[0]
    return [
        Line2D([], [], color=colour, marker="o", label="pictures a second"),
        Line2D(
            [], [], color=colour, marker="s", linestyle="--", markerfacecolor="none", label="median latency"
        ),
    ]
