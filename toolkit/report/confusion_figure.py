"""The drawing of a confusion matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.report.axes import title, told_apart
from toolkit.report.style import CELL, GRID, INK, RIGHT, WRONG, ink_on, new_figure, settle_layout, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 100  # that can still be read


def confusion_figure(confusion: NDArray[np.int64], labels: Sequence[str], *, heading: str = "") -> "Figure":
    """Draw a confusion matrix: rows are the truth, colour is the share of the row, cells hold the counts.

    Up to 100 classes are drawn, in model order; of more, those with the most wrong pictures.

    Args:
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction.
        labels: class names in the same order.
        heading: the finding; empty draws none.
    """
    shown = drawn_classes(confusion)
    size = len(shown)
    support = confusion.sum(axis=1)
    share = confusion / np.maximum(support, 1)[:, None]
    cell_in = 0.62 if size <= 12 else 0.42 if size <= 30 else 0.33
    names = told_apart([labels[i] for i in shown])
    margin_in = 0.5 + 0.085 * max(map(len, names))
    side_in = max(size * cell_in, 2.2) + margin_in
    with styled():
        figure = new_figure(max(side_in, 5.4), side_in + (0.75 if heading else 0))
        axes = figure.add_subplot()
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
        text_size = 10 if cell_in > 0.4 else 8
        axes.set_xticks(range(size), names, rotation=45 if cell_in > 0.6 else 90, rotation_mode="anchor",
                        ha="right", va="center" if cell_in <= 0.6 else "top", size=text_size)  # fmt: skip
        axes.set_yticks(range(size), names, size=text_size)
        axes.tick_params(length=0, labelcolor=INK)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth")
        if heading:
            of = (
                f" · the {size} of {len(labels):,} classes with the most errors" if size < len(labels) else ""
            )
            title(figure, heading, f"Pictures by class; the colour is the share of the row{of}")
        # The cells change nothing about it, and ten thousand of them would be drawn twice.
        settle_layout(figure)
        _draw_cells(axes, confusion[np.ix_(shown, shown)], share[np.ix_(shown, shown)], cell_in)
    return figure


def drawn_classes(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which classes of a confusion matrix are drawn: int64, in model order.

    Args:
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction.
    """
    if len(confusion) <= MOST_CLASSES:
        return np.arange(len(confusion))
    diagonal = np.diagonal(confusion)
    errors = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * diagonal
    return np.sort(np.argsort(-errors, kind="stable")[:MOST_CLASSES])


def _draw_cells(axes: "Axes", counts: NDArray[np.int64], share: NDArray[np.float64], cell_in: float) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    size = len(counts)
    base = min(11.0, cell_in * 19)
    rows, columns = np.nonzero(counts)
    # The power lifts rare confusions out of the paper; a cell's shade stays in the order of its share.
    strengths = 0.03 + 0.97 * share[rows, columns] ** 0.7
    names = []
    for row, column, strength in zip(rows.tolist(), columns.tolist(), strengths.tolist(), strict=True):
        names.append(f"{CELL} {row} {column} {counts[row, column]}")
        text = f"{counts[row, column]:,}"
        fits = cell_in * 72 * 0.94 / (0.6 * len(text))
        axes.text(column, row, text, ha="center", va="center", size=min(base, fits), in_layout=False,
                  color=ink_on(strength, right=row == column))  # fmt: skip
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    colours = np.where((rows == columns)[:, None], to_rgb(RIGHT), to_rgb(WRONG))
    axes.add_collection(
        PolyCollection(
            np.stack([columns, rows], axis=1)[:, None] + corners,
            facecolors=np.column_stack([colours, strengths]),
            linewidths=0,
            urls=names,
            clip_on=False,
        )
    )
    lines = np.arange(size + 1) - 0.5
    axes.hlines(lines, -0.5, size - 0.5, color=GRID, linewidth=0.6, zorder=0)
    axes.vlines(lines, -0.5, size - 0.5, color=GRID, linewidth=0.6, zorder=0)
