"""The confusion matrix of a page: its drawing, whose cells show their pictures, and its table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.report.confusion_figure import confusion_figure, drawn_classes
from toolkit.report.page import Cell, Chart, Column, Table
from toolkit.report.style import to_svg

MOST_CONFUSIONS = 50  # rows of the table


def confusion_chart(confusion: NDArray[np.int64], labels: Sequence[str], *, rows: str, title: str) -> Chart:
    """Return the chart of a confusion matrix with the table of its most frequent confusions.

    Args:
        confusion: int64 [classes, classes]; rows are the truth, columns the prediction.
        labels: class names in the same order.
        rows: what its rows are, such as "the folders".
        title: alternative text.
    """
    drawn = [labels[i] for i in drawn_classes(confusion)]
    which = (
        f" Drawn are the {len(drawn)} of {len(labels):,} classes with the most errors."
        if len(drawn) < len(labels)
        else ""
    )
    return Chart(
        svg=to_svg(confusion_figure(confusion, labels), title=title),
        caption=f"Rows are {rows}, columns the answers; the stronger the colour, the larger the share of the "
        f"row.{which}",
        table=_table(confusion, labels),
        classes=drawn,
    )


def _table(confusion: NDArray[np.int64], labels: Sequence[str]) -> Table:
    support = confusion.sum(axis=1)
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    pairs = zip(*(places.tolist() for places in np.unravel_index(order, wrong.shape)), strict=True)
    rows: list[list[Cell | str]] = [
        [
            labels[i],
            labels[j],
            Cell(f"{wrong[i, j]:,}", sort=int(wrong[i, j])),
            Cell(f"{100 * wrong[i, j] / support[i]:.1f}", sort=float(wrong[i, j] / support[i])),
        ]
        for i, j in pairs
        if wrong[i, j]
    ]
    found = f"The {len(rows)} most frequent confusions." if rows else "No class was taken for another one."
    numbers = [Column(name, numeric=True) for name in ("pictures", "share of the class, %")]
    return Table(columns=[Column("truth"), Column("predicted"), *numbers], rows=rows, caption=found)
