import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from toolkit.preprocess.transforms import (
    PAD_VALUE,
    Resize,
    resize,
    to_grey,
    to_nchw,
)

SIDES = st.integers(1, 40)


def pictures() -> st.SearchStrategy[NDArray[np.uint8]]:
    return st.tuples(SIDES, SIDES).flatmap(lambda size: arrays(np.uint8, (*size, 3)))


@given(image=pictures(), height=SIDES, width=SIDES, how=st.sampled_from(Resize))
def test_every_way_gives_exactly_the_size_asked_for(
    image: NDArray[np.uint8], height: int, width: int, how: Resize
) -> None:
    resized = resize(image, height, width, how)
    assert resized.shape == (height, width, 3)
    assert resized.dtype == np.uint8


@given(image=pictures(), how=st.sampled_from(Resize))
def test_a_picture_of_the_right_size_is_left_as_it_is(image: NDArray[np.uint8], how: Resize) -> None:
    assert np.array_equal(resize(image, *image.shape[:2], how), image)


@example(size=(1, 15), target=(1, 29), value=0)  # the box to crop was a rounding error wider than the picture
@given(size=st.tuples(SIDES, SIDES), target=st.tuples(SIDES, SIDES), value=st.integers(0, 255))
def test_a_plain_picture_stays_plain_when_stretched_or_cropped(
    size: tuple[int, int], target: tuple[int, int], value: int
) -> None:
    image = np.full((*size, 3), value, np.uint8)
    for how in (Resize.STRETCH, Resize.CROP):
        assert (resize(image, *target, how) == value).all(), how


def thirds() -> NDArray[np.uint8]:
    """Red, green and blue side by side: uint8 [20, 60, 3]."""
    image = np.zeros((20, 60, 3), np.uint8)
    for channel in range(3):
        image[:, 20 * channel : 20 * (channel + 1), channel] = 200
    return image


def test_stretching_shows_the_whole_picture() -> None:
    row = resize(thirds(), 30, 30, Resize.STRETCH)[15]
    assert [int(row[x].argmax()) for x in (2, 15, 27)] == [0, 1, 2]


def test_cropping_keeps_the_middle_and_the_aspect_ratio() -> None:
    cropped = resize(thirds(), 20, 20, Resize.CROP)
    assert np.array_equal(cropped, thirds()[:, 20:40])


def test_padding_shows_the_whole_picture_in_its_aspect_ratio_on_white() -> None:
    padded = resize(thirds(), 30, 30, Resize.PAD)
    assert (padded[:10] == PAD_VALUE).all()
    assert (padded[20:] == PAD_VALUE).all()
    assert [int(padded[15, x].argmax()) for x in (2, 15, 27)] == [0, 1, 2]
    assert (padded[10:20] != PAD_VALUE).all()


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::8] = 255
    small = resize(stripes, 32, 32)
    assert np.abs(small[:, 2:-2].astype(int) - 32).max() <= 1  # an eighth of 255


@given(batch=arrays(np.uint8, st.tuples(st.integers(0, 3), SIDES, SIDES, st.just(3))))
def test_changing_the_layout_moves_every_value_to_its_place(batch: NDArray[np.uint8]) -> None:
    moved = to_nchw(batch)
    assert moved.flags.c_contiguous
    assert moved.shape == (len(batch), 3, *batch.shape[1:3])
    for channel in range(3):
        assert np.array_equal(moved[:, channel], batch[..., channel])


@given(value=st.integers(0, 255))
def test_grey_of_a_grey_pixel_is_itself(value: int) -> None:
    grey = to_grey(np.full((1, 2, 2, 3), value, np.uint8))
    assert grey.shape == (1, 2, 2, 1)
    np.testing.assert_allclose(grey, value, atol=1e-3)


def test_green_weighs_most_in_grey() -> None:
    pure = np.eye(3, dtype=np.uint8)[None, None] * 255
    np.testing.assert_allclose(to_grey(pure)[0, 0, :, 0], [76.245, 149.685, 29.07], atol=1e-2)
