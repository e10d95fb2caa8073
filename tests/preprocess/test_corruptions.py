import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.preprocess.corruptions import CORRUPTIONS, Corruption, brightness, noise, size


def pictures(side: int = 32) -> NDArray[np.uint8]:
    """Two soft pictures with an edge each."""
    ramp = np.linspace(60, 180, side)
    soft = np.broadcast_to((ramp[:, None] + ramp[None]) / 2, (3, side, side)).transpose(1, 2, 0)
    images = np.stack([soft, soft[::-1]]).astype(np.uint8)
    images[:, side // 4 : side // 2, side // 3 : side // 2] = (220, 40, 90)
    return images


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_a_stronger_level_takes_a_picture_further_away(corruption: Corruption) -> None:
    images = pictures()
    kept = images.copy()
    apart = [
        float(np.abs(corruption.apply(images, level).astype(int) - images).mean())
        for level in corruption.levels
    ]
    assert apart == sorted(apart)
    assert apart[0] > 0
    np.testing.assert_array_equal(images, kept)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_shape_and_type_stay_and_the_seed_decides(corruption: Corruption) -> None:
    images = pictures(side=17)[:, :, :11]
    once, again = (corruption.apply(images, corruption.levels[2], seed=3) for _ in range(2))
    assert (once.shape, once.dtype) == (images.shape, np.dtype(np.uint8))
    np.testing.assert_array_equal(once, again)


def test_noise_has_the_deviation_it_says() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = noise(grey, 16, np.random.default_rng(0)).astype(float)
    assert noisy.std() == pytest.approx(16, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.3)


def test_each_picture_has_noise_of_its_own() -> None:
    noisy = next(each for each in CORRUPTIONS if each.name == "noise")
    first, second = noisy.apply(np.full((2, 9, 9, 3), 128, np.uint8), 16, seed=5)
    assert np.mean(first == second) < 0.5


def test_brightness_multiplies_and_cuts_off() -> None:
    image = np.array([[[10, 100, 200]]], np.uint8)
    assert brightness(image, 150, np.random.default_rng(0)).tolist() == [[[15, 150, 255]]]


def test_a_picture_of_one_colour_survives_being_made_small() -> None:
    image = np.full((9, 5, 3), 77, np.uint8)
    np.testing.assert_array_equal(size(image, 1, np.random.default_rng(0)), image)


def test_blur_is_the_same_share_of_a_larger_picture() -> None:
    blurred = next(each for each in CORRUPTIONS if each.name == "blur")
    small, large = pictures(32)[:1], pictures(64)[:1]
    apart = [np.abs(blurred.apply(images, 1.5).astype(int) - images).mean() for images in (small, large)]
    assert apart[1] == pytest.approx(apart[0], rel=0.15)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_padding_around_a_picture_stays_as_it_is(corruption: Corruption) -> None:
    images = pictures(side=20)
    padded = np.full((2, 20, 32, 3), 255, np.uint8)
    padded[0, :, 6:26], padded[1, :, :20] = images
    insides = np.array([[0, 20, 6, 26], [0, 20, 0, 20]])
    level = corruption.levels[2]
    damaged = corruption.apply(padded, level, seed=3, insides=insides)
    alone = corruption.apply(images, level, seed=3)
    np.testing.assert_array_equal([damaged[0, :, 6:26], damaged[1, :, :20]], alone)
    assert (damaged[0, :, :6] == 255).all()
    assert (damaged[0, :, 26:] == 255).all()
    assert (damaged[1, :, 20:] == 255).all()
