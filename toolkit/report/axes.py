"""Headings, labels, ticks and numbers that every chart shares."""

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import printable
from toolkit.report.style import MUTED, text_width_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

LONGEST_LABEL = 22  # characters
TITLE_LEFT = 0.012  # share of the width
HEAD_SIZE, SUBTITLE_SIZE = 13, 10  # points
LINE = 1.2  # of the size, from one line to the next
FEW_DECADES = 300  # ratio of the ends of a logarithmic axis that still has room for 1, 2 and 5 in each decade


def title(figure: "Figure", text: str, subtitle: str = "") -> None:
    """Write the finding above a figure, and below it what it rests on.

    Args:
        figure: empty or drawn.
        text: the finding, in words.
        subtitle: how to read it.
    """
    room_in = figure.get_figwidth() * (1 - 2 * TITLE_LEFT)
    heads = _lines(figure, text, room_in, size=HEAD_SIZE, weight="bold")
    others = _lines(figure, subtitle, room_in, size=SUBTITLE_SIZE) if subtitle else []
    head_in = (len(heads) - 1) * HEAD_SIZE * LINE / 72
    more_in = head_in + max(len(others) - 1, 0) * SUBTITLE_SIZE * LINE / 72
    height = figure.get_figheight() + more_in  # what is drawn below keeps its room
    figure.set_figheight(height)
    look: dict[str, Any] = {"ha": "left", "va": "top", "linespacing": LINE}
    figure.suptitle("\n".join(heads), x=TITLE_LEFT, y=1 - 0.1 / height, weight="bold", size=HEAD_SIZE, **look)
    space = 0.42
    if others:
        below = 1 - (0.38 + head_in) / height
        figure.text(TITLE_LEFT, below, "\n".join(others), color=MUTED, size=SUBTITLE_SIZE, **look)
        space = 0.66
    layout(figure).set(rect=(0, 0, 1, 1 - (space + more_in) / height))


def _lines(figure: "Figure", text: str, room_in: float, *, size: float, weight: str = "normal") -> list[str]:
    """Break a text into lines that fit; a word that is longer than a line is cut short."""
    lines: list[str] = []
    line = ""
    for word in printable(text).split(" "):
        longer = f"{line} {word}" if line else word
        if line and text_width_in(figure, longer, size=size, weight=weight) > room_in:
            lines.append(line)
            longer = word
        line = longer
    return [fitted(figure, each, room_in, size=size, weight=weight) for each in [*lines, line]]


def fitted(figure: "Figure", label: str, room_in: float, *, size: float, weight: str = "normal") -> str:
    """Return a label that is drawn no wider than there is room: a longer one ends in an ellipsis.

    Letters differ too much for a number of them to tell: those of Chinese are as wide as two.

    Args:
        figure: of `style.new_figure`; inside `style.styled`.
        label: of any length.
        room_in: inches.
        size: of the font, points.
        weight: of the font.
    """
    text = printable(label)

    def fits(length: int) -> bool:
        shown = text if length == len(text) else f"{text[:length]}…"
        return text_width_in(figure, shown, size=size, weight=weight) <= room_in

    if not fits(len(text)):
        longest = bisect.bisect_left(range(1, len(text)), True, key=lambda length: not fits(length))
        text = f"{text[: max(longest, 1)]}…"
    return _literal(text)


def layout(figure: "Figure") -> "ConstrainedLayoutEngine":
    """Return what arranges a figure that `style.new_figure` made."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    return engine


def shortened(label: str, longest: int = LONGEST_LABEL) -> str:
    """Return a label that fits: a long one ends in an ellipsis; a dollar sign stays one."""
    text = printable(label)
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return _literal(text)


def told_apart(labels: Sequence[str], longest: int = LONGEST_LABEL) -> list[str]:
    """Return labels that fit beside each other: those that would be cut to the same text keep their ends as well."""
    cut = [shortened(label, longest) for label in labels]
    times = Counter(cut)
    return [
        text if times[text] == 1 or len(printable(label)) <= longest else _middle_left_out(label, longest)
        for label, text in zip(labels, cut, strict=True)
    ]


def _middle_left_out(label: str, longest: int) -> str:
    text, end = printable(label), longest // 2
    return _literal(f"{text[: longest - end - 1]}…{text[-end:]}")


def _literal(text: str) -> str:
    return text.replace("$", r"\$")  # matplotlib would read a formula between two of them


def significant(value: float, digits: int = 3) -> str:
    """Return a number with three significant digits and no exponent: 0.213, 21.3, 21,300.

    Args:
        value: any finite number.
        digits: how many are significant.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:,.{max(places, 0)}f}"


def percent_axis(axis: "Axis") -> None:
    """Show shares from 0 to 1 as whole per cent; the axis' label names the unit."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def few_plain_ticks(axes: "Axes", *, whole: bool = False, narrow: bool = False) -> None:
    """Give the x axis at most six ticks, with plain numbers.

    Args:
        axes: to change.
        whole: only whole numbers make sense.
        narrow: there is room for four.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(3 if narrow else 5, integer=whole, min_n_ticks=1))
    elif narrow:
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 100 * low else (1.0,), numticks=4))
    else:
        low, high = axes.get_xlim()
        # Within two decades whole powers of ten are one or two ticks, too few to read a value.
        subs = (1.0, 2.0, 5.0) if high < FEW_DECADES * low else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def write_beside(axes: "Axes", text: str, x: float, row: int, colour: str) -> None:
    """Write a text to the right of the end of a bar or line."""
    axes.annotate(text, (x, row), (7, 0), textcoords="offset points", va="center", color=colour, size=10)
