"""The pipeline against the same changes written plainly in numpy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training import PLAIN

from toolkit.keras_model.tensorflow import import_tensorflow
from toolkit.train.batches import batches, make_source
from toolkit.train.views import Views, draw_views

pytestmark = pytest.mark.keras


def numbered(count: int, height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


def plainly(image: np.ndarray, views: Views, index: int, paint: np.ndarray) -> np.ndarray:
    height, width, _ = image.shape
    if views.flips[index]:
        image = image[:, ::-1]
    down, right = views.shifts[index] * (1, -1 if views.flips[index] else 1)
    reach = 3
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    image = padded[reach + down :][:height, reach + right :][:, :width].copy()
    if views.hole:
        top, left = views.holes[index] - views.hole // 2
        image[max(top, 0) : max(top + views.hole, 0), max(left, 0) : max(left + views.hole, 0)] = paint
    return image


@given(st.integers(0, 10_000), st.integers(1, 7), st.booleans())
@settings(max_examples=15)
def test_a_view_is_the_picture_mirrored_shifted_with_reflection_and_painted_over(
    seed: int, count: int, cut: bool
) -> None:
    tf = import_tensorflow("test")
    images = numbered(count)
    chosen = replace(PLAIN, crop=0.4, cutout=0.5 if cut else 0.0)
    views = draw_views(count, images.shape[1:3], chosen, seed, 0)
    source = make_source(tf, images, np.arange(count))
    ((found, labels, _),) = batches(tf, source, np.arange(count)[::-1].copy(), 8, views)
    for place, index in enumerate(labels.numpy()):
        np.testing.assert_array_equal(found[place], plainly(images[index], views, index, source.paint))


def test_brightness_and_contrast_stay_within_bytes_and_leave_the_mean_near(tf: Any) -> None:
    images = numbered(64)
    views = draw_views(64, (6, 5), replace(PLAIN, jitter=0.2), 0, 0)
    ((found, _, _),) = batches(tf, make_source(tf, images, np.arange(64)), np.arange(64), 64, views)
    assert found.dtype == tf.uint8
    assert not np.array_equal(found, images)
    assert abs(found.numpy().mean() - images.mean()) < 0.2 * 255


@pytest.mark.parametrize(
    ("count", "whole", "sizes"), [(7, False, [3, 3, 1]), (7, True, [3, 3]), (2, True, [2]), (6, True, [3, 3])]
)
def test_a_short_batch_is_kept_or_left_out_as_wanted(
    tf: Any, count: int, whole: bool, sizes: list[int]
) -> None:
    source = make_source(tf, numbered(count), np.arange(count))
    found = [len(labels) for _, labels, _ in batches(tf, source, np.arange(count), 3, None, whole=whole)]
    assert found == sizes


def test_pictures_labels_and_soft_targets_stay_together_in_the_order_asked_for(tf: Any) -> None:
    images, order = numbered(5), np.array([4, 0, 3, 1, 2])
    soft = np.arange(10, dtype=np.float16).reshape(5, 2)
    source = make_source(tf, images, np.arange(5))
    ((found, labels, targets),) = batches(tf, source, order, 8, None, soft_targets=soft)
    np.testing.assert_array_equal(found, images[order])
    np.testing.assert_array_equal(labels, order)
    np.testing.assert_array_equal(targets, soft[order])


def test_no_thread_tunes_what_is_fixed_since_the_end_of_an_epoch_would_wait_for_it(tf: Any) -> None:
    source = make_source(tf, np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int64))
    assert batches(tf, source, np.arange(4), 2, None).options().autotune.enabled is False
