"""A run of inputs with what became of each, in columns: what writers and the summary take."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.result import ERROR, OK, Prediction, Record
from toolkit.images.inputs import Inputs


def places_of(labels: Iterable[str]) -> dict[str, int]:
    """Return the class of each label; of equal ones the first, since an output doesn't tell them apart."""
    places: dict[str, int] = {}
    for index, label in enumerate(labels):
        places.setdefault(label, index)
    return places


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a result, in input order.

    Args:
        inputs: what they are about.
        errors: position -> why that input wasn't classified.
        best: int64 [pictures, k]; classes, most probable first, of the inputs without an error.
        probabilities: float32 [pictures, k]; theirs.
    """

    inputs: Inputs
    errors: dict[int, str]
    best: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.inputs)

    def good(self) -> Sequence[int]:
        """Return the positions of the inputs without an error, in order: row by row those of `best`."""
        if not self.errors:
            return range(len(self.inputs))
        return [i for i in range(len(self.inputs)) if i not in self.errors]

    def part(self, start: int, stop: int) -> "Rows":
        """Return the rows from `start` up to, not including, `stop`."""
        before = start - sum(i < start for i in self.errors)
        errors = {i - start: error for i, error in self.errors.items() if start <= i < stop}
        inputs = self.inputs.part(start, stop)
        after = before + len(inputs) - len(errors)
        return Rows(inputs, errors, self.best[before:after], self.probabilities[before:after])

    def records(self, labels: Sequence[str], k: int, min_confidence: float | None = None) -> Iterator[Record]:
        """Make one record per input, in input order.

        Args:
            labels: class names in output order.
            k: predictions a record.
            min_confidence: below it a record is uncertain; None marks none.
        """
        limit = None if min_confidence is None else lowest_certain(min_confidence)
        found = zip(self.best[:, :k].tolist(), self.probabilities[:, :k].tolist(), strict=True)
        inputs = self.inputs
        for position, path in enumerate(inputs.paths):
            raw, extra = inputs.path_bytes.get(position), inputs.extras.get(position)
            error = self.errors.get(position)
            if error is not None:
                yield Record(path, ERROR, error=error, path_bytes=raw, extra=extra)
                continue
            best, values = next(found)
            predictions = tuple(Prediction(labels[c], p) for c, p in zip(best, values, strict=True))
            uncertain = None if limit is None else values[0] < limit
            yield Record(path, OK, predictions, None, uncertain, raw, extra)


def lowest_certain(min_confidence: float) -> float:
    """Return what probabilities are compared with: they are float32, and 0.9 isn't the same number in both."""
    return float(np.float32(min_confidence))
