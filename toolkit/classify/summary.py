"""Counts, confusion matrix and samples of a run, kept in bounded memory while its rows pass by."""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.options import EXAMPLE_TOP_K
from toolkit.classify.result import (
    HISTOGRAM_BINS,
    MISTAKES_KEPT,
    SAMPLE_SIZE,
    Example,
    Failed,
    Prediction,
)
from toolkit.classify.rows import Rows

LARGEST_CONFUSION = 2048  # classes; the matrix then takes 32 MB

Row = TypeVar("Row", Example, Failed)


class Reservoir(Generic[Row]):
    """A sample of fixed size in which every row of a stream is equally likely to be.

    Rows that don't come into the sample cost nothing: how many are passed over is drawn beforehand.

    Args:
        size: of the sample.
        seed: of the choice.

    Source: Li, Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), ACM TOMS 20 (1994),
    algorithm L.
    """

    def __init__(self, size: int = SAMPLE_SIZE, seed: int = 0) -> None:
        self._size = size
        self._random = random.Random(seed)
        self._seen = 0
        self._rows: list[Row] = []
        self._next = 0
        self._weight = 1.0

    def wanted(self, count: int) -> list[int]:
        """Let `count` rows of the stream pass and return which of them, from 0, `put` must be called with."""
        wanted = []
        end = self._seen + count
        while self._next < end:
            wanted.append(self._next - self._seen)
            self._next += 1 + (self._passed_over() if self._next >= self._size - 1 else 0)
        self._seen = end
        return wanted

    def put(self, row: Row) -> None:
        """Take in the next wanted row."""
        if len(self._rows) < self._size:
            self._rows.append(row)
        else:
            self._rows[self._random.randrange(self._size)] = row

    def rows(self) -> tuple[Row, ...]:
        """Return the sample in the order of the stream."""
        return tuple(sorted(self._rows, key=lambda row: row.index))

    def _passed_over(self) -> int:
        self._weight *= math.exp(math.log(1 - self._random.random()) / self._size)
        return math.floor(math.log(1 - self._random.random()) / math.log1p(-self._weight))


class Summary:
    """What a run tells at its end, of the same size for ten rows and ten million.

    Args:
        labels: class names in output order.
        with_truth: whether a picture's folder names its class.
        min_confidence: below it a row is uncertain; None counts none.
    """

    def __init__(self, labels: Sequence[str], *, with_truth: bool, min_confidence: float | None) -> None:
        classes = len(labels)
        self.inputs = 0
        self.errors = 0
        self.uncertain = 0
        self.class_counts = np.zeros(classes, np.int64)
        self.confidence_counts = np.zeros(HISTOGRAM_BINS, np.int64)
        self.labelled = 0
        self.correct = 0
        self.confusion: NDArray[np.int64] | None = None
        if with_truth and classes <= LARGEST_CONFUSION:
            self.confusion = np.zeros((classes, classes), np.int64)
        self._labels = labels
        self._class_of = {label: index for index, label in enumerate(labels)} if with_truth else {}
        self._min_confidence = min_confidence
        self._examples: Reservoir[Example] = Reservoir()
        self._failures: Reservoir[Failed] = Reservoir()
        self._mistakes: list[tuple[float, int, Example]] = []

    def add(self, rows: Rows) -> None:
        """Take in rows, in input order."""
        good = rows.good()
        if len(good):
            self._count(rows)
            for row in self._examples.wanted(len(good)):
                self._examples.put(self._example(rows, row, good[row]))
            if self._class_of:
                self._compare(rows, good)
        if rows.errors:
            broken = sorted(rows.errors)
            for place in self._failures.wanted(len(broken)):
                position = broken[place]
                path, error = rows.inputs.paths[position], rows.errors[position]
                self._failures.put(Failed(self.inputs + position, path, error))
            self.errors += len(broken)
        self.inputs += len(rows)

    def examples(self, most: int = EXAMPLE_TOP_K) -> tuple[Example, ...]:
        """Return the sample of classified pictures.

        Args:
            most: predictions of each, at most.
        """
        return tuple(_shortened(example, most) for example in self._examples.rows())

    @property
    def failures(self) -> tuple[Failed, ...]:
        """The sample of error rows."""
        return self._failures.rows()

    def mistakes(self, most: int = EXAMPLE_TOP_K) -> tuple[Example, ...]:
        """Return the wrong predictions with the highest probability, most probable first.

        Args:
            most: predictions of each, at most.
        """
        return tuple(_shortened(example, most) for _, _, example in sorted(self._mistakes, reverse=True))

    def _count(self, rows: Rows) -> None:
        confidence = rows.probabilities[:, 0]
        self.class_counts += np.bincount(rows.best[:, 0], minlength=len(self.class_counts))
        bins = np.clip((confidence * HISTOGRAM_BINS).astype(np.int64), 0, HISTOGRAM_BINS - 1)
        self.confidence_counts += np.bincount(bins, minlength=HISTOGRAM_BINS)
        if self._min_confidence is not None:
            self.uncertain += int((confidence < self._min_confidence).sum())

    def _compare(self, rows: Rows, good: Sequence[int]) -> None:
        """Compare predictions with the folders' names."""
        labels, find = rows.inputs.labels, self._class_of.get
        truth = np.array([find(labels[i] or "", -1) for i in good], np.int64)
        predicted = rows.best[:, 0]
        known = truth >= 0
        self.labelled += int(known.sum())
        self.correct += int((truth[known] == predicted[known]).sum())
        if self.confusion is not None:
            np.add.at(self.confusion, (truth[known], predicted[known]), 1)
        for row in np.flatnonzero(known & (truth != predicted)).tolist():
            self._add_mistake(rows, row, good[row])

    def _add_mistake(self, rows: Rows, row: int, position: int) -> None:
        key = (float(rows.probabilities[row, 0]), -(self.inputs + position))
        if len(self._mistakes) < MISTAKES_KEPT:
            heapq.heappush(self._mistakes, (*key, self._example(rows, row, position)))
        elif key > self._mistakes[0][:2]:
            heapq.heapreplace(self._mistakes, (*key, self._example(rows, row, position)))

    def _example(self, rows: Rows, row: int, position: int) -> Example:
        best, values = rows.best[row, :EXAMPLE_TOP_K], rows.probabilities[row, :EXAMPLE_TOP_K]
        predictions = tuple(
            Prediction(self._labels[c], p) for c, p in zip(best.tolist(), values.tolist(), strict=True)
        )
        item = rows.inputs[position]
        label = item.label if item.label in self._class_of else None
        file = item.file if isinstance(item.file, str) else ""
        return Example(self.inputs + position, item.path, file, predictions, label)


def _shortened(example: Example, most: int) -> Example:
    return replace(example, predictions=example.predictions[:most])
