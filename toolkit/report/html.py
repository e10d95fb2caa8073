"""Pages: one file without a request to anywhere, rendered from templates/page.html."""

import base64
import hashlib
import io
import re
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.errors import printable
from toolkit.report.page import Page

LARGE_SIDE, SMALL_SIDE = 128, 64  # pixels of a thumbnail
NUMBER_AND_UNIT = re.compile(r"(?<=\d) (?=(?:%|×|[mµn]?s|[kMG]?B)(?![\w-]))|(?<=×) (?=\d)")
FEW_CARDS = 60  # up to here thumbnails are large: 60 x 128 x 128 x 3 bytes in base64 are 3.9 MB at worst


def render(page: Page) -> str:
    """Render a page as one HTML document that needs nothing else; it closes with this version and the time.

    Args:
        page: its content; every text in it is escaped.
    """
    script = _part("page.js") + _part("gallery.js")
    template = _environment().get_template("page.html")
    return str(
        template.render(
            page=page,
            style=_part("page.css"),
            script=script,
            policy=_policy(script),
            version=__version__,
            made=datetime.now(UTC).replace(microsecond=0),
        )
    )


def thumbnail(image_hwc: NDArray[np.uint8], *, cards: int) -> tuple[str, bool]:
    """Encode a picture for a card, small enough that a page of so many cards stays under 5 MB.

    Args:
        image_hwc: uint8 [H, W, 3], RGB.
        cards: how many cards the page has.

    Returns:
        (PNG as a data URI, whether it is so small that it is enlarged pixel by pixel).
    """
    from PIL import Image

    side = LARGE_SIDE if cards <= FEW_CARDS else SMALL_SIDE
    image = Image.fromarray(image_hwc)
    small = max(image.size) <= side
    if not small:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"), small


def _policy(script: str) -> str:
    # Styles stand in attributes too (a bar's length), which no digest can allow.
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _part(name: str) -> str:
    return (resources.files("toolkit.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined

    environment = Environment(
        loader=DictLoader({"page.html": _part("page.html")}),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    return environment


def _shown(value: Any) -> Any:
    """Escape what would turn round the direction of the text behind it: names of files and classes may hold it."""
    return printable(value) if type(value) is str else value  # what is marked as safe is of a type of its own


def _unbroken(text: str) -> str:
    """Keep a number and its unit on one line; a path that is to be copied must not go through here."""
    return NUMBER_AND_UNIT.sub("\N{NO-BREAK SPACE}", text)
