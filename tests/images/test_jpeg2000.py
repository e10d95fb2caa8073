"""JPEG 2000 files that are cut anywhere are told from whole ones, with one tile or many, in a .jp2 file or bare."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from toolkit.images.jpeg2000 import is_cut_short

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
