"""Rows of a classification on standard output, in pieces: as a table, or as one JSON document."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from toolkit.errors import printable
from toolkit.wording import count

if TYPE_CHECKING:
    from toolkit.classify.result import ClassifyResult, Record
    from toolkit.report.tables import Column

LONGEST_TABLE = 1000  # rows that are laid out together; a longer table comes in pieces
WIDEST_CONFUSION = 12  # classes; a larger matrix doesn't fit a terminal and stands in --json and the report


class TableRows:
    """Prints rows as a table, in pieces, so that memory doesn't grow with their number.

    Args:
        write: prints text on standard output.
        top_k: classes a row.
    """

    def __init__(self, write: Callable[[str], None], *, top_k: int) -> None:
        self._write = write
        self._top_k = top_k
        self._pending: list[Record] = []
        self._widths: list[int] | None = None

    def take(self, records: "list[Record]") -> None:
        """Take a batch of records."""
        self._pending += records
        if len(self._pending) >= LONGEST_TABLE:
            self._print()

    def finish(self, result: "ClassifyResult | None") -> None:
        """Print what is left, and the accuracy where it is known; None where the run didn't come to its end."""
        self._print()
        closing = accuracy_text(result) if result is not None else ""
        if closing:
            self._write(f"\n{closing}")

    def _print(self) -> None:
        if not self._pending:
            return
        from toolkit.report.tables import Column, render

        columns = [Column("path", fold=True), Column("label"), Column("probability", numeric=True)]
        if self._top_k > 1:
            columns.append(Column("next best", fold=True))
        columns.append(Column("error", fold=True))
        rows = [self._cells(record) for record in self._pending]
        if self._widths is None:
            self._widths = [
                max(len(column.title), *(len(str(cell)) for cell in cells))
                for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
            ]
            self._write(render(columns, rows))
        else:  # laying out a hundred thousand rows takes longer than classifying them
            self._write("\n".join(_plain_row(columns, row, self._widths) for row in rows))
        self._pending = []

    def _cells(self, record: "Record") -> list[object]:
        first, *others = record.predictions or (None,)
        label = None if first is None else first.label + (" (uncertain)" if record.uncertain else "")
        cells: list[object] = [record.path, label, None if first is None else f"{first.probability:.6f}"]
        if self._top_k > 1:
            cells.append(", ".join(f"{p.label} {p.probability:.4f}" for p in others if p is not None))
        return [*cells, record.error or ""]


def _plain_row(columns: "Sequence[Column]", cells: list[object], widths: list[int]) -> str:
    """Lay out one row of a table whose header stands already, in the widths of its first rows."""
    texts = ["–" if cell is None else printable(cell) for cell in cells]
    return "   ".join(
        text.rjust(width) if column.numeric else text.ljust(width)
        for text, width, column in zip(texts, widths, columns, strict=True)
    ).rstrip()


class JsonRows:
    """Prints one JSON document with all rows and the summary, row by row.

    Args:
        write: prints text on standard output.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._begun = False

    def take(self, records: "list[Record]") -> None:
        """Take a batch of records."""
        from toolkit.classify.json_format import json_line

        lines = ",\n".join(json_line(record) for record in records)
        self._write(f",\n{lines}" if self._begun else f'{{"predictions": [\n{lines}')
        self._begun = True

    def finish(self, result: "ClassifyResult | None") -> None:
        """Complete the document; where the run didn't come to its end (None) its summary is null."""
        from toolkit.files import to_json

        summary = to_json(result.to_document() if result is not None else None)
        if self._begun:
            self._write(f'],\n"summary": {summary}}}')


def accuracy_text(result: "ClassifyResult") -> str:
    """Show accuracy and confusion matrix of a run with labels; nothing for one without."""
    if result.labelled is None:
        return ""
    unlabelled = result.pictures - result.labelled
    beside = f"; {unlabelled:,} in folders that are named like no class" if unlabelled else ""
    if result.accuracy is None:
        why = "no picture's folder is named like a class" if result.pictures else "no picture was classified"
        return f"accuracy unknown: {why}"
    lines = [
        f"accuracy {result.accuracy:.4f} ({result.correct:,} of {count(result.labelled, 'picture')}{beside})"
    ]
    if result.confusion is not None and len(result.labels) <= WIDEST_CONFUSION:
        lines += ["", *_confusion(result.labels, result.confusion.tolist())]
    return "\n".join(lines)


def _confusion(labels: "Sequence[str]", counts: list[list[int]]) -> list[str]:
    """Lay out the classes that there are pictures of; a class that is never predicted either has no column."""
    from toolkit.report.tables import NARROWEST, Column, render

    seen = [i for i, row in enumerate(counts) if any(row)]
    given = [j for j in range(len(labels)) if j in seen or any(counts[i][j] for i in seen)]
    heads, names = [labels[j] for j in given], dict(enumerate(labels))
    widest = max(len(labels[i]) for i in given) + sum(max(len(head), 4) + 3 for head in heads)
    if widest > NARROWEST:  # the columns are then called by the numbers of their rows
        heads = [str(number) for number in range(1, len(given) + 1)]
        names = {j: f"{number:>{len(str(len(given)))}} {labels[j]}" for number, j in enumerate(given, 1)}
    columns = [Column("true \\ predicted"), *(Column(head, numeric=True) for head in heads)]
    lines = [render(columns, [(names[i], *(counts[i][j] for j in given)) for i in seen])]
    if widest > NARROWEST and len(seen) < len(given):
        others = ", ".join(names[j].strip() for j in given if j not in seen)
        lines += ["", f"the other columns: {others}"]
    missing = len(labels) - len(seen)
    if missing:
        lines += ["", f"{missing} {'class has' if missing == 1 else 'classes have'} no pictures, and no row"]
    return lines
