import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images.makers import (
    BLUE,
    GREEN,
    RED,
    STORED,
    YELLOW,
    corners,
    exif,
    interlaced_png,
    jpeg_with,
    png,
    png_chunk,
    quarters,
    saved,
    srgb_profile,
    swapped_profile,
    tiff,
    with_chunk,
    ycck_jpeg,
)
from numpy.typing import NDArray
from PIL import Image, features

from toolkit.errors import ImageError
from toolkit.images.decode import decode, decode_file

UPRIGHT = [RED, GREEN, BLUE, YELLOW]
WHITE = (255, 255, 255)
BLACK = (0, 0, 0)


def assert_close(expected: object, got: object, tolerance: int = 0, what: object = "") -> None:
    difference = np.abs(np.asarray(expected, int) - np.asarray(got, int)).max()
    assert difference <= tolerance, (what, expected, got)


def reason(content: bytes, **options: int) -> str:
    with pytest.raises(ImageError) as caught:
        decode(content, **options)
    return caught.value.what


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied_once_in_every_format(kind: str, orientation: int) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    stored = np.ascontiguousarray(STORED[orientation](quarters()))
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    if kind == "TIFF":
        options = {"tiffinfo": {0x0112: orientation}}
    elif kind != "TIFF":
        block = Image.Exif()
        block[0x0112] = orientation
        options["exif"] = block.tobytes()
    image = decode(saved(stored, kind, **options))
    assert image.shape == (24, 40, 3)
    assert_close(UPRIGHT, corners(image), 12)


def test_the_old_imagemagick_way_of_putting_exif_into_a_png_counts() -> None:
    block = b"Exif\0\0" + exif(6)
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    file = with_chunk(
        saved(np.ascontiguousarray(STORED[6](quarters())), "PNG"), b"tEXt", b"Raw profile type exif\0" + text
    )
    assert corners(decode(file)) == UPRIGHT


PAST_END = [(0x010F, 2, 40, 60_000)]
LOOP = [(0x8769, 4, 1, 8)]


@pytest.mark.parametrize(
    ("name", "block", "turned"),
    [
        ("empty", b"", False),
        ("garbage", b"\x93\x11garbage that is no TIFF structure at all", False),
        ("cut in the header", exif(6)[:6], False),
        ("cut in the entry", exif(6)[:16], False),
        ("value 0", exif(0), False),
        ("value 9", exif(9), False),
        ("text instead of a number", exif(6, kind=2), False),
        ("prefixed twice", b"Exif\0\0" + exif(6), True),
        ("big endian", exif(6, order=">"), True),
        ("32-bit value", exif(6, kind=4), True),
        ("another tag points past the end", exif(6, before=PAST_END), True),
        ("a directory that contains itself", exif(6, before=LOOP), True),
        ("a tag of an unknown type", exif(6, before=[(0x0110, 99, 1, 1)]), True),
        ("a resolution of one by zero", exif(6, before=[(0x011A, 5, 1, 4)]), True),
    ],
)
def test_broken_exif_never_costs_the_picture_nor_a_readable_orientation(
    name: str, block: bytes, turned: bool
) -> None:
    stored = np.ascontiguousarray(STORED[6](quarters())) if turned else quarters()
    image = decode(jpeg_with(block, stored))
    assert image.shape == (24, 40, 3), name
    assert_close(UPRIGHT, corners(image), 12, name)


@given(block=st.binary(max_size=120), prefix=st.sampled_from([b"", b"II*\0", b"MM\0*", exif(1)[:12]]))
@settings(max_examples=60)
def test_no_exif_block_of_any_bytes_costs_the_picture(block: bytes, prefix: bytes) -> None:
    assert decode(jpeg_with(prefix + block, quarters(24, 24))).shape == (24, 24, 3)


def rgba(*pixels: tuple[int, int, int, int]) -> Image.Image:
    return Image.fromarray(np.array([pixels], np.uint8))


def palette(transparency: bytes | int, colours: list[tuple[int, int, int]]) -> bytes:
    image = Image.new("P", (len(colours), 1))
    image.putpalette([value for colour in colours for value in colour])
    image.putdata(range(len(colours)))
    return saved(image, "PNG", transparency=transparency)


RGB_KEY = (b"tRNS", bytes([0, 200, 0, 40, 0, 40]))
DEEP_ROW = bytes([9, 1, 8, 2, 7, 3, 1, 1, 2, 2, 3, 3])
DEEP_RGB_KEY = (b"tRNS", bytes([9, 1, 8, 2, 7, 3]))


