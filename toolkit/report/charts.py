"""Calibration, counts, learning curves: each a figure drawn from plain values."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.report.axes import few_plain_ticks, percent_axis, title, told_apart, write_beside
from toolkit.report.style import INK, MUTED, RIGHT, SERIES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MARKERS = 60  # epochs that are drawn as points on their line


def calibration_figure(
    count: NDArray[np.int64], confidence: NDArray[np.float64], accuracy: NDArray[np.float64]
) -> "Figure":
    """Draw how often the model is right when it is that sure, beside what it claims.

    Args:
        count: int64 [bins], pictures.
        confidence: float64 [bins], mean confidence; NaN where the bin is empty.
        accuracy: float64 [bins], share that is right; NaN where the bin is empty.
    """
    bins = len(count)
    filled = count > 0
    centres = (np.arange(bins) + 0.5) / bins
    with styled():
        figure = new_figure(5.2, 3.6)
        axes = figure.add_subplot()
        axes.bar(centres[filled], accuracy[filled], width=0.9 / bins, color=RIGHT, label="right")
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.plot(confidence[filled], confidence[filled], "o", color=INK, markersize=4)
        # Above the plot: few pictures of a low confidence may all be right, and their bar would hide the words.
        axes.text(0, 1.1, "dots: what the model claims", color=INK, size=10)
        axes.text(0, 1.03, "bars: how often it is right", color=RIGHT, size=10)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence, %", ylabel="right, %")
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
    return figure


def curves_figure(
    epochs: Sequence[int],
    loss: Sequence[float | None],
    val_loss: Sequence[float | None],
    accuracy: Sequence[float | None],
    val_accuracy: Sequence[float | None],
    *,
    heading: str,
    learning_rate: Sequence[float | None] = (),
) -> "Figure":
    """Draw learning curves: loss on the left, accuracy on the right, training and validation in each.

    A learning rate that changes is drawn beside them.

    Args:
        epochs: their numbers, from 1.
        loss: of the training split, nats; None where it wasn't measured.
        val_loss: of the validation split, nats; None where it wasn't measured.
        accuracy: of the training split, 0 to 1; None where it wasn't measured.
        val_accuracy: of the validation split, 0 to 1; None where it wasn't measured.
        heading: the finding.
        learning_rate: of the epochs' last steps; empty or None where it isn't known.
    """
    from matplotlib.ticker import MaxNLocator

    changes = len({rate for rate in learning_rate if rate is not None}) > 1
    with styled():
        figure = new_figure(13 if changes else 10, 4.4)
        left, right, *more = figure.subplots(1, 3 if changes else 2)
        for axes, name, train, validation in (
            (left, "loss, nats", loss, val_loss),
            (right, "accuracy", accuracy, val_accuracy),
        ):
            axes.set_title(name, color=INK)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            ends = [
                _line(axes, epochs, values, colour, style)
                for values, colour, style in ((train, SERIES[1], "--"), (validation, SERIES[0], "-"))
            ]
            _label_ends(axes, epochs[-1], ends, ("training", "validation"))
        left.set_ylim(0, _upper_limit([*loss, *val_loss]))
        right.set_ylim(0, 1)
        for axes in more:
            axes.set_title("learning rate", color=INK)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            _line(axes, epochs, learning_rate, SERIES[0], "-")
            axes.set_ylim(0, _upper_limit(learning_rate))
        title(figure, heading)
    return figure


def _upper_limit(losses: Sequence[float | None]) -> float:
    """Return the top of a loss axis: above every point, and at least a little above zero."""
    measured = [value for value in losses if value is not None and math.isfinite(value)]
    return 1.06 * max(measured, default=1.0) or 1.0


def _line(
    axes: "Axes", epochs: Sequence[int], values: Sequence[float | None], colour: str, style: str
) -> float | None:
    numbers = [math.nan if value is None else value for value in values]
    measured = [value for value in numbers if math.isfinite(value)]
    if not measured:
        return None
    marker = "o" if len(measured) <= MOST_MARKERS else ""
    axes.plot(epochs, numbers, style, color=colour, marker=marker, markersize=4)
    return measured[-1]


def _label_ends(axes: "Axes", last_epoch: int, ends: Sequence[float | None], names: Sequence[str]) -> None:
    drawn = [(value, name) for value, name in zip(ends, names, strict=True) if value is not None]
    drawn.sort(reverse=True)
    for place, (value, name) in enumerate(drawn):
        # The upper line's label stands a little above its end, the lower one's below: they never collide.
        shift = 0 if len(drawn) == 1 else 7 if place == 0 else -7
        axes.annotate(f"{name} {value:.3f}", (last_epoch, value), (10, shift), textcoords="offset points",
                      color=INK, va="center", size=10, annotation_clip=False)  # fmt: skip


def counts_figure(names: Sequence[str], counts: Sequence[int]) -> "Figure":
    """Draw pictures per predicted class as bars.

    Args:
        names: of the classes, in the order of the rows.
        counts: pictures of each.
    """
    with styled():
        figure = new_figure(5.2, 0.9 + 0.28 * len(names))
        axes = figure.add_subplot()
        axes.barh(range(len(names)), counts, height=0.62, color=SERIES[0])
        for row, count in enumerate(counts):
            write_beside(axes, f"{count:,}", count, row, INK)
        axes.set_yticks(range(len(names)), told_apart(names))
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="pictures")
        axes.margins(x=0.12)
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(False, axis="y")
        few_plain_ticks(axes, whole=True)
    return figure


def confidence_figure(counts: NDArray[np.int64]) -> "Figure":
    """Draw how sure the model is: pictures by the probability of the predicted class.

    Args:
        counts: int64 [bins], pictures in bins of equal width from 0 to 1.
    """
    from matplotlib.ticker import MaxNLocator

    bins = len(counts)
    with styled():
        figure = new_figure(5.2, 3.2)
        axes = figure.add_subplot()
        axes.bar((np.arange(bins) + 0.5) / bins, counts, width=0.9 / bins, color=SERIES[0])
        axes.set(
            xlim=(0, 1), ylim=(0, None), xlabel="probability of the predicted class, %", ylabel="pictures"
        )
        percent_axis(axes.xaxis)
        axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
        axes.grid(False, axis="x")
    return figure
