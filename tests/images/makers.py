"""Picture files of every kind that people have, made byte by byte where no library writes them."""

import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]

RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 180, 60), (40, 70, 200), (230, 210, 50)
ORIENTATION = 0x0112

STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}
"""How a camera stores an upright picture under each orientation (EXIF 2.32: where row 0 and column 0 are)."""


def quarters(height: int = 24, width: int = 40) -> Pixels:
    """An upright picture with a colour of its own in each quarter: uint8 [height, width, 3]."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    image[height // 2 :, : width // 2] = BLUE
    image[height // 2 :, width // 2 :] = YELLOW
    return image


def corners(image: Pixels) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters: top left, top right, bottom left, bottom right."""
    height, width = image.shape[:2]
    places = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [tuple(int(v) for v in image[y, x]) for y, x in places]


def saved(image: Image.Image | Pixels, kind: str, **options: object) -> bytes:
    """The bytes of a picture file, as Pillow writes it."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(
    orientation: int, *, order: str = "<", kind: int = 3, before: Iterable[tuple[int, int, int, int]] = ()
) -> bytes:
    """An EXIF block with an orientation, after other entries (tag, type, count, value or offset)."""
    entries = [*before, (ORIENTATION, kind, 1, orientation)]
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    block += struct.pack(f"{order}H", len(entries))
    for tag, type_, count, value in entries:
        block += struct.pack(f"{order}HHL", tag, type_, count)
        block += struct.pack(f"{order}HH", value, 0) if type_ == 3 else struct.pack(f"{order}L", value)
    return block + struct.pack(f"{order}L", 0)


def jpeg_with(exif_block: bytes, image: Pixels | None = None) -> bytes:
    """A JPEG with an APP1 segment that holds `exif_block` as it is."""
    plain = saved(quarters() if image is None else image, "JPEG", quality=95)
    payload = b"Exif\0\0" + exif_block
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + plain[2:]


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">L", len(payload)) + kind + payload + struct.pack(">L", zlib.crc32(kind + payload))


def png(
    width: int, height: int, depth: int, colour_type: int, rows: Iterable[bytes], *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG file of any depth and colour type, with chunks before the pixels."""
    header = struct.pack(">LLBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(png_chunk(kind, payload) for kind, payload in chunks)
        + png_chunk(b"IDAT", data)
        + png_chunk(b"IEND", b"")
    )


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The seven passes of an interlaced PNG: first column and row, steps. Source: PNG specification, section 8.2."""


def interlaced_png(image: Pixels) -> bytes:
    """An RGB PNG whose rows come in seven passes, from coarse to fine."""
    height, width = image.shape[:2]
    passes = [image[y::down, x::across] for x, y, across, down in ADAM7]
    data = b"".join(b"\0" + row.tobytes() for each in passes if each.size for row in each)
    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, payload) for kind, payload in chunks)


def with_chunk(file: bytes, kind: bytes, payload: bytes) -> bytes:
    """A PNG file with one more chunk right after its header."""
    after_header = 8 + 12 + 13
    return file[:after_header] + png_chunk(kind, payload) + file[after_header:]


def tiff(pixels: NDArray[np.generic], *, photometric: int = 1, sample_format: int = 1) -> bytes:
    """An uncompressed grey TIFF of any sample type, in the byte order of `pixels`."""
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    height, width = pixels.shape
    data = pixels.tobytes()
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, pixels.dtype.itemsize * 8),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (339, 3, sample_format),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack(f"{order}HHL", tag, kind, 1)
        directory += struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}L", value)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + len(data))
    return head + data + directory + struct.pack(f"{order}L", 0)


def swapped_profile() -> bytes:
    """A valid ICC profile in which red and green have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tmp0").replace(b"gXYZ", b"rXYZ").replace(b"tmp0", b"gXYZ")
    return profile.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def srgb_profile() -> bytes:
    """The usual profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def ycck_jpeg(ink: tuple[int, int, int, int]) -> bytes:
    """A JPEG of one ink (cyan, magenta, yellow, black) as Adobe writes it: inverted, then YCCK."""
    # What is stored is 255 - ink; of its first three channels YCCK takes the complement to YCbCr (JFIF 1.02).
    red, green, blue = ink[:3]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    stored = (luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402, 255 - ink[3])
    # Pillow inverts what it is given, and marks it as plain CMYK (0 in the last byte of the Adobe segment).
    given = tuple(255 - min(255, max(0, round(value))) for value in stored)
    file = saved(Image.new("CMYK", (16, 16), given), "JPEG", quality=100, subsampling=0)
    transform = file.index(b"Adobe") + 11
    return file[:transform] + b"\x02" + file[transform + 1 :]
