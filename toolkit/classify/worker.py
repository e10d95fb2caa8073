"""One batch's whole way: read -> decode -> fit -> run -> top-k."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.result import ERROR, OK, Prediction, Record
from toolkit.errors import ImageError
from toolkit.images.decode import decode
from toolkit.images.read import read_file
from toolkit.images.sources import Input
from toolkit.models.open import OpenModel
from toolkit.runtime.devices import CPU
from toolkit.stats.classification import top_k

NOT_A_NUMBER = "the model's output is not a number"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch of inputs, decoded.

    Args:
        inputs: in input order.
        errors: per input why it can't be classified, or None.
        pixels: uint8 [batch size, height, width, 3]; the first rows are the pictures that were decoded, in
            input order, the rest is undefined.
    """

    inputs: Sequence[Input]
    errors: list[str | None]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Classified:
    """A batch of inputs, classified.

    Args:
        inputs: in input order.
        errors: per input why it wasn't classified, or None.
        best: int64 [pictures, k]; classes, most probable first, for the inputs without an error.
        probabilities: float32 [pictures, k]; theirs.
    """

    inputs: Sequence[Input]
    errors: list[str | None]
    best: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def records(self, labels: Sequence[str], k: int, min_confidence: float | None = None) -> list[Record]:
        """Make one record per input, in input order.

        Args:
            labels: class names in output order.
            k: predictions a record.
            min_confidence: below it a record is uncertain; None marks none.
        """
        rows = zip(self.best[:, :k].tolist(), self.probabilities[:, :k].tolist(), strict=True)
        records = []
        for item, error in zip(self.inputs, self.errors, strict=True):
            if error is not None:
                records.append(Record(item.path, ERROR, error=error, path_bytes=item.path_bytes))
                continue
            best, probabilities = next(rows)
            predictions = tuple(Prediction(labels[c], p) for c, p in zip(best, probabilities, strict=True))
            uncertain = None if min_confidence is None else probabilities[0] < min_confidence
            records.append(Record(item.path, OK, predictions, None, uncertain, item.path_bytes))
        return records


class Worker:
    """Takes batches of inputs to predictions with one model.

    Args:
        model: open.
        batch_size: inputs a batch, at most.
        max_pixels: larger pictures are errors.
    """

    def __init__(self, model: OpenModel, *, batch_size: int, max_pixels: int) -> None:
        self.model = model
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        self.stopped = Event()
        """Once set, `prepare` gives up on the rest of its batch."""

    def prepare(self, inputs: Sequence[Input]) -> Prepared:
        """Read, decode and fit a batch. May run in several threads at once."""
        plan = self.model.plan
        pixels = np.empty((self.batch_size, plan.height, plan.width, 3), np.uint8)
        errors: list[str | None] = []
        done = 0
        for item in inputs:
            if self.stopped.is_set():
                break
            try:
                pixels[done] = plan.fit(self._decode(item))
            except ImageError as error:
                errors.append(error.what)
            else:
                errors.append(None)
                done += 1
        return Prepared(inputs, errors, pixels)

    def classify(self, batch: Prepared, k: int) -> Classified:
        """Run a batch and find the k most probable classes of each picture.

        Raises:
            DeviceError: the model can't be run.
        """
        count = batch.errors.count(None)
        probabilities = self._run(batch.pixels, count)
        errors = batch.errors
        sound = np.asarray(np.isfinite(probabilities).all(axis=1))
        if not sound.all():
            verdicts = iter(sound.tolist())
            errors = [e if e is not None or next(verdicts) else NOT_A_NUMBER for e in errors]
            probabilities = probabilities[sound]
        best, values = top_k(probabilities, k)
        return Classified(batch.inputs, errors, best, values)

    def _decode(self, item: Input) -> NDArray[np.uint8]:
        if item.failure is not None:
            raise ImageError(item.failure, where=item.path, remedy="check the path")
        return decode(read_file(item.file), max_pixels=self.max_pixels)

    def _run(self, pixels: NDArray[np.uint8], count: int) -> NDArray[np.float32]:
        if count and self.model.provider != CPU:
            # A GPU prepares itself anew for every shape, so a short batch goes through at full length.
            pixels[count:] = 0
            return self.model.probabilities(pixels)[:count]
        return self.model.probabilities(pixels[:count])
