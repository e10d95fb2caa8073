"""Which picture format the content is: the content decides, never the suffix."""

import codecs
import re
from dataclasses import dataclass

from toolkit.errors import ImageError, install_extra

HEAD_BYTES = 4096  # as much of the content as is looked at


@dataclass(frozen=True)
class Format:
    """A picture format that is decoded.

    Args:
        name: what people call it.
        module: that holds its decoder.
        decoder: the class in it, a Pillow `ImageFile`.
        install: the command that brings the decoder.
    """

    name: str
    module: str
    decoder: str
    install: str = "pip install --force-reinstall pillow"


JPEG = Format("JPEG", "PIL.JpegImagePlugin", "JpegImageFile")  # also of a multi-picture file (MPO): its first
PNG = Format("PNG", "PIL.PngImagePlugin", "PngImageFile")
GIF = Format("GIF", "PIL.GifImagePlugin", "GifImageFile")
BMP = Format("BMP", "PIL.BmpImagePlugin", "BmpImageFile")
TIFF = Format("TIFF", "PIL.TiffImagePlugin", "TiffImageFile")
WEBP = Format("WebP", "PIL.WebPImagePlugin", "WebPImageFile")
PNM = Format("PNM", "PIL.PpmImagePlugin", "PpmImageFile")
JPEG2000 = Format("JPEG 2000", "PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile")
AVIF = Format("AVIF", "PIL.AvifImagePlugin", "AvifImageFile")
HEIC = Format("HEIC", "pillow_heif.as_plugin", "HeifImageFile", install_extra("formats"))
JPEG_XL = Format("JPEG XL", "pillow_jxl.JpegXLImagePlugin", "JXLImageFile", install_extra("formats"))

# An allow-list: Pillow can open far more, EPS among it, which starts another program.
MAGIC: tuple[tuple[re.Pattern[bytes], Format], ...] = tuple(
    (re.compile(pattern, re.DOTALL), form)
    for pattern, form in (
        (rb"\xff\xd8\xff", JPEG),
        (rb"\x89PNG\r\n\x1a\n", PNG),
        (rb"GIF8[79]a", GIF),
        (rb"RIFF....WEBP", WEBP),
        (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", BMP),
        (rb"II\x2a\0|MM\0\x2a|II\x2b\0|MM\0\x2b", TIFF),
        (rb"P[1-6f][\s#]", PNM),
        (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", JPEG2000),
        (rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a", JPEG_XL),
        (rb"....ftyp(avif|avis)", AVIF),
        (rb"....ftypmi[fa][1f]....(....)*?(avif|avis)", AVIF),
        (rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", HEIC),
    )
)

# What people really find under a picture's name.
OTHER: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), words)
    for pattern, words in (
        (rb"\0+\Z", "nothing but zero bytes, not an image (the file was never written)"),
        (rb"version https://git-lfs", "a Git LFS pointer, not an image (fetch the files with: git lfs pull)"),
        (rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)", "an HTML page, not an image"),
        (rb"\s*(<\?xml.*?)?(<!--.*?-->\s*|<!doctype.*?>\s*)*<svg", "an SVG drawing, not a supported image"),
        (rb"\s*<\?xml", "an XML document, not an image"),
        (rb"\s*[{\[]\s*[\"{\[\]}]", "a JSON document, not an image"),
        (rb"%PDF", "a PDF document, not an image"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript (EPS) document, not a supported image"),
        (rb"PK\x03\x04|PK\x05\x06", "a zip archive, not an image"),
        (rb"\x1f\x8b", "gzip data, not an image"),
        (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "a 7z or RAR archive, not an image"),
        (rb"BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd", "bzip2, xz or Zstandard data, not an image"),
        (rb".{257}ustar", "a tar archive, not an image"),
        (rb"8BPS", "a Photoshop document, not a supported image"),
        (rb"\0\0\x01\0", "an icon file (ICO), not a supported image"),
        (rb"P7\n(width|height|depth|maxval|#)", "a PAM picture, not a supported image"),
        (rb"PF[\s#]", "a PFM picture of floating-point samples, not a supported image"),
        (
            rb"....ftypcrx|FUJIFILMCCD-RAW|II(U\0|R[OS]\x08\0)|MMOR\0",
            "a camera's raw file, not a supported image (develop it first)",
        ),
        (rb"....ftyp|....moov|\x1aE\xdf\xa3|RIFF....AVI ", "a video, not an image"),
        (rb"\0\x05\x16\x07", "an AppleDouble shadow file, not an image"),
        (rb".{128}DICM", "a DICOM file, not a supported image"),
    )
)


def identify(content: bytes) -> Format:
    """Tell the format of a picture file.

    Args:
        content: the file's bytes.

    Raises:
        ImageError: it is none of the formats that are decoded; says in plain words what it is instead.
    """
    for magic, form in MAGIC:
        if magic.match(content[:256]):
            return form
    raise ImageError(_what_else(content), where="the content", remedy="replace the file, or leave it out")


def _what_else(content: bytes) -> str:
    if not content:
        return "the file is empty (0 bytes)"
    head = content[:HEAD_BYTES]
    for magic, words in OTHER:
        if magic.match(head.removeprefix(codecs.BOM_UTF8)):
            return words
    if _is_text(head):
        return "a text file, not an image"
    return "not an image of a known format"


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a character cut at the end is no matter
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c.isspace() for c in text)
