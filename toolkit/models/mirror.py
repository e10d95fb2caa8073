"""A classifier that is asked for each picture and for its mirror image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.models.predictor import PlannedPredictor
from toolkit.observer import Observer
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels

MIRROR_KEY = "mirror"
"""Key of the metadata of a file that does so itself."""

MEAN = "mean of both"


@dataclass(frozen=True)
class Mirrored:
    """The mean of a classifier's answers for a picture and for its mirror image.

    Args:
        inner: the classifier.

    Source: Krizhevsky et al., ImageNet classification with deep convolutional neural networks (2012), section 4.1:
    predictions averaged over a picture's crops and their reflections.
    """

    inner: PlannedPredictor

    @property
    def name(self) -> str:
        """How the user called it."""
        return self.inner.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, one per output."""
        return self.inner.labels

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""
        return self.inner.input_size

    @property
    def provider(self) -> str:
        """What runs it."""
        return self.inner.provider

    @property
    def plan(self) -> Plan:
        """How pictures become its input."""
        return self.inner.plan

    def probabilities(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        """Compute class probabilities, float32 [N, classes], of uint8 [N, height, width, 3]."""
        mirrored = np.ascontiguousarray(batch_nhwc[:, :, ::-1])
        both = self.inner.probabilities(batch_nhwc), self.inner.probabilities(mirrored)
        return np.asarray((both[0] + both[1]) / 2, np.float32)


def mirrors(predictor: PlannedPredictor) -> bool:
    """Tell whether a classifier looks at mirror images by itself."""
    card = getattr(predictor, "card", None)  # a Keras model has none
    return card is not None and MIRROR_KEY in card.extra


def alike(
    first: PlannedPredictor, second: PlannedPredictor, observer: Observer
) -> tuple[PlannedPredictor, PlannedPredictor]:
    """Ask both models in the same way: where one looks at mirror images by itself, ask the other for them.

    Args:
        first: a model.
        second: the one that it is compared with.
        observer: told where that made a difference.
    """
    if mirrors(first) == mirrors(second):
        return first, second
    which, other = (second, first) if mirrors(second) else (first, second)
    observer.notice(
        f"{which.name} takes the mean of a picture and its mirror image: {other.name} is asked for both, too"
    )
    return (first, Mirrored(second)) if mirrors(first) else (Mirrored(first), second)
