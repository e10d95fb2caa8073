"""Weights of resizing by area: shares of the area that is covered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.export.area import overlaps

LENGTHS = st.integers(1, 300)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (4, 2, [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]),
        (3, 2, [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]]),
        (2, 4, [[1, 0], [1, 0], [0, 1], [0, 1]]),
        (3, 3, np.eye(3)),
        (3, 1, [[1 / 3] * 3]),
    ],
)
def test_a_new_pixel_is_the_mean_of_what_it_covers(before: int, after: int, expected: object) -> None:
    np.testing.assert_allclose(overlaps(before, after), expected, atol=1e-7)


@given(LENGTHS, LENGTHS)
def test_nothing_is_lost_nor_added(before: int, after: int) -> None:
    shares = overlaps(before, after)
    assert shares.shape == (after, before)
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=0), after / before, rtol=1e-4)


@pytest.mark.keras
@pytest.mark.parametrize("size", [(5, 9), (16, 7), (31, 40)])
def test_the_products_are_what_tensorflow_computes(size: tuple[int, int]) -> None:
    from toolkit.keras_model.tensorflow import import_tensorflow

    tf = import_tensorflow("tests")
    picture = np.random.default_rng(0).uniform(0, 255, (2, 11, 14, 3)).astype(np.float32)
    rows, columns = overlaps(11, size[0]), overlaps(14, size[1])
    ours = np.einsum("oh,nhwc,pw->nopc", rows, picture, columns)
    np.testing.assert_allclose(ours, tf.image.resize(picture, size, method="area").numpy(), rtol=1e-4)
