"""The short way must give what the long way gives; scaled decoding stays within a stated tolerance."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images.makers import exif, jpeg_with, saved, srgb_profile, swapped_profile, ycck_jpeg
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ImageError
from toolkit.images import decode as decode_module
from toolkit.images.decode import decode, decode_near
from toolkit.images.jpeg import covered, decode_plain, divisor, plain
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Resize

MEAN_TOLERANCE = 1.0
"""Levels of 255 by which a picture that was scaled down while decoding differs on average after resizing."""

LARGEST_TOLERANCE = 12
"""Levels of 255 by which any one value of it differs."""


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Soft shapes, hard edges and a little noise, as in a photograph."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (12, 16, 3), np.uint8)
    soft = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    soft[height // 4 : height // 2, width // 3 : width // 2] = (250, 240, 10)
    soft += generator.integers(-6, 7, soft.shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def slowly(content: bytes, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    with monkeypatch.context() as patch:
        patch.setattr(decode_module, "decode_plain", lambda *_, **__: None)
        return decode(content)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("size", [(16, 24), (24, 16), (17, 24)])
def test_a_picture_decoded_in_place_is_the_same_picture(size: tuple[int, int], orientation: int) -> None:
    content = saved(Image.fromarray(photo(*size)), "JPEG", exif=b"Exif\0\0" + exif(orientation))
    place = np.full((16, 24, 3), 7, np.uint8)
    image, box = decode_near(content, fitting=(16, 24), into=place)
    assert (image is place) == (size == (16, 24) and orientation == 1)
    assert box is None
    np.testing.assert_array_equal(image, decode(content))


@pytest.mark.parametrize("place", [None, np.zeros((16, 24, 3), np.uint8)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_scan_that_stops_early_is_an_error_though_the_file_ends_well(
    mode: str, place: NDArray[np.uint8] | None
) -> None:
    content = saved(Image.fromarray(photo(16, 24)).convert(mode), "JPEG")
    assert decode_near(content, fitting=(16, 24), into=place)[0].shape == (16, 24, 3)
    with pytest.raises(ImageError, match="truncated"):
        decode_near(content[:-40] + content[-2:], fitting=(16, 24), into=place)


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    quality=st.integers(1, 100),
    subsampling=st.integers(0, 2),
    progressive=st.booleans(),
    optimize=st.booleans(),
    grey=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(max_examples=60)
def test_unscaled_pixels_are_those_of_the_long_way_to_the_bit(
    size: tuple[int, int], quality: int, subsampling: int, progressive: bool, optimize: bool, grey: bool, seed: int
) -> None:  # fmt: skip
    image = Image.fromarray(photo(*size, seed=seed))
    content = saved(
        image.convert("L") if grey else image,
        "JPEG", quality=quality, subsampling=subsampling, progressive=progressive, optimize=optimize,
    )  # fmt: skip
    fast = decode_plain(content, max_pixels=10**6)
    assert fast is not None
    assert np.array_equal(fast[0], np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_on_the_long_way(orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = jpeg_with(exif(orientation))
    fast = decode_plain(content, max_pixels=10**6)
    assert fast is not None
    assert np.array_equal(fast[0], slowly(content, monkeypatch))


@pytest.mark.parametrize("second", [b"the rest of a large block", exif(1), exif(3)])
def test_of_several_exif_blocks_the_first_says_how_a_picture_is_turned(
    second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = jpeg_with(exif(6))
    end = 4 + int.from_bytes(content[4:6], "big")
    payload = b"Exif\0\0" + second
    content = content[:end] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + content[end:]
    assert plain(content) is not None
    np.testing.assert_array_equal(decode(content), slowly(content, monkeypatch))
    np.testing.assert_array_equal(decode(content), decode(jpeg_with(exif(6))))


def test_only_plain_files_go_the_short_way() -> None:
    image = Image.fromarray(photo(16, 16))
    whole = saved(image, "JPEG")
    assert plain(whole) is not None
    for special in (
        saved(image, "JPEG", icc_profile=srgb_profile()),
        saved(image, "JPEG", icc_profile=swapped_profile()),
        saved(image.convert("CMYK"), "JPEG"),
        ycck_jpeg((30, 200, 90, 0)),
        whole[:-2],
        whole[: len(whole) // 2],
        whole + b"\0" * 16,
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda\xff\xd9",
    ):
        assert plain(special) is None


def test_damage_inside_the_scan_goes_the_long_way_which_decides() -> None:
    whole = saved(Image.fromarray(photo(64, 64)), "JPEG")
    scan = whole.index(b"\xff\xda")
    cut = whole[: scan + 200] + b"\xff\xd9"
    assert decode_plain(cut, max_pixels=10**6) is None


def test_a_picture_above_the_limit_goes_the_long_way_which_says_so() -> None:
    content = saved(Image.fromarray(photo(20, 30)), "JPEG")
    assert decode_plain(content, max_pixels=599) is None
    with pytest.raises(ImageError, match="20 pixels exceed the limit of 599"):
        decode(content, max_pixels=599)


def test_headers_that_are_remembered_do_not_mix_up_sizes() -> None:
    for size in ((8, 8), (8, 16), (16, 8), (8, 8)):
        decoded = decode_plain(saved(Image.fromarray(photo(*size)), "JPEG"), max_pixels=10**6)
        assert decoded is not None
        assert decoded[0].shape[:2] == size


def test_a_thumbnail_inside_is_not_taken_for_the_picture() -> None:
    thumbnail = saved(Image.fromarray(photo(8, 8)), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    for side in (24, 32):
        whole = saved(Image.fromarray(photo(side, side)), "JPEG")
        decoded = decode_plain(whole[:2] + segment + whole[2:], max_pixels=10**6)
        assert decoded is not None
        assert decoded[0].shape == (side, side, 3)


@given(
    height=st.integers(1, 5000), width=st.integers(1, 5000), orientation=st.integers(1, 8),
    fitting=st.tuples(st.integers(1, 600), st.integers(1, 600)),
)  # fmt: skip
def test_a_picture_is_never_decoded_at_less_than_three_times_the_size_it_is_brought_to(
    height: int, width: int, orientation: int, fitting: tuple[int, int]
) -> None:
    scale = divisor(height, width, orientation, fitting)
    assert scale in (1, 2, 4, 8)
    upright = (width, height) if orientation >= 5 else (height, width)
    if scale > 1:
        assert all(side // scale >= 3 * wanted for side, wanted in zip(upright, fitting, strict=True))
    if scale < 8:
        assert any(side // (2 * scale) < 3 * wanted for side, wanted in zip(upright, fitting, strict=True))


@pytest.mark.parametrize("how", list(Resize))
@pytest.mark.parametrize("size", [(1003, 757), (640, 1201), (1024, 1024)])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("special", [False, True])
def test_scaled_decoding_stays_within_the_tolerance(
    how: Resize, size: tuple[int, int], special: bool, orientation: int
) -> None:
    """Plain files by the short way, files with a colour profile by the long way: both are scaled."""
    profile = {"icc_profile": swapped_profile()} if special else {}
    content = saved(
        Image.fromarray(photo(*size)), "JPEG", quality=90, exif=b"Exif\0\0" + exif(orientation), **profile
    )
    plan = Plan(height=32, width=48, resize=how)
    scaled, box = decode_near(content, fitting=(32, 48))
    assert scaled.shape[0] * scaled.shape[1] * 10 < size[0] * size[1]
    difference = np.abs(plan.fit(scaled, box).astype(int) - plan.fit(decode(content)).astype(int))
    assert difference.mean() <= MEAN_TOLERANCE
    assert difference.max() <= LARGEST_TOLERANCE


def test_scaled_decoding_turns_the_picture_too() -> None:
    half = np.zeros((400, 800, 3), np.uint8)
    half[:, :400] = 255
    turned, box = decode_near(
        saved(Image.fromarray(half), "JPEG", exif=b"Exif\0\0" + exif(6)), fitting=(32, 32)
    )
    assert box is None
    assert turned.shape == (200, 100, 3)
    assert turned[:80].min() > 250
    assert turned[120:].max() < 5


@pytest.mark.parametrize(
    ("orientation", "box"),
    [
        (1, (0.0, 0.0, 4.5, 3.5)),
        (2, (0.5, 0.0, 5.0, 3.5)),
        (3, (0.5, 0.5, 5.0, 4.0)),
        (4, (0.0, 0.5, 4.5, 4.0)),
        (6, (0.5, 0.0, 4.0, 4.5)),
        (8, (0.0, 0.5, 3.5, 5.0)),
    ],
)
def test_the_edge_that_is_only_partly_the_pictures_own_turns_with_it(
    orientation: int, box: tuple[float, ...]
) -> None:
    assert covered(7, 9, 2, orientation) == box
