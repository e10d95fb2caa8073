"""The confusion matrix of a page: its drawing, whose cells show their pictures, and its table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.report.confusion_figure import confusion_figure, drawn_classes
from toolkit.report.page import Cell, Chart, Column, Table
from toolkit.report.style import to_svg
from toolkit.stats.confusions import most_confused
from toolkit.wording import numbered

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
    rows: list[list[Cell | str]] = [
        [
            labels[pair.truth],
            labels[pair.predicted],
            Cell(f"{pair.count:,}", sort=pair.count),
            Cell(f"{100 * pair.share:.1f}", sort=pair.share),
        ]
        for pair in most_confused(confusion, MOST_CONFUSIONS)
    ]
    found = (
        f"The {f'{len(rows)} most frequent' if len(rows) > 1 else 'only'} {numbered(len(rows), 'confusion')}."
        if rows
        else "No class was taken for another one."
    )
    numbers = [Column(name, numeric=True) for name in ("pictures", "share of the class, %")]
    return Table(columns=[Column("truth"), Column("predicted"), *numbers], rows=rows, caption=found)
