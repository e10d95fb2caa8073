"""TIFF files of layouts that Pillow doesn't write."""

import struct
from typing import Any

import numpy as np
import pytest
from images.makers import BLUE, GREEN, RED, YELLOW, corners, quarters
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ImageError
from toolkit.images.decode import decode

GREY, RGB, PALETTE, CMYK = 1, 2, 3, 5
WHITE_IS_ZERO = 0
UNASSOCIATED = 2  # an opacity that the colours aren't multiplied with
FLOAT = 3
COLOURS = [RED, GREEN, BLUE, YELLOW]


def tiff(samples: NDArray[Any], photometric: int, *, apart: bool = False, **tags: list[int]) -> bytes:
    """An uncompressed TIFF: samples [height, width, samples a pixel] side by side, or a plane of each."""
    height, width, count = samples.shape
    order = ">" if samples.dtype.byteorder == ">" else "<"
    planes = [samples[..., each].tobytes() for each in range(count)] if apart else [samples.tobytes()]
    numbers = {
        256: [width], 257: [height], 258: [samples.dtype.itemsize * 8] * count, 259: [1], 262: [photometric],
        273: [0] * len(planes), 277: [count], 278: [height], 279: [len(plane) for plane in planes],
        284: [2 if apart else 1], **{int(tag[1:]): values for tag, values in tags.items()},
    }  # fmt: skip
    longs = (273, 279)
    start = 8 + 2 + 12 * len(numbers) + 4
    room = sum(2 * len(values) * (2 if tag in longs else 1) for tag, values in numbers.items())
    numbers[273] = [start + room + sum(map(len, planes[:each])) for each in range(len(planes))]
    directory, beside = struct.pack(f"{order}H", len(numbers)), b""
    for tag, values in sorted(numbers.items()):
        packed = struct.pack(f"{order}{len(values)}{'L' if tag in longs else 'H'}", *values)
        directory += struct.pack(f"{order}HHL", tag, 4 if tag in longs else 3, len(values))
        if len(packed) > 4:
            directory += struct.pack(f"{order}L", start + len(beside))
            beside += packed
        else:
            directory += packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    return head + directory + bytes(4) + beside.ljust(room, b"\0") + b"".join(planes)


def sixteen(samples: NDArray[np.uint8], order: str) -> NDArray[Any]:
    return (samples.astype(np.uint32) * 257).astype(f"{order}u2")


def opacity(value: int) -> NDArray[np.uint8]:
    return np.full((24, 40, 1), value, np.uint8)


def palette() -> tuple[NDArray[np.uint8], list[int]]:
    """The quarters as places in a palette, and its entries of 8 bits: all reds, all greens, all blues."""
    index = np.array(Image.fromarray(quarters()).quantize(4))[..., None]
    colours = np.zeros((3, 256), int)
    for each in range(4):
        colours[:, each] = quarters()[index[..., 0] == each][0]
    return index, [int(value) for value in colours.ravel()]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("apart", [False, True])
def test_16_bit_colours_are_the_same_side_by_side_and_in_planes(order: str, apart: bool) -> None:
    assert corners(decode(tiff(sixteen(quarters(), order), RGB, apart=apart))) == COLOURS
    clear = np.dstack([quarters(), opacity(0)])
    file = tiff(sixteen(clear, order), RGB, apart=apart, t338=[UNASSOCIATED])
    assert corners(decode(file)) == [(255, 255, 255)] * 4


@pytest.mark.parametrize("photometric", [GREY, WHITE_IS_ZERO])
@pytest.mark.parametrize("dtype", ["u1", "<u2"])
def test_a_single_plane_is_grey_and_not_its_opposite(photometric: int, dtype: str) -> None:
    grey = quarters()[..., :1]
    samples = sixteen(grey, "<") if dtype == "<u2" else grey
    if photometric == WHITE_IS_ZERO:
        samples = np.iinfo(samples.dtype).max - samples
    expected = [(colour[0],) * 3 for colour in COLOURS]
    assert corners(decode(tiff(samples.astype(dtype), photometric, apart=True))) == expected


def test_planes_that_nothing_can_read_are_refused() -> None:
    ink = np.dstack([255 - quarters(), opacity(0)])
    assert corners(decode(tiff(ink, CMYK, apart=True))) == COLOURS
    with pytest.raises(ImageError, match=r"not supported: planes of 16-bit samples \(CMYK\)"):
        decode(tiff(sixteen(ink, "<"), CMYK, apart=True))


def test_a_palette_with_opacity_goes_over_white() -> None:
    index, colours = palette()
    entries = [value * 257 for value in colours]
    for opaque, expected in ((255, COLOURS), (0, [(255, 255, 255)] * 4)):
        file = tiff(np.dstack([index, opacity(opaque)]), PALETTE, t320=entries, t338=[UNASSOCIATED])
        assert corners(decode(file)) == expected


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("scale", [1, 257])
def test_the_entries_of_a_palette_may_have_8_bits_instead_of_16(scale: int, apart: bool) -> None:
    index, colours = palette()
    file = tiff(index, PALETTE, apart=apart, t320=[value * scale for value in colours])
    assert corners(decode(file)) == COLOURS


@pytest.mark.parametrize(
    "file",
    [
        tiff((quarters() / 255).astype("<f4"), RGB, t339=[FLOAT] * 3),
        tiff(sixteen(np.dstack([quarters()[..., :1], opacity(9)]), "<"), GREY, t338=[UNASSOCIATED]),
        tiff(np.dstack([quarters(), opacity(9)]), RGB, apart=True, t338=[1]),
    ],
)
def test_a_whole_file_of_a_kind_that_cannot_be_read_is_not_called_damaged(file: bytes) -> None:
    with pytest.raises(ImageError, match="TIFF picture of a kind that is not supported"):
        decode(file)
