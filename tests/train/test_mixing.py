"""Pictures mixed in pairs, and labels with them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.train.mixing import draw_mixes, mixed
from toolkit.train.options import Optimizer
from toolkit.train.recipe import Settings

PLAIN = Settings(epochs=1, batch_size=4, optimizer=Optimizer.SGD, learning_rate=0.1)
STEPS = 400


def test_nothing_is_mixed_unless_it_is_asked_for() -> None:
    drawn = draw_mixes(PLAIN, STEPS, (8, 6), 0, 0)
    assert np.all(drawn.shares == 1)
    assert not drawn.boxes.any()
    assert not PLAIN.mixes


@given(seed=st.integers(0, 2**31), height=st.integers(1, 64), width=st.integers(1, 64), mixup=st.booleans())
def test_a_label_counts_as_much_as_its_picture_shows(seed: int, height: int, width: int, mixup: bool) -> None:
    settings = replace(PLAIN, cutmix=1.0, mixup=0.4 if mixup else 0.0)
    drawn = draw_mixes(settings, STEPS, (height, width), seed, 3)
    top, bottom, left, right = drawn.boxes.T
    assert np.all((top >= 0) & (top <= bottom) & (bottom <= height))
    assert np.all((left >= 0) & (left <= right) & (right <= width))
    covered = (bottom - top) * (right - left) / (height * width)
    if not mixup:
        np.testing.assert_allclose(drawn.shares, 1 - covered)
    np.testing.assert_allclose(drawn.shares[covered > 0], (1 - covered)[covered > 0])


def test_about_every_second_batch_gets_a_box_and_the_same_again_for_the_same_seed() -> None:
    settings = replace(PLAIN, cutmix=1.0)
    first, again, other = (draw_mixes(settings, STEPS, (32, 32), seed, 1) for seed in (0, 0, 1))
    boxed = (first.boxes[:, 1] > first.boxes[:, 0]).mean()
    assert 0.35 < boxed < 0.6  # a box may be too small for a pixel
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.boxes, other.boxes)


@pytest.mark.keras
def test_a_box_comes_from_the_other_picture_and_is_not_blended(tf: Any) -> None:
    pictures = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((4, 6, 5, 3), np.float32)
    settings = replace(PLAIN, cutmix=1.0, mixup=0.4)
    box = tf.constant([1, 4, 2, 5], tf.int32)

    found = np.asarray(mixed(tf, tf.constant(pictures), tf.constant(0.7), box, settings))

    expected = pictures.copy()
    expected[:, 1:4, 2:5] = pictures[::-1, 1:4, 2:5]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.keras
def test_without_a_box_pairs_are_blended_all_over(tf: Any) -> None:
    pictures = np.random.default_rng(0).uniform(0, 255, (4, 6, 5, 3)).astype(np.float32)
    none = tf.zeros(4, tf.int32)
    for settings in (replace(PLAIN, mixup=0.4), replace(PLAIN, mixup=0.4, cutmix=1.0)):
        found = np.asarray(mixed(tf, tf.constant(pictures), tf.constant(0.7), none, settings))
        np.testing.assert_allclose(found, 0.7 * pictures + 0.3 * pictures[::-1], rtol=1e-5)
    found = np.asarray(mixed(tf, tf.constant(pictures), tf.constant(1.0), none, replace(PLAIN, cutmix=1.0)))
    np.testing.assert_array_equal(found, pictures)
