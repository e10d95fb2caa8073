"""The predictions file: one row per picture, with the truth beside the most probable classes."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.files import safe_cell, whole_file
from toolkit.stats.classification import top_k


def columns(k: int) -> list[str]:
    """Return the names of the columns for k classes a row."""
    return ["path", "truth", "label", "probability"] + [
        f"{name}_{rank}" for rank in range(2, k + 1) for name in ("label", "probability")
    ]


def write_predictions(
    path: Path,
    paths: Sequence[str],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    *,
    k: int,
    force: bool,
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

    Raises:
        OutputError: it exists already, or can't be written.
    """
    best, values = top_k(probabilities, k)
    names = [cell(label) for label in labels]
    with (
        whole_file(path, force=force) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns(best.shape[1]))
        for name, true, row, shares in zip(paths, truth, best, values, strict=True):
            pairs = [text for i, p in zip(row, shares, strict=True) for text in (names[i], f"{p:.6f}")]
            writer.writerow([cell(name), names[true], *pairs])


def cell(text: str) -> str:
    r"""Return a text as a cell: what a spreadsheet would run is quoted, bytes not UTF-8 become \xNN."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return safe_cell(readable)
