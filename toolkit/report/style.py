"""The look that every picture shares: palette, fonts, figures, PNG and SVG out of them."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import printable
from toolkit.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without a handler, Python would print what Matplotlib logs, as about a home folder that it can't write to.
logging.getLogger("matplotlib").addHandler(logging.NullHandler())

PNG_DPI = 150
CELL = "cell"  # what the address of a shape begins with that a page can look up: "cell ROW COLUMN COUNT"

INK = "#1a1d21"
MUTED = "#5b636d"
GRID = "#dfe3e8"
PAPER = "#fefefe"
RIGHT = "#0072b2"
WRONG = "#bf2f24"
OTHER = "#8d96a0"
ON_WEAK = "#1a1d22"  # text over a weak colour: dark on a light page, white on a dark one
ON_MIDDLE = "#010101"  # text over a colour of middle strength: dark in both of a page's schemes

SERIES = ("#0072b3", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Categorical colours that colour-blind people tell apart.

Source: Okabe & Ito, Color Universal Design (2008); the first differs by one step from RIGHT so that a
page can give each its own dark form.
"""

PAGE_COLOURS = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    PAPER: "--paper",
    RIGHT: "--right",
    WRONG: "--wrong",
    OTHER: "--other",
    ON_WEAK: "--on-weak",
    SERIES[0]: "--series-1",
    SERIES[1]: "--series-2",
    SERIES[2]: "--series-3",
    SERIES[3]: "--series-4",
    SERIES[4]: "--series-5",
    SERIES[5]: "--series-6",
    SERIES[6]: "--series-7",
}
"""What a colour is called in a page's style sheet, where it has a light and a dark form."""

FONTS = ("Arial", "Liberation Sans", "Helvetica", "DejaVu Sans")
"""The first three have the same widths, so a chart laid out with one is right with another; pages name them too."""


def ink_on(strength: float, *, right: bool) -> str:
    """Return the colour of a text over a cell, so that it can be read on a light page and on a dark one.

    Args:
        strength: of the cell's colour over the paper, 0 to 1.
        right: whether that colour is RIGHT; else it is WRONG.

    Source: the strengths at which the contrast by WCAG 2.2 falls below 4.5 in one of the two schemes.
    """
    middle, strong = (0.625, 0.935) if right else (0.645, 0.855)
    return ON_WEAK if strength < middle else ON_MIDDLE if strength < strong else PAPER


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw in this package's style inside the block; matplotlib's own settings stay as they were."""
    import matplotlib

    with matplotlib.rc_context(_settings()):  # type: ignore[arg-type]  # its keys are a type of their own
        yield


def new_figure(width_in: float, height_in: float) -> "Figure":
    """Return an empty figure that belongs to no window and no global state.

    Args:
        width_in: inches.
        height_in: inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=PNG_DPI, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def text_width_in(figure: "Figure", text: str, *, size: float, weight: str = "normal") -> float:
    """Return how wide a text is drawn, inches; inside `styled`.

    Args:
        figure: of `new_figure`.
        text: on one line; no formula is read in it.
        size: of its font, points.
        weight: of its font.
    """
    from matplotlib.font_manager import FontProperties

    with _missing_glyphs_are_boxes():
        renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # that of Agg has one
        width, _, _ = renderer.get_text_width_height_descent(
            text, FontProperties(size=size, weight=weight), ismath=False
        )
    return float(width) / figure.dpi


def settle_layout(figure: "Figure") -> None:
    """Place what a figure has by now, once; what comes later doesn't move it, and isn't drawn for it."""
    layout = figure.get_layout_engine()
    if layout is not None:
        with _missing_glyphs_are_boxes():
            layout.execute(figure)
        figure.set_layout_engine(None)


def save_png(figure: "Figure", path: Path, *, force: bool = False) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        OutputError: it exists already, or can't be written.
    """
    buffer = io.BytesIO()
    with styled(), _missing_glyphs_are_boxes():
        # The same figure gives the same bytes: no software version inside.
        figure.savefig(buffer, format="png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None})
    write_bytes(path, buffer.getvalue(), force=force)


def to_svg(figure: "Figure", *, title: str) -> str:
    """Render a figure as an `svg` element for a page: real text, colours that follow the page's scheme.

    Args:
        figure: drawn with the colours of this module.
        title: alternative text.
    """
    import html

    buffer = io.StringIO()
    with styled(), _missing_glyphs_are_boxes():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Groups are numbered alike in every chart, and a page may hold several; nothing refers to a group.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # What has an address is no link to anywhere: the page's script knows what to do with it.
    svg = re.sub(
        rf'<a xlink:href="{CELL} ([\d ]+)"[^>]*>(.*?)</a>', r'<g data-cell="\1">\2</g>', svg, flags=re.DOTALL
    )
    # A matrix has thousands of shapes: no turn by nothing, no place finer than a thousandth of a point.
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"<(path|text|use) [^>]*", lambda found: re.sub(r"(\.\d{3})\d+", r"\1", found.group()), svg)
    # A style element inside would apply to the whole page.
    svg = re.sub(r"<style.*?</style>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"#[0-9a-f]{6}", lambda found: _page_colour(found.group()), svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--chart-font)", svg)
    svg = re.sub(r"font: ([^;\"]*?px) [^;\"]*", r"font: \1 var(--chart-font)", svg)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt" width="[\d.]+pt"', "", svg, count=1)
    label = html.escape(printable(title), quote=True)
    width = round(figure.get_figwidth() * 72)
    return svg.replace(
        "<svg", f'<svg class="chart" role="img" aria-label="{label}" style="--width:{width}"', 1
    ).strip()


def _page_colour(colour: str) -> str:
    return f"var({PAGE_COLOURS[colour]})" if colour in PAGE_COLOURS else colour


def _settings() -> dict[str, Any]:
    return {
        "font.family": _fonts(),
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 10,
        "axes.edgecolor": GRID,
        "axes.linewidth": 1,
        "axes.facecolor": "none",
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "lines.linewidth": 2,
        "svg.fonttype": "none",
        "svg.hashsalt": "toolkit",
    }


def _fonts() -> list[str]:
    from matplotlib import font_manager

    # Naming a font that isn't there would log a line for every text drawn.
    present = {entry.name for entry in font_manager.fontManager.ttflist}
    return [name for name in FONTS if name in present]


@contextlib.contextmanager
def _missing_glyphs_are_boxes() -> Iterator[None]:
    # A class name in a script that no installed font has is still drawn, as boxes; the files have it right.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
