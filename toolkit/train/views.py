"""Which view of each picture an epoch shows: every random choice of the augmentation, made ahead in numpy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toolkit.train.recipe import Settings

SHIFT_SHARE = 1 / 8
"""Largest shift, as a share of the side: 4 pixels of 32. Source: He et al., arXiv:1512.03385, section 4.2."""


@dataclass(frozen=True, kw_only=True)
class Views:
    """One view of each picture.

    Args:
        shifts: int32 [N, 2], how far down and to the right the window is moved, pixels.
        flips: bool [N], mirrored left to right.
        holes: int32 [N, 2], row and column of the middle of the square that is painted over.
        hole: its side, pixels; 0 paints none.
        colours: float32 [N, 2], factor of the contrast and what is added, in pixel values; None changes none.
    """

    shifts: NDArray[np.int32]
    flips: NDArray[np.bool_]
    holes: NDArray[np.int32]
    hole: int
    colours: NDArray[np.float32] | None


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order in which `count` pictures are seen in an epoch: int64 [count]."""
    return np.random.default_rng([seed, epoch]).permutation(count).astype(np.int64)


def view_number(epoch: int, views: int) -> int:
    """Tell which view an epoch shows, from 0, where a run goes round in `views` of them; 0 means no end."""
    return epoch % views if views else epoch


def draw_views(count: int, side: tuple[int, int], settings: "Settings", seed: int, view: int) -> Views:
    """Draw a view of each picture: the same for the same seed and number, whatever ran before.

    Args:
        count: pictures.
        side: (height, width), pixels.
        settings: what may be changed, and how far.
        seed: of the run.
        view: its number.

    Source: DeVries and Taylor, arXiv:1708.04552 (cutout: the middle anywhere, so that a square may stick out); Jordan,
        arXiv:2404.00498, section 3.6 (alternating flip: a picture that was mirrored in one epoch isn't in the next).
    """
    generator = np.random.default_rng([seed, view, 1])
    reach = [round(length * settings.crop) for length in side]
    shifts = [generator.integers(-far, far + 1, count) for far in reach]
    drawn = generator.integers(0, 2, count).astype(bool)
    holes = [generator.integers(0, length, count) for length in side]
    colours = None
    if settings.jitter:
        factors = generator.uniform(1 - settings.jitter, 1 + settings.jitter, count)
        added = generator.uniform(-settings.jitter, settings.jitter, count) * 255
        colours = np.stack([factors, added], axis=1).astype(np.float32)
    return Views(
        shifts=np.stack(shifts, axis=1).astype(np.int32),
        flips=_flips(drawn, settings, seed, view),
        holes=np.stack(holes, axis=1).astype(np.int32),
        hole=round(min(side) * settings.cutout),
        colours=colours,
    )


def _flips(drawn: NDArray[np.bool_], settings: "Settings", seed: int, view: int) -> NDArray[np.bool_]:
    if settings.flip == "random":
        return drawn
    if settings.flip == "none":
        return np.zeros_like(drawn)
    first = np.random.default_rng([seed, 2]).integers(0, 2, len(drawn)).astype(bool)
    return first ^ bool(view % 2)
