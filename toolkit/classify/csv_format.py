"""Predictions as CSV: rows to lines, and back again when a run is resumed."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from toolkit.classify.columns import UNCERTAIN
from toolkit.classify.rows import Rows, lowest_certain, places_of
from toolkit.classify.writers import Finished, Layout, TextLines, row_key
from toolkit.images.inputs import Inputs
from toolkit.spreadsheets import FORMULA_STARTS, prediction_columns, safe_cell

_NEEDS_QUOTES = re.compile('[,"\r\n]')


class CsvFormat(TextLines):
    """Predictions as CSV, with the columns of the command-line contract.

    Args:
        layout: what the rows hold; columns stay empty where the model has fewer classes.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._labels = [csv_cell(label) for label in layout.labels]
        names = [*prediction_columns(layout.top_k), *layout.columns]
        if layout.min_confidence is not None:
            names.append(UNCERTAIN)
        self.header = self.final_header = (",".join(map(csv_cell, names)) + "\n").encode()

    def encode(self, rows: Rows) -> bytes:
        """Return rows as lines."""
        layout = self._layout
        paths = rows.inputs.paths
        if _holds_an_odd_one(paths):
            paths = [csv_cell(path) for path in paths]
        plain = not rows.errors and layout.min_confidence is None and not layout.columns
        if plain and layout.top_k == 1:
            labels = self._labels
            found = zip(paths, rows.best[:, 0].tolist(), rows.probabilities[:, 0].tolist(), strict=True)
            lines = [f"{path},ok,{labels[c]},{p:.6f},\n" for path, c, p in found]
        else:
            lines = list(self._lines(paths, rows))
        return "".join(lines).encode("utf-8", errors="backslashreplace")

    def keys(self, inputs: Inputs) -> list[str]:
        """Return the paths and kept columns of these inputs' rows, as their cells hold them."""
        named = self._layout.named(inputs)
        return [row_key(safe_cell(path), [safe_cell(cell) for cell in cells]) for path, cells in named]

    def finished(self, file: BinaryIO) -> Iterator[Finished]:
        """Read rows back."""
        classes = places_of(map(safe_cell, self._layout.labels))
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        lines = _Lines(text)
        last, end = 2 + 2 * self._layout.top_k, 0
        kept = slice(last + 1, last + 1 + len(self._layout.columns))
        try:
            for row in csv.reader(lines):
                raw = lines.taken()
                end += len(raw)
                pairs = [(row[i], row[i + 1]) for i in range(2, last, 2) if row[i + 1]]
                yield Finished(
                    row_key(row[0], row[kept]),
                    row[last] or None,
                    tuple(classes[label] for label, _ in pairs),
                    tuple(float(p) for _, p in pairs),
                    raw,
                    end,
                )
        finally:
            text.detach()  # closing the file is its owner's business

    def _lines(self, paths: Sequence[str], rows: Rows) -> Iterator[str]:
        layout, labels, k = self._layout, self._labels, self._layout.top_k
        limit = lowest_certain(layout.min_confidence or 0.0)
        found = zip(rows.best[:, :k].tolist(), rows.probabilities[:, :k].tolist(), strict=True)
        for position, path in enumerate(paths):
            error = rows.errors.get(position)
            if error is not None:
                middle, end, uncertain = "," * (2 * k), csv_cell(error), ""
                start = f"{path},error"
            else:
                best, values = next(found)
                middle = "".join(f",{labels[c]},{p:.6f}" for c, p in zip(best, values, strict=True))
                middle += "," * (2 * (k - len(best)))
                start, end = f"{path},ok", ""
                uncertain = str(values[0] < limit)
            line = f"{start}{middle},{end}"
            if layout.columns:
                extra = rows.inputs.extras.get(position) or [""] * len(layout.columns)
                line += "," + ",".join(map(csv_cell, extra))
            if layout.min_confidence is not None:
                line += f",{uncertain.lower()}"
            yield line + "\n"


def csv_cell(text: str) -> str:
    """Return a text as a cell: what a spreadsheet would run is neutralised, a separator is quoted."""
    safe = safe_cell(text)
    return '"' + safe.replace('"', '""') + '"' if _NEEDS_QUOTES.search(safe) else safe


def _holds_an_odd_one(paths: Sequence[str]) -> bool:
    """Tell whether any of some paths can't stand in a CSV cell as it is; much quicker than looking at each."""
    text = "\n".join(paths)
    return (
        any(character in text for character in ',"\r')
        or text.count("\n") != len(paths) - 1
        or text.startswith(FORMULA_STARTS)
        or any(f"\n{start}" in text for start in FORMULA_STARTS)
    )


class _Lines:
    """Physical lines for the csv module, remembered until a row is complete."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._stream = iter(lines)
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        self._taken.append(line)
        return line

    def taken(self) -> bytes:
        """Return the bytes of the lines since the last call."""
        raw = "".join(self._taken).encode()
        self._taken.clear()
        return raw
