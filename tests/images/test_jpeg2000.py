"""JPEG 2000 files: cut ones are told from whole ones, with one tile or many, in a .jp2 file or bare; their profiles."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images.makers import RED, corners, quarters, saved, swapped_profile
from PIL import Image

from toolkit.images.decode import decode
from toolkit.images.jpeg2000 import is_cut_short, profile_of

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (70, 50, 3), np.uint8))


def encoded(**options: Any) -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, "JPEG2000", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"no_jp2": True},
        {"tile_size": (16, 16)},
        {"quality_layers": [40, 20, 10], "irreversible": True},
        {"tile_size": (32, 32), "no_jp2": True, "progression": "RPCL"},
        {"comment": "a comment", "plt": True},
    ],
)
def test_a_file_is_whole_to_its_last_byte_and_cut_anywhere_before(options: dict[str, Any]) -> None:
    file = encoded(**options)
    assert not is_cut_short(file)
    assert not is_cut_short(file + b"\0\0\0\x08free")  # another box behind the codestream
    assert all(is_cut_short(file[:length]) for length in range(len(file)))


def test_a_tile_part_that_reaches_to_the_end_has_no_length() -> None:
    file = bytearray(encoded(no_jp2=True))
    place = file.find(b"\xff\x90") + 6
    file[place : place + 4] = bytes(4)
    assert not is_cut_short(bytes(file))
    assert is_cut_short(bytes(file[:-2]))


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x4f\xff\x51", b"\xff\x4f\xff\x51\0\0\0\0\xff\x90\0\0\0\0\0\0\0\x01"]
)
def test_nonsense_ends(content: bytes) -> None:
    assert is_cut_short(content)


def with_profile(file: bytes, method: int, profile: bytes) -> bytes:
    """A .jp2 file whose box of the colours holds a profile instead of a number."""
    number = struct.pack(">L4sBBBL", 15, b"colr", 1, 0, 0, 16)  # sRGB
    box = struct.pack(">L4sBBB", 11 + len(profile), b"colr", method, 0, 0) + profile
    place = file.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">L", file, place)
    assert file.count(number) == 1
    grown = file[:place] + struct.pack(">L", size + len(box) - len(number)) + file[place + 4 :]
    return grown.replace(number, box)


@pytest.mark.parametrize("method", [2, 3])
def test_the_colour_profile_of_a_file_is_converted_to_srgb(method: int) -> None:
    plain = saved(quarters(), "JPEG2000")
    assert profile_of(plain) is None
    assert corners(decode(plain))[0] == RED
    file = with_profile(plain, method, swapped_profile())
    assert profile_of(file) == swapped_profile()
    red, green, blue = RED
    assert np.abs(np.subtract(corners(decode(file))[0], (green, red, blue))).max() <= 1


def test_a_broken_colour_profile_of_a_file_is_ignored() -> None:
    assert corners(decode(with_profile(saved(quarters(), "JPEG2000"), 2, b"no profile")))[0] == RED


@given(st.binary(max_size=200))
def test_any_bytes_have_a_profile_or_none(rest: bytes) -> None:
    for content in (b"\0\0\0\x0cjP  \r\n\x87\n" + rest, struct.pack(">L4s", 8 + len(rest), b"jp2h") + rest):
        profile = profile_of(content)
        assert profile is None or profile in content