@pytest.mark.parametrize(
    ("name", "file", "expected", "tolerance"),
    [
        ("RGBA", saved(rgba((*RED, 255), (0, 0, 0, 0), (0, 0, 0, 128)), "PNG"), [RED, WHITE, (127,) * 3], 1),
        ("hidden colour", saved(rgba((0, 255, 0, 0), (*RED, 255)), "PNG"), [WHITE, RED], 0),
        ("WebP", saved(rgba((*RED, 255), (0, 0, 0, 0)), "WEBP", lossless=True), [RED, WHITE], 0),
        ("TIFF", saved(rgba((*RED, 255), (0, 0, 0, 0)), "TIFF"), [RED, WHITE], 0),
        ("grey with alpha", saved(rgba((9, 9, 9, 255), (9, 9, 9, 0)).convert("LA"), "PNG"), [(9,) * 3, WHITE], 0),
        ("palette, hard key", palette(0, [BLACK, RED]), [WHITE, RED], 0),
        ("palette, soft", palette(bytes([128, 255]), [BLACK, RED]), [(127,) * 3, RED], 1),
        ("RGB key", png(2, 1, 8, 2, [bytes([*RED, *BLUE])], RGB_KEY), [WHITE, BLUE], 0),
        ("RGB key, 16 bits", png(2, 1, 16, 2, [DEEP_ROW], DEEP_RGB_KEY), [WHITE, (1, 2, 3)], 0),
        ("grey key", png(3, 1, 8, 0, [bytes([7, 8, 9])], (b"tRNS", b"\0\x08")), [(7,) * 3, WHITE, (9,) * 3], 0),
        ("grey key, 4 bits", png(2, 1, 4, 0, [b"\x5a"], (b"tRNS", b"\0\x0a")), [(85,) * 3, WHITE], 0),
        ("grey key, 2 bits", png(4, 1, 2, 0, [b"\x1b"], (b"tRNS", b"\0\x01")), [BLACK, WHITE, (170,) * 3, WHITE], 0),
        ("grey key, 1 bit", png(2, 1, 1, 0, [b"\x40"], (b"tRNS", b"\0\0")), [WHITE, WHITE], 0),
        ("grey key, 16 bits", png(2, 1, 16, 0, [b"\x80\x00\x80\x01"], (b"tRNS", b"\x80\x00")), [WHITE, (128,) * 3], 0),
        ("GIF", saved(Image.open(io.BytesIO(palette(0, [BLACK, RED]))), "GIF"), [WHITE, RED], 0),
    ],
)  # fmt: skip
def test_transparency_goes_over_white(
    name: str, file: bytes, expected: list[tuple[int, int, int]], tolerance: int
) -> None:
    assert_close([expected], decode(file), tolerance, name)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("PNG", png(5, 1, 16, 0, [np.array([0, 256, 32896, 65278, 65535], ">u2").tobytes()])),
        ("TIFF, little endian", tiff(np.array([[0, 256, 32896, 65278, 65535]], "<u2"))),
        ("TIFF, big endian", tiff(np.array([[0, 256, 32896, 65278, 65535]], ">u2"))),
        ("PGM", b"P5 5 1 65535\n" + np.array([0, 256, 32896, 65278, 65535], ">u2").tobytes()),
        ("TIFF, white is zero", tiff(np.array([[65535, 65279, 32639, 257, 0]], "<u2"), photometric=0)),
    ],
)
def test_16_bit_grey_is_scaled_and_never_clipped(name: str, file: bytes) -> None:
    assert_close([[(0,) * 3, (1,) * 3, (128,) * 3, (254,) * 3, (255,) * 3]], decode(file), 0, name)


def test_16_bit_colours_keep_their_brightness() -> None:
    row = np.array([0, 32896, 65535, 65535, 257, 0], ">u2").tobytes()
    assert_close([[(0, 128, 255), (255, 1, 0)]], decode(png(2, 1, 16, 2, [row])), 1)


@pytest.mark.parametrize(
    ("depth", "row", "expected"), [(1, b"\x40", [0, 255]), (2, b"\x10", [0, 85]), (4, b"\x0f", [0, 255])]
)
def test_few_bits_a_sample_span_black_to_white(depth: int, row: bytes, expected: list[int]) -> None:
    assert decode(png(2, 1, depth, 0, [row]))[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (tiff(np.zeros((2, 2), "<f4"), sample_format=3), "floating-point"),
        (tiff(np.zeros((2, 2), "<u4")), "32-bit"),
        (tiff(np.zeros((2, 2), "<i4"), sample_format=2), "32-bit"),
    ],
)
def test_samples_without_an_agreed_range_are_refused(file: bytes, words: str) -> None:
    assert words in reason(file)


