"""Pictures as they come from worse cameras and worse files: the same picture, damaged in a known way.

Source: kinds of damage from Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", arXiv:1903.12261, section 3; levels chosen here so that each goes from hardly seen to hardly known.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from toolkit.preprocess.transforms import Pixels

REFERENCE_SIDE = 32  # pixels; blur is stated for pictures of this size and grows with larger ones


@dataclass(frozen=True)
class Corruption:
    """One kind of damage.

    Args:
        name: such as "JPEG quality".
        levels: its strengths, mildest first.
        damage: (picture uint8 [H, W, 3], level, source of randomness) -> uint8 [H, W, 3].
        unit: of a level, such as "%".
    """

    name: str
    levels: tuple[float, ...]
    damage: Callable[[Pixels, float, np.random.Generator], Pixels]
    unit: str = ""

    def apply(
        self, images_nhwc: Pixels, level: float, *, seed: int = 0, insides: NDArray[np.int64] | None = None
    ) -> Pixels:
        """Damage pictures, the same way for the same seed.

        Args:
            images_nhwc: uint8 [N, H, W, 3].
            level: one of `levels`, or any between.
            seed: of the noise.
            insides: int64 [N, 4], see `transforms.Inside`: the padding around these stays as it is, since a worse
                camera or file has no part in it. None means that there is none.

        Returns:
            uint8 [N, H, W, 3], a new array.
        """
        generator = np.random.default_rng(seed)
        damaged = images_nhwc.copy()
        for index, row in enumerate(damaged):
            if insides is not None:
                top, bottom, left, right = insides[index]
                row = row[top:bottom, left:right]
            row[...] = self.damage(np.ascontiguousarray(row), level, generator)
        return damaged


def jpeg(image_hwc: Pixels, quality: float, _: np.random.Generator) -> Pixels:
    """Save a picture, uint8 [H, W, 3], as JPEG of a quality of 1 to 100, and load it again."""
    buffer = io.BytesIO()
    Image.fromarray(image_hwc).save(buffer, "JPEG", quality=round(quality))
    return np.asarray(Image.open(buffer).convert("RGB"))


def blur(image_hwc: Pixels, sigma: float, _: np.random.Generator) -> Pixels:
    """Blur a picture, uint8 [H, W, 3], by a Gaussian of `sigma` pixels where a side has 32; more where it has more."""
    radius = sigma * min(image_hwc.shape[:2]) / REFERENCE_SIDE
    return np.asarray(Image.fromarray(image_hwc).filter(ImageFilter.GaussianBlur(radius)))


def noise(image_hwc: Pixels, deviation: float, generator: np.random.Generator) -> Pixels:
    """Add Gaussian noise of a standard deviation, in levels of 255, to each value of a picture, uint8 [H, W, 3]."""
    noisy = image_hwc + generator.normal(0, deviation, image_hwc.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def brightness(image_hwc: Pixels, percent: float, _: np.random.Generator) -> Pixels:
    """Multiply every value of a picture, uint8 [H, W, 3], by a percentage; what gets above 255 is cut off."""
    scaled: Pixels = np.clip(np.rint(image_hwc * (percent / 100)), 0, 255).astype(np.uint8)
    return scaled


def size(image_hwc: Pixels, percent: float, _: np.random.Generator) -> Pixels:
    """Make a picture, uint8 [H, W, 3], smaller, to a percentage of its sides, and large again."""
    height, width = image_hwc.shape[:2]
    small = (max(1, round(width * percent / 100)), max(1, round(height * percent / 100)))
    picture = Image.fromarray(image_hwc).resize(small, Image.Resampling.BILINEAR)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


CORRUPTIONS = (
    Corruption("JPEG quality", (75, 50, 30, 15, 8), jpeg),
    Corruption("blur", (0.4, 0.7, 1.0, 1.5, 2.0), blur, "px"),
    Corruption("noise", (4, 8, 16, 24, 40), noise, "levels"),
    Corruption("darker", (80, 60, 45, 30, 20), brightness, "%"),
    Corruption("brighter", (120, 140, 170, 200, 250), brightness, "%"),
    Corruption("size", (80, 65, 50, 35, 25), size, "%"),
)
"""What `evaluate --robustness` does to the pictures."""
