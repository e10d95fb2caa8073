"""JPEG XL pictures: what a decoder of the extra `formats` makes of them, and their size before it is asked."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images.makers import exif
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ImageError
from toolkit.images.decode import decode
from toolkit.images.jpegxl import size_of

pytest.importorskip("pillow_jxl")

Pixels = NDArray[np.uint8]
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def encoded(pixels: NDArray[Any], **options: Any) -> bytes:
    """Return a JPEG XL file; [H, W] or [H, W, channels]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JXL", **{"lossless": True, "effort": 1, **options})
    return buffer.getvalue()


def noise(height: int, width: int, channels: int = 3) -> Pixels:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return pixels if channels > 1 else pixels[..., 0]


def reason(content: bytes, **options: int) -> str:
    with pytest.raises(ImageError) as caught:
        decode(content, **options)
    return caught.value.what


@given(width=st.integers(1, 700), height=st.integers(1, 700), container=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_size_is_read_from_the_header(width: int, height: int, container: bool) -> None:
    pixels = np.zeros((height, width), np.uint8)
    assert size_of(encoded(pixels, use_container=container)) == (width, height)


@pytest.mark.parametrize(
    ("width", "height"),
    [(8, 8), (256, 256), (264, 256), (512, 256), (12, 10), (640, 480), (1920, 1080), (1500, 1000), (9000, 2)],
)
def test_sizes_that_are_written_in_short_are_read(width: int, height: int) -> None:
    assert size_of(encoded(np.zeros((height, width), np.uint8))) == (width, height)


@given(content=st.binary(max_size=40), start=st.sampled_from([b"", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"]))
def test_any_bytes_have_a_size_or_none(content: bytes, start: bytes) -> None:
    found = size_of(start + content)
    assert found is None or min(found) >= 0


def test_boxes_of_any_kind_and_length_may_come_first() -> None:
    stream = encoded(noise(20, 30))
    signature = b"\0\0\0\x0cJXL \r\n\x87\n"
    other = struct.pack(">I4s", 12, b"free") + b"1234"
    long = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    part = struct.pack(">I4sI", 0, b"jxlp", 0) + stream
    assert size_of(signature + other + long + part) == (30, 20)
    assert size_of(signature + other) is None


def test_a_picture_over_the_limit_is_refused_before_its_pixels_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pillow_jxl import JpegXLImagePlugin

    content = encoded(noise(100, 100))
    assert decode(content, max_pixels=10_000).shape == (100, 100, 3)
    monkeypatch.setattr(JpegXLImagePlugin, "Decoder", None)  # would fail if it were asked
    assert reason(content, max_pixels=9_999) == "too large: 100 x 100 pixels exceed the limit of 9,999"


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_out_as_they_went_in(channels: int) -> None:
    pixels = noise(33, 17, channels)
    assert np.array_equal(decode(encoded(pixels)), np.broadcast_to(pixels.reshape(33, 17, -1), (33, 17, 3)))


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_goes_over_white(channels: int) -> None:
    pixels = noise(16, 16, channels)
    pixels[:8, :, -1], pixels[8:, :, -1] = 0, 255
    found = decode(encoded(pixels))
    assert (found[:8] == 255).all()
    assert np.array_equal(found[8:], np.broadcast_to(pixels[8:, :, :-1], (8, 16, 3)))


def test_sixteen_bits_are_scaled_and_never_clipped() -> None:
    pixels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = decode(encoded(pixels))[..., 0].ravel().astype(int)
    assert (found[0], found[-1]) == (0, 255)
    assert (np.diff(found) >= 0).all()
    assert len(np.unique(found)) > 150  # the file says that its samples are linear: they are brought to sRGB


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied(orientation: int) -> None:
    upright = noise(6, 10)
    turns = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }  # fmt: skip
    stored = np.ascontiguousarray(turns[orientation])
    assert np.array_equal(decode(encoded(stored, exif=exif(orientation))), upright)


def test_a_file_that_is_cut_or_damaged_is_an_error_without_the_makers_advice() -> None:
    content = encoded(noise(64, 64))
    for length in range(12, len(content), 97):
        assert reason(content[:length]) == "damaged JPEG XL picture"


def test_the_decoder_starts_no_threads() -> None:
    from pillow_jxl import JpegXLImagePlugin

    decode(encoded(noise(8, 8)))
    assert JpegXLImagePlugin.DECODE_THREADS == 0
