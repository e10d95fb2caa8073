"""A classifier that looks at each picture in several ways, and gives the mean of its answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.models.predictor import PlannedPredictor
from toolkit.observer import Observer
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels
from toolkit.wording import count

MIRROR_KEY, SHIFT_KEY = "mirror", "shift"
"""Keys of the metadata of a file that does so itself."""

MEAN = "mean of both"


@dataclass(frozen=True)
class Views:
    """In how many ways a picture is looked at.

    Args:
        mirror: as its mirror image, too.
        shift: as moved up and to the left by so many pixels, and down and to the right, too, with its border
            reflected; 0 leaves that out.

    Source: Krizhevsky et al., ImageNet classification with deep convolutional neural networks (2012), section 4.1:
    predictions averaged over a picture's crops and their reflections. Two crops on a diagonal: Jordan, 94% on CIFAR-10
    in 3.29 seconds on a single GPU (2024), section 3.5.
    """

    mirror: bool = False
    shift: int = 0

    def __len__(self) -> int:
        return len(self.moves) * (2 if self.mirror else 1)

    @property
    def moves(self) -> tuple[int, ...]:
        """By how many pixels the picture is moved, down and to the right alike."""
        return (0, -self.shift, self.shift) if self.shift else (0,)

    @property
    def words(self) -> str:
        """What the answer is the mean of."""
        moved = (
            f" and of it moved by {count(self.shift, 'pixel')} both ways along the diagonal"
            if self.shift
            else ""
        )
        if not self.mirror:
            return f"a picture{moved}"
        return (
            f"a picture{moved}, and of the mirror images of all three"
            if moved
            else "a picture and its mirror image"
        )

    def places(self, height: int, width: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield for each view which row and which column of the picture each of its pixels is from.

        Args:
            height: of the picture, more pixels than it is moved by.
            width: of the picture, likewise.
        """
        for move in self.moves:
            rows, columns = _reflected(height, move), _reflected(width, move)
            yield rows, columns
            if self.mirror:
                yield rows, columns[::-1]

    def to_metadata(self) -> dict[str, str]:
        """Return what a file that looks so says of itself."""
        mirror = {MIRROR_KEY: MEAN} if self.mirror else {}
        return mirror | ({SHIFT_KEY: str(self.shift)} if self.shift else {})

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "Views":
        """Read what `to_metadata` wrote; a shift that is no number counts as none."""
        shift = metadata.get(SHIFT_KEY, "")
        return cls(MIRROR_KEY in metadata, int(shift) if shift.isascii() and shift.isdigit() else 0)


ONE = Views()


def _reflected(length: int, move: int) -> NDArray[np.int64]:
    places = np.abs(np.arange(length) - move)
    return np.where(places < length, places, 2 * (length - 1) - places)


@dataclass(frozen=True)
class Averaged:
    """The mean of a classifier's answers for all views of a picture.

    Args:
        inner: the classifier.
        views: how it is to look at it.
    """

    inner: PlannedPredictor
    views: Views

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
    def plan(self) -> Plan:
        """How pictures become its input."""
        return self.inner.plan

    def probabilities(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        """Compute class probabilities, float32 [N, classes], of uint8 [N, height, width, 3]."""
        answers = [
            self.inner.probabilities(np.ascontiguousarray(batch_nhwc[:, rows][:, :, columns]))
            for rows, columns in self.views.places(*self.input_size)
        ]
        return np.asarray(np.sum(answers, axis=0) / len(answers), np.float32)


def views_of(predictor: PlannedPredictor) -> Views:
    """Return in how many ways a classifier looks at a picture by itself."""
    card = getattr(predictor, "card", None)  # a Keras model has none
    return ONE if card is None else Views.of(card.extra)


def alike(
    first: PlannedPredictor, second: PlannedPredictor, observer: Observer
) -> tuple[PlannedPredictor, PlannedPredictor]:
    """Ask both models in the same way: where one looks at several views by itself, ask the other for them.

    Two that look at several views each, and not at the same, are asked as they are.

    Args:
        first: a model.
        second: the one that it is compared with.
        observer: told where that made a difference.
    """
    one, other = views_of(first), views_of(second)
    if one == other:
        return first, second
    if ONE not in (one, other):
        observer.notice(
            f"{first.name} takes the mean of {one.words}, and {second.name} of {other.words}: "
            "they are compared as they are"
        )
        return first, second
    many, single, views = (first, second, one) if other == ONE else (second, first, other)
    observer.notice(
        f"{many.name} takes the mean of {views.words}: {single.name} is asked for {_all(views)}, too"
    )
    averaged = Averaged(single, views)
    return (first, averaged) if single is second else (averaged, second)


def _all(views: Views) -> str:
    return "both" if len(views) == 2 else f"all {len(views)}"
