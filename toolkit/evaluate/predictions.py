"""The predictions file: a row for each picture, as `toolkit classify` writes it, and the truth at its end."""

import csv
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.files import whole_file
from toolkit.spreadsheets import prediction_columns, safe_cell
from toolkit.stats.classification import top_k

OK, ERROR = "ok", "error"

Row = tuple[str, list[str]]
"""The name of a picture, and the cells behind it."""


def write_predictions(
    path: Path,
    paths: Sequence[str],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    *,
    k: int,
    force: bool,
    skipped: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the predictions of a split as CSV, whole or not at all.

    Args:
        path: the file.
        paths: N names of pictures.
        truth: int64 [N], class indices.
        probabilities: float32 [N, classes].
        labels: class names in model order.
        k: how many of the most probable classes a row holds.
        force: replace an existing file.
        skipped: (name, reason) of pictures that were left out; each is a row, too, at its place.

    Raises:
        OutputError: it exists already, or can't be written.
    """
    best, values = top_k(probabilities, k)
    k = best.shape[1]
    names = [cell(label) for label in labels]

    def predicted() -> Iterator[Row]:
        for name, true, row, shares in zip(paths, truth, best, values, strict=True):
            pairs = [text for i, p in zip(row, shares, strict=True) for text in (names[i], f"{p:.6f}")]
            yield name, [OK, *pairs, "", names[true]]

    left_out = ((name, [ERROR, *[""] * (2 * k), cell(reason), ""]) for name, reason in skipped)
    with (
        whole_file(path, force=force) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*prediction_columns(k), "truth"])
        # Without anything to put in between, the order is that of the pictures, whatever they are called.
        rows = heapq.merge(predicted(), left_out, key=_place) if skipped else predicted()
        for name, cells in rows:
            writer.writerow([cell(name), *cells])


def cell(text: str) -> str:
    r"""Return a text as a cell: what a spreadsheet would run is quoted, bytes not UTF-8 become \xNN."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return safe_cell(readable)


def _place(row: Row) -> list[str]:
    # The order of a data folder: class folders, then names. Only its pictures can be broken.
    return row[0].split("/")
