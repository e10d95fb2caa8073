"""Counts, confusion matrix and samples of a run, kept in bounded memory while its rows pass by."""

import heapq
import random
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.result import (
    EXAMPLE_TOP_K,
    HISTOGRAM_BINS,
    MISTAKES_KEPT,
    SAMPLE_SIZE,
    Example,
    Failed,
    Prediction,
)
from toolkit.classify.worker import Classified
from toolkit.images.sources import Input

LARGEST_CONFUSION = 2048  # classes; the matrix then takes 32 MB

Row = TypeVar("Row", Example, Failed)


class Reservoir(Generic[Row]):
    """A sample of fixed size in which every row of a stream is equally likely to be.

    Args:
        size: of the sample.
        seed: of the choice.

    Source: Vitter, Random sampling with a reservoir, ACM TOMS 11 (1985), algorithm R.
    """

    def __init__(self, size: int = SAMPLE_SIZE, seed: int = 0) -> None:
        self._size = size
        self._random = random.Random(seed)
        self._seen = 0
        self._rows: list[Row] = []

    def place(self) -> int | None:
        """Count one more row and return where it goes in the sample; None where it doesn't."""
        place = self._seen if self._seen < self._size else self._random.randrange(self._seen + 1)
        self._seen += 1
        return place if place < self._size else None

    def put(self, place: int, row: Row) -> None:
        """Put a row where `place` said."""
        if place == len(self._rows):
            self._rows.append(row)
        else:
            self._rows[place] = row

    def rows(self) -> tuple[Row, ...]:
        """Return the sample in input order."""
        return tuple(sorted(self._rows, key=lambda row: row.index))


class Summary:
    """What is kept of a run.

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

    def add(self, batch: Classified) -> None:
        """Take in one batch, in input order."""
        confidence = batch.probabilities[:, 0]
        self.class_counts += np.bincount(batch.best[:, 0], minlength=len(self.class_counts))
        bins = np.clip((confidence * HISTOGRAM_BINS).astype(np.int64), 0, HISTOGRAM_BINS - 1)
        self.confidence_counts += np.bincount(bins, minlength=HISTOGRAM_BINS)
        if self._min_confidence is not None:
            self.uncertain += int((confidence < self._min_confidence).sum())
        row = 0
        for item, error in zip(batch.inputs, batch.errors, strict=True):
            if error is None:
                self._add_picture(batch, row, item)
                row += 1
            else:
                self._add_error(item, error)
            self.inputs += 1

    @property
    def examples(self) -> tuple[Example, ...]:
        """The sample of classified pictures."""
        return self._examples.rows()

    @property
    def failures(self) -> tuple[Failed, ...]:
        """The sample of error rows."""
        return self._failures.rows()

    @property
    def mistakes(self) -> tuple[Example, ...]:
        """The wrong predictions with the highest probability, most probable first."""
        return tuple(example for _, _, example in sorted(self._mistakes, reverse=True))

    def _add_error(self, item: Input, error: str) -> None:
        self.errors += 1
        place = self._failures.place()
        if place is not None:
            self._failures.put(place, Failed(self.inputs, item.path, error))

    def _add_picture(self, batch: Classified, row: int, item: Input) -> None:
        place = self._examples.place()
        if place is not None:
            self._examples.put(place, self._example(batch, row, item))
        truth = self._class_of.get(item.label) if item.label is not None else None
        if truth is None:
            return
        predicted = int(batch.best[row, 0])
        self.labelled += 1
        self.correct += predicted == truth
        if self.confusion is not None:
            self.confusion[truth, predicted] += 1
        if predicted != truth:
            self._add_mistake(batch, row, item)

    def _add_mistake(self, batch: Classified, row: int, item: Input) -> None:
        key = (float(batch.probabilities[row, 0]), -self.inputs)
        if len(self._mistakes) < MISTAKES_KEPT:
            heapq.heappush(self._mistakes, (*key, self._example(batch, row, item)))
        elif key > self._mistakes[0][:2]:
            heapq.heapreplace(self._mistakes, (*key, self._example(batch, row, item)))

    def _example(self, batch: Classified, row: int, item: Input) -> Example:
        best, values = batch.best[row, :EXAMPLE_TOP_K], batch.probabilities[row, :EXAMPLE_TOP_K]
        predictions = tuple(
            Prediction(self._labels[c], p) for c, p in zip(best.tolist(), values.tolist(), strict=True)
        )
        label = item.label if item.label in self._class_of else None
        return Example(self.inputs, item.path, item.file, predictions, label)
