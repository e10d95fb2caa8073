"""The paper's picture: each example beside the bar chart of its class probabilities."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluate.result import Example
from toolkit.report.axes import fitted, title
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
CAPTION_SIZE, NAME_SIZE = 10.5, 8.5  # points
CAPTION_FRAME_IN = 0.95  # of a caption: the mark, the percentage and the brackets
CAPTION_GAP_IN = 0.15  # between a caption and the next
NAME_GAP_IN = 0.12  # between a picture and the names beside it
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
        full_in = figure.get_figheight()  # a heading of several lines adds to it
        figure.set_layout_engine("none")
        for place, example in enumerate(examples):
            row, column = divmod(place, columns)
            left = column * CELL_WIDTH_IN + 0.18
            bottom = height_in - TITLE_IN - (row + 1) * CELL_HEIGHT_IN + 0.2
            for start, width, draw in ((0.0, PICTURE_IN, draw_picture), (BARS_AT_IN, BARS_IN, draw_bars)):
                box = (left + start) / width_in, bottom / full_in, width / width_in, PICTURE_IN / full_in
                draw(figure.add_axes(box), example, labels)
    return figure


def caption(example: Example, labels: Sequence[str], shorten: Callable[[str], str] = str) -> str:
    """Return what stands above a picture: 'predicted P % (truth)', such as "cat 87% (dog)"."""
    predicted, truth = shorten(labels[example.predicted]), shorten(labels[example.truth])
    return f"{predicted} {percent(float(example.probabilities[example.predicted]))} ({truth})"


def _in_caption(axes: "Axes", room_in: float, label: str) -> str:
    return fitted(_figure_of(axes), label, room_in, size=CAPTION_SIZE, weight="bold")


def _figure_of(axes: "Axes") -> "Figure":
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


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
    room_in = (CELL_WIDTH_IN - CAPTION_GAP_IN - CAPTION_FRAME_IN) / 2
    short = functools.partial(_in_caption, axes, room_in)
    axes.set_title(
        f"{mark} {caption(example, labels, short)}", color=colour, size=CAPTION_SIZE, loc="left", pad=5
    )


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
    room_in = BARS_AT_IN - PICTURE_IN - NAME_GAP_IN
    names = [fitted(_figure_of(axes), labels[index], room_in, size=NAME_SIZE) for index in shown]
    axes.set_yticks(range(len(shown)), names, size=NAME_SIZE)
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
