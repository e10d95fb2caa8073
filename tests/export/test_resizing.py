"""Weights of resizing: what two products with them give is what TensorFlow computes."""

from typing import Any

import numpy as np
import pytest

from toolkit.export.resizing import OPTIONS, weights

pytestmark = pytest.mark.keras

LANCZOS = {"kernel_type": "lanczos3", "antialias": False}
PLAIN = {"align_corners": False, "half_pixel_centers": True}
SMOOTH = {"kernel_type": "triangle", "antialias": True}
CASES = [
    ("area", False, "ResizeArea", {"align_corners": False}),
    ("bicubic", False, "ResizeBicubic", PLAIN),
    ("lanczos3", False, "ScaleAndTranslate", LANCZOS),
    ("bilinear", True, "ScaleAndTranslate", SMOOTH),
]


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
def test_by_area_a_new_pixel_is_the_mean_of_what_it_covers(before: int, after: int, expected: object) -> None:
    found = weights("ResizeArea", {"align_corners": False}, before, after)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize(("method", "antialias", "operator", "options"), CASES)
@pytest.mark.parametrize("size", [(5, 9), (16, 7), (31, 40)])
def test_the_products_are_what_tensorflow_computes(
    method: str, antialias: bool, operator: str, options: dict[str, Any], size: tuple[int, int]
) -> None:
    from toolkit.keras_model.tensorflow import import_tensorflow

    tf = import_tensorflow("tests")
    picture = np.random.default_rng(0).uniform(0, 255, (2, 11, 14, 3)).astype(np.float32)
    rows, columns = weights(operator, options, 11, size[0]), weights(operator, options, 14, size[1])
    ours = np.einsum("oh,nhwc,pw->nopc", rows, picture, columns)
    theirs = tf.image.resize(picture, size, method=method, antialias=antialias).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert set(options) == set(OPTIONS[operator])
