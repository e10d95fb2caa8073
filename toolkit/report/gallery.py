"""The paper's picture: each example beside the bar chart of its class probabilities."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluate.result import Example
from toolkit.report.axes import shortened, title
from toolkit.report.page import percent
from toolkit.report.style import INK, MUTED, OTHER, RIGHT, WRONG, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 12
COLUMNS = 4

TITLE_IN = 0.75
CELL_WIDTH_IN = 3.9
CELL_HEIGHT_IN = 2.1
PICTURE_IN = 1.6
BARS_AT_IN = 2.5  # from the picture's left edge; class names stand in between
BARS_IN = 0.8
RIGHT_IN = 0.2  # beyond the last column, whose longest bar has its number beside it


def gallery_figure(
    examples: Sequence[Example], labels: Sequence[str], *, heading: str, subtitle: str
) -> "Figure":
    """Draw a grid of pictures, each beside its bars: the truth blue, a wrong answer red, others grey.

    Args:
        examples: one or more.
        labels: class names in model order.
        heading: the finding.
        subtitle: how the examples were drawn.
    """
    columns = min(COLUMNS, len(examples))
    rows = math.ceil(len(examples) / columns)
    width_in, height_in = max(CELL_WIDTH_IN * columns + RIGHT_IN, 6.4), TITLE_IN + CELL_HEIGHT_IN * rows
    with styled():
        figure = new_figure(width_in, height_in)
        title(figure, heading, subtitle)
        figure.set_layout_engine("none")
        for place, example in enumerate(examples):
            row, column = divmod(place, columns)
            left = column * CELL_WIDTH_IN + 0.18
            bottom = height_in - TITLE_IN - (row + 1) * CELL_HEIGHT_IN + 0.2
            for start, width, draw in ((0.0, PICTURE_IN, draw_picture), (BARS_AT_IN, BARS_IN, draw_bars)):
                box = (left + start) / width_in, bottom / height_in, width / width_in, PICTURE_IN / height_in
                draw(figure.add_axes(box), example, labels)
    return figure


def caption(example: Example, labels: Sequence[str]) -> str:
    """Return what stands above a picture: 'predicted P % (truth)', such as "cat 87% (dog)"."""
    predicted = shortened(labels[example.predicted], 16)
    truth = shortened(labels[example.truth], 16)
    return f"{predicted} {percent(float(example.probabilities[example.predicted]))} ({truth})"


def draw_picture(axes: "Axes", example: Example, labels: Sequence[str]) -> None:
    """Draw a picture with its caption, blue where the answer is right and red where it is wrong."""
    # Small pictures keep their pixels; a smoothed 32 x 32 looks like a defect.
    axes.imshow(example.image_hwc, interpolation="nearest" if example.image_hwc.shape[0] <= 128 else "auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    colour = RIGHT if example.right else WRONG
    axes.spines[:].set(visible=True, color=colour, linewidth=2)
    mark = "✓" if example.right else "✗"
    axes.set_title(f"{mark} {caption(example, labels)}", color=colour, size=10.5, loc="left", pad=5)


def draw_bars(axes: "Axes", example: Example, labels: Sequence[str]) -> None:
    """Draw the probabilities in model order; of more than twelve classes, the most probable ones."""
    shown = shown_classes(example)
    shares = example.probabilities[shown]
    colours = [
        RIGHT if index == example.truth else WRONG if index == example.predicted else OTHER for index in shown
    ]
    axes.barh(range(len(shown)), shares, height=0.72, color=colours)
    for row, (index, share) in enumerate(zip(shown, shares, strict=True)):
        if index in (example.truth, example.predicted):
            axes.text(float(share) + 0.05, row, percent(float(share)), va="center", size=8.5, color=INK)
    names = [shortened(labels[index], 12) for index in shown]
    axes.set_yticks(range(len(shown)), names, size=8.5)
    for tick, index in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_color(RIGHT if index == example.truth else WRONG if index == example.predicted else MUTED)
    axes.set(xlim=(0, 1), ylim=(max(len(shown), 5) - 0.4, -0.6), xticks=[])
    axes.tick_params(length=0, pad=3)
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)


def shown_classes(example: Example) -> list[int]:
    """Return the classes whose bars are drawn, in model order; the truth is always among them."""
    probabilities = example.probabilities
    if len(probabilities) <= MOST_BARS:
        return list(range(len(probabilities)))
    best = [int(index) for index in np.argsort(-probabilities, kind="stable")[:MOST_BARS]]
    if example.truth not in best:
        best[-1] = example.truth
    return sorted(best)
