"""JPEG XL pictures: what a decoder of the extra `formats` makes of them, and their size before it is asked."""

import io
import itertools
import struct
from pathlib import Path
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
from toolkit.images.jpegxl import read_header

pytest.importorskip("pillow_jxl")

Pixels = NDArray[np.uint8]
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
ANIMATED = bytes.fromhex(  # red, green and blue, 8 x 8 pixels each
    "ff0a41044d002026080401003c004b188b15805dd4ff00223053aa893f080401003c004b188b1580"
    "5dd4ff000e03abaa893f080405003c004b188b15805dd4ff002203abaa893f"
)


def encoded(pixels: NDArray[Any], **options: Any) -> bytes:
    """Return a JPEG XL file; [H, W] or [H, W, channels]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JXL", **{"lossless": True, "effort": 1, **options})
    return buffer.getvalue()


def size_of(content: bytes) -> tuple[int, int]:
    header = read_header(content)
    assert not header.is_animated
    return header.width, header.height


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


@given(content=st.binary(max_size=80), start=st.sampled_from([b"", b"\xff\x0a", SIGNATURE]))
def test_any_bytes_have_a_header_or_end_too_soon(content: bytes, start: bytes) -> None:
    try:
        header = read_header(start + content)
    except EOFError:
        return
    assert min(header.width, header.height) > 0


def box(kind: bytes, content: bytes, *, long: bool = False) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


@given(cuts=st.lists(st.integers(0, 80), max_size=6).map(sorted), long=st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_codestream_may_come_in_parts_of_any_length(cuts: list[int], long: bool) -> None:
    stream = encoded(noise(20, 30))
    bounds = [0, *cuts, len(stream)]
    content = SIGNATURE + box(b"free", b"1234", long=long)
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        content += box(b"jxlp", struct.pack(">I", number) + stream[start:stop], long=long)
    assert size_of(content) == (30, 20)
    assert reason(content, max_pixels=599).startswith("too large: 30 x 20")


def test_a_box_that_reaches_to_the_end_has_no_length() -> None:
    assert size_of(SIGNATURE + struct.pack(">I4s", 0, b"jxlc") + encoded(noise(20, 30))) == (30, 20)


def test_a_file_without_a_codestream_is_truncated() -> None:
    assert "truncated JPEG XL" in reason(SIGNATURE + box(b"free", b"1234"))


def test_of_an_animation_no_frame_is_taken_for_the_picture() -> None:
    assert read_header(ANIMATED).is_animated
    assert reason(ANIMATED) == "animated JPEG XL picture: its decoder can't give the first frame"


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
def test_a_jpeg_file_that_is_packed_in_one_is_turned_as_it_was(orientation: int, tmp_path: Path) -> None:
    file = tmp_path / "picture.jpg"
    Image.fromarray(np.kron(noise(3, 5), np.ones((16, 16, 1), np.uint8))).save(file, exif=exif(orientation))
    buffer = io.BytesIO()
    with Image.open(file) as image:
        image.save(buffer, "JXL", lossless_jpeg=True)
    assert np.array_equal(decode(buffer.getvalue()), decode(file.read_bytes()))


def test_an_orientation_beside_the_codestream_does_not_count() -> None:
    pixels = noise(6, 10)
    # Source: ISO/IEC 18181-2: the codestream's own counts.
    assert np.array_equal(decode(encoded(pixels, exif=exif(6))), pixels)


def test_a_packed_jpeg_file_over_the_limit_of_pillow_is_said_to_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "picture.jpg"
    Image.fromarray(noise(40, 40)).save(file)
    buffer = io.BytesIO()
    with Image.open(file) as image:
        image.save(buffer, "JXL", lossless_jpeg=True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    assert reason(buffer.getvalue()).startswith(
        "too large: its decoder takes no JPEG XL picture of more than 1,000"
    )


def test_a_file_that_is_cut_or_damaged_is_an_error_without_the_makers_advice() -> None:
    content = encoded(noise(64, 64))
    for length in range(12, len(content), 97):
        assert reason(content[:length]) == "damaged JPEG XL picture"


def test_the_decoder_starts_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from pillow_jxl import JpegXLImagePlugin

    asked = []
    real = JpegXLImagePlugin.Decoder
    monkeypatch.setattr(JpegXLImagePlugin, "DECODE_THREADS", -1)
    monkeypatch.setattr(
        JpegXLImagePlugin,
        "Decoder",
        lambda **options: asked.append(options["num_threads"]) or real(**options),
    )
    decode(encoded(noise(8, 8)))
    assert asked == [0]
