"""What evaluate, verify and export ask of a model, ONNX or Keras, and running it over many pictures."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.observer import SILENT, Observer
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels

BATCH = 256  # pictures; more bring nothing
BATCH_PIXELS = 2**18
"""Pixels a batch where nobody chooses a size: 256 pictures of 32x32, 5 of 224x224, so that the activations of
a large network stay below a few hundred megabytes."""


class Predictor(Protocol):
    """A classifier of pictures."""

    @property
    def name(self) -> str:
        """How the user called it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, one per output."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""

    def probabilities(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        """Compute class probabilities, float32 [N, classes], of uint8 [N, height, width, 3]."""


class PlannedPredictor(Predictor, Protocol):
    """A predictor that also says what runs it, and how pictures are brought to its size."""

    @property
    def provider(self) -> str:
        """What runs it: an execution provider, or "Keras"."""

    @property
    def plan(self) -> Plan:
        """How pictures become its input."""


def predict(
    predictor: Predictor, images_nhwc: Pixels, *, batch_size: int | None = None, observer: Observer = SILENT
) -> NDArray[np.float32]:
    """Run a model over pictures, a batch at a time.

    Args:
        predictor: the model.
        images_nhwc: uint8 [N, height, width, 3], at the model's size.
        batch_size: pictures a batch; None chooses by their size.
        observer: told how many are done.

    Returns:
        float32 [N, classes].
    """
    total = len(images_nhwc)
    height, width = images_nhwc.shape[1:3]
    batch_size = batch_size or max(1, min(BATCH, BATCH_PIXELS // (height * width)))
    result = np.empty((total, len(predictor.labels)), np.float32)
    for start in range(0, total, batch_size):
        batch = images_nhwc[start : start + batch_size]
        result[start : start + len(batch)] = predictor.probabilities(batch)
        observer.progress(start + len(batch), total, unit="pictures")
    return result