@pytest.mark.parametrize(
    ("ink", "expected"),
    [((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 0), WHITE), ((0, 0, 0, 255), BLACK), ((255, 0, 255, 0), (0, 255, 0))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_comes_out_in_its_true_colours(
    kind: str, ink: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    options = {"quality": 100} if kind == "JPEG" else {}
    image = decode(saved(Image.new("CMYK", (16, 16), ink), kind, **options))
    assert_close(expected, image[8, 8], 4)


@pytest.mark.parametrize(
    ("ink", "expected"),
    [((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 0), WHITE), ((255, 0, 255, 0), (0, 255, 0)), ((0, 0, 0, 255), BLACK)],
)  # fmt: skip
def test_ycck_comes_out_in_its_true_colours(ink: tuple[int, int, int, int], expected: object) -> None:
    assert_close(expected, decode(ycck_jpeg(ink))[8, 8], 4)


def test_grey_and_palette_pictures_have_three_channels() -> None:
    assert decode(saved(Image.new("L", (4, 4), 77), "JPEG")).tolist() == [[[77] * 3] * 4] * 4
    assert decode(palette_of(RED)).tolist() == [[list(RED)]]


def palette_of(colour: tuple[int, int, int]) -> bytes:
    image = Image.new("P", (1, 1))
    image.putpalette(list(colour))
    return saved(image, "PNG")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_valid_icc_profile_is_converted_to_srgb(kind: str) -> None:
    image = decode(saved(Image.new("RGB", (16, 16), (200, 30, 60)), kind, icc_profile=swapped_profile()))
    assert_close((30, 200, 60), image[8, 8], 8)


def test_transparency_and_a_profile_work_together() -> None:
    file = saved(rgba((200, 30, 60, 255), (0, 0, 0, 0)), "PNG", icc_profile=swapped_profile())
    assert_close([[(30, 200, 60), WHITE]], decode(file), 6)


@pytest.mark.parametrize("profile", [b"junk", srgb_profile()[:200], srgb_profile()[:-50], b"\0" * 400])
def test_a_broken_icc_profile_is_ignored(profile: bytes) -> None:
    assert_close(RED, decode(saved(Image.new("RGB", (4, 4), RED), "PNG", icc_profile=profile))[0, 0], 1)


def test_a_profile_for_other_channels_is_ignored() -> None:
    file = saved(Image.new("L", (8, 8), 90), "PNG", icc_profile=swapped_profile())
    assert decode(file)[0, 0].tolist() == [90, 90, 90]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_or_pages_counts(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    file = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert_close(RED, decode(file)[4, 4], 1)


def test_a_picture_of_several_jpegs_gives_the_first() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    assert_close(RED, decode(saved(frames[0], "MPO", save_all=True, append_images=frames[1:]))[8, 8], 4)


def noise(side: int = 48) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


FILES = {
    "JPEG": saved(noise(), "JPEG", quality=90),
    "progressive JPEG": saved(noise(), "JPEG", quality=90, progressive=True),
    "PNG": saved(noise(), "PNG"),
    "PNG, interlaced": interlaced_png(noise()),
    "BMP": saved(noise(), "BMP"),
    "GIF": saved(Image.fromarray(noise()).quantize(64), "GIF"),
    "TIFF": saved(noise(), "TIFF"),
    "TIFF, deflated": saved(noise(), "TIFF", compression="tiff_adobe_deflate"),
    "WebP": saved(noise(), "WEBP", lossless=True),
    "PNM": saved(noise(), "PPM"),
    "JPEG 2000": saved(noise(), "JPEG2000"),
}


@given(height=st.integers(1, 19), width=st.integers(1, 19))
def test_an_interlaced_png_of_any_size_is_the_picture_that_went_in(height: int, width: int) -> None:
    image = np.arange(height * width * 3).reshape(height, width, 3).astype(np.uint8)
    file = interlaced_png(image)
    assert Image.open(io.BytesIO(file)).info["interlace"] == 1
    assert np.array_equal(decode(file), image)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=25)
def test_a_file_cut_anywhere_is_an_error_or_whole_but_never_half_grey(name: str, data: st.DataObject) -> None:
    file = FILES[name]
    length = data.draw(st.integers(0, len(file) - 1))
    try:
        image = decode(file[:length])
    except ImageError:
        return
    assert np.array_equal(image, decode(file)), f"{name} cut at {length} of {len(file)}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_in_the_middle_says_so(name: str) -> None:
    words = reason(FILES[name][: len(FILES[name]) * 6 // 10])
    assert "truncated" in words
    assert name.split(",")[0].removeprefix("progressive ") in words


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=15)
def test_changed_bytes_decode_or_fail_cleanly(name: str, data: st.DataObject) -> None:
    file = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(st.integers(0, min(len(file), 600) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(file), max_pixels=1_000_000)
    except ImageError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


MAGICS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x20\0\0\0WEBPVP8 ", b"II*\0", b"MM\0*",
          b"BM" + b"\0" * 12 + b"\x28\0\0\0", b"P6 ", b"\xff\x4f\xff\x51", b"\0\0\0\x18ftypheic",
          b"\0\0\0\x18ftypavif", b"\xff\x0a"]  # fmt: skip


@given(magic=st.sampled_from(MAGICS), rest=st.binary(max_size=200))
@settings(max_examples=300)
def test_any_bytes_decode_or_fail_cleanly(magic: bytes, rest: bytes) -> None:
    try:
        image = decode(magic + rest, max_pixels=1_000_000)
    except ImageError:
        return
    assert image.shape[2] == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b"\0" * 2048, "zero bytes"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        (b"\xef\xbb\xbf \n<HTML><title>Sign in</title>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        (b'<?xml version="1.0"?><!-- made by hand --><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw file"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "7z or RAR archive"),
        (b"BZh91AY&SY\xff", "bzip2"),
        (b"\xff" * 257 + b"ustar\0", "tar archive"),
        (b"P7\nWIDTH 2\nHEIGHT 1\n", "PAM picture"),
        (b"PF\n1 1\n-1.0\n\0\0\0\0", "floating-point"),
        (b"P7 is a gun, and PF too", "text file"),
        (b"just some words", "text file"),
        ("größe".encode(), "text file"),
        (b"\x01\x02\x03\x04\xfe\xff", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
    ],
)
def test_what_is_no_picture_is_named_in_plain_words(content: bytes, words: str) -> None:
    assert words in reason(content)


def test_a_postscript_file_named_like_a_picture_starts_no_program(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    fake = tmp_path / "bin" / "gs"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    fake.chmod(0o755)
    file = tmp_path / "print.jpg"
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    code = (
        "import sys; from toolkit.images.decode import decode_file\n"
        "try: decode_file(sys.argv[1])\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], env={"PATH": str(fake.parent)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "EPS" in done.stdout
    assert not marker.exists()


def lying(width: int, height: int) -> bytes:
    return png(width, height, 8, 2, [b"\0" * 3])


def test_a_picture_above_the_pixel_limit_is_refused_before_it_is_decoded() -> None:
    assert "60,000 x 60,000" in reason(lying(60_000, 60_000))
    assert "limit of 99" in reason(saved(np.zeros((10, 10, 3), np.uint8), "PNG"), max_pixels=99)
    assert decode(saved(np.zeros((10, 10, 3), np.uint8), "PNG"), max_pixels=100).shape == (10, 10, 3)


def test_the_pixel_limit_is_ours_alone_and_not_that_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert decode(saved(np.zeros((10, 10, 3), np.uint8), "PNG")).shape == (10, 10, 3)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"iCCP", b"icc\0\0" + zlib.compress(b"\0" * 2_000_000)),
        (b"iCCP", b"icc\0\0not compressed at all"),
        (b"eXIf", b"garbage"),
    ],
)
def test_huge_or_broken_metadata_never_costs_the_picture(chunk: tuple[bytes, bytes]) -> None:
    assert corners(decode(with_chunk(saved(quarters(), "PNG"), *chunk))) == UPRIGHT


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
@pytest.mark.parametrize(
    "broken", [b"", b"XXXX", b"\0\0\0\0", b"MM\0*\x7f\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_broken_exif_block_never_costs_an_avif_picture_nor_its_own_orientation(broken: bytes) -> None:
    block = Image.Exif()
    block[0x0112], block[0x010F] = 6, "a camera's name"
    stored = np.ascontiguousarray(STORED[6](quarters()))
    file = saved(stored, "AVIF", quality=95, exif=block.tobytes())
    start = file.index(b"MM\0*")
    assert file.count(b"MM\0*") == 1
    image = decode(file[:start] + broken + file[start + len(broken) :])
    assert image.shape == (24, 40, 3)
    assert_close(UPRIGHT, corners(image), 12)


def test_the_orientation_is_applied_beside_a_huge_comment() -> None:
    comment = b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)
    file = with_chunk(saved(np.ascontiguousarray(STORED[6](quarters())), "PNG"), b"zTXt", comment)
    assert corners(decode(with_chunk(file, b"eXIf", exif(6)))) == UPRIGHT


def test_bytes_after_the_picture_do_no_harm() -> None:
    assert_close(UPRIGHT, corners(decode(saved(quarters(), "JPEG", quality=95) + b"trailing garbage")), 12)
    assert corners(decode(saved(quarters(), "PNG") + png_chunk(b"teSt", b"more"))) == UPRIGHT


def test_a_heic_picture_decodes_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    heif = pillow_heif.from_pillow(Image.fromarray(quarters(48, 64)))
    buffer = io.BytesIO()
    heif.save(buffer, quality=95)
    assert_close(UPRIGHT, corners(decode(buffer.getvalue())), 12)
    assert "HEIC" in reason(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def test_the_decoders_of_avif_and_heic_are_asked_for_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    from PIL import AvifImagePlugin

    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    asked = []
    real_avif, real_heif = AvifImagePlugin._avif.AvifDecoder, pillow_heif.heif._pillow_heif.load_file
    monkeypatch.setattr(AvifImagePlugin, "DEFAULT_MAX_THREADS", 0)
    monkeypatch.setattr(pillow_heif.options, "DECODE_THREADS", 4)
    monkeypatch.setattr(
        AvifImagePlugin._avif,
        "AvifDecoder",
        lambda content, codec, threads: asked.append(threads) or real_avif(content, codec, threads),
    )
    monkeypatch.setattr(
        pillow_heif.heif._pillow_heif,
        "load_file",
        lambda content, threads, *rest: asked.append(threads) or real_heif(content, threads, *rest),
    )
    heic = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(quarters(64, 64))).save(heic)
    for file in (saved(quarters(), "AVIF"), heic.getvalue()):
        decode(file)
    assert asked == [1, 1]


def test_a_heic_picture_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    words = reason(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 16)
    assert "HEIC" in words
    assert "pip install '.[formats]' in the checkout" in words


def test_a_jpeg_xl_picture_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    monkeypatch.setitem(sys.modules, "pillow_jxl.JpegXLImagePlugin", None)
    words = reason(b"\xff\x0a\xff\x07")
    assert "JPEG XL" in words
    assert "pip install '.[formats]' in the checkout" in words


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (3, 3), (4, 3), (1, 4096), (4096, 1)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_no_size_is_taken_for_a_channel_axis(shape: tuple[int, int], mode: str) -> None:
    assert decode(saved(Image.new(mode, shape[::-1]), "PNG")).shape == (*shape, 3)


def test_reading_a_file_names_it_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"")
    with pytest.raises(ImageError) as caught:
        decode_file(file)
    assert (caught.value.what, caught.value.where) == ("the file is empty (0 bytes)", str(file))


def test_many_threads_decode_at_once_and_leave_the_warning_filters_alone() -> None:
    before = list(warnings.filters)
    file = jpeg_with(exif(6, before=PAST_END), np.ascontiguousarray(STORED[6](quarters())))
    shapes: list[tuple[int, ...]] = []

    def work() -> None:
        shapes.extend(decode(file).shape for _ in range(50))

    run_in_threads(work, 6)
    assert shapes == [(24, 40, 3)] * 300
    assert list(warnings.filters) == before


def run_in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_decoders_write_nothing_to_standard_error(tmp_path: Path) -> None:
    damaged = bytearray(FILES["TIFF, deflated"])
    damaged[40:60] = bytes(20)
    (tmp_path / "damaged.tif").write_bytes(damaged)
    odd = tiff(np.zeros((4, 4), np.uint8)).replace(
        struct.pack("<HHLHH", 277, 3, 1, 1, 0), struct.pack("<HHLHH", 277, 3, 1, 999, 0)
    )
    (tmp_path / "odd.tif").write_bytes(odd)
    code = """
import sys
from toolkit.errors import ImageError
from toolkit.images.decode import decode_file
for name in sys.argv[1:]:
    try:
        decode_file(name)
    except ImageError as error:
        print(error.what)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "damaged.tif", tmp_path / "odd.tif"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("damaged TIFF picture") == 2
    assert done.stderr == ""


def test_no_warning_of_a_decoder_gets_out() -> None:
    # A palette picture with soft transparency, and EXIF data that Pillow complains about.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode(palette(bytes([128, 255]), [BLACK, RED]))
        decode(jpeg_with(exif(1, before=PAST_END)[:20]))
    assert caught == []
