"""Headings, labels, ticks and numbers that every chart shares."""

import math
from typing import TYPE_CHECKING

from toolkit.errors import printable
from toolkit.report.style import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

LONGEST_LABEL = 22  # characters
FEW_DECADES = 300  # ratio of the ends of a logarithmic axis that still has room for 1, 2 and 5 in each decade


def title(figure: "Figure", text: str, subtitle: str = "") -> None:
    """Write the finding above a figure, and below it what it rests on.

    Args:
        figure: empty or drawn.
        text: the finding, in words.
        subtitle: how to read it.
    """
    height = figure.get_figheight()
    figure.suptitle(text, x=0.012, y=1 - 0.1 / height, ha="left", va="top", weight="bold", size=13)
    space = 0.42
    if subtitle:
        figure.text(0.012, 1 - 0.38 / height, subtitle, ha="left", va="top", color=MUTED, size=10)
        space = 0.66
    layout(figure).set(rect=(0, 0, 1, 1 - space / height))


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
