import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.preprocess.normalization import UNIT
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Resize


def batch() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)


def test_pictures_of_any_size_are_stacked_at_the_size_of_the_model() -> None:
    images = [np.full((h, w, 3), v, np.uint8) for h, w, v in ((4, 6, 10), (1, 1, 20), (50, 9, 30))]
    stacked = Plan(height=4, width=6).stack(images)
    assert stacked.shape == (3, 4, 6, 3)
    assert [int(row.min()) for row in stacked] == [int(row.max()) for row in stacked] == [10, 20, 30]


def test_the_way_of_resizing_is_that_of_the_plan() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    assert (Plan(height=4, width=4, resize=Resize.PAD).fit(image)[0] == 255).all()
    assert (Plan(height=4, width=4, resize=Resize.STRETCH).fit(image) == 0).all()


def test_a_model_of_our_own_takes_the_pixels_as_they_are() -> None:
    pixels = batch()
    assert Plan(height=4, width=6).model_input(pixels) is pixels


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_model_from_elsewhere_gets_its_type_layout_and_range(dtype: str, layout: str) -> None:
    plan = Plan(height=4, width=6, layout=layout, dtype=dtype, normalization=UNIT)
    values = plan.model_input(batch())
    expected = batch().astype(np.float32) / 255
    assert values.dtype == dtype
    assert values.flags.c_contiguous
    back = values if layout == "NHWC" else values.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(back.astype(np.float32), expected, atol=1e-3)


def test_a_grey_model_gets_one_channel_rounded_for_whole_numbers() -> None:
    white = np.full((1, 4, 6, 3), 255, np.uint8)
    values = Plan(height=4, width=6, channels=1, dtype="uint8").model_input(white)
    assert values.shape == (1, 4, 6, 1)
    assert values.dtype == np.uint8
    assert (values == 255).all()
