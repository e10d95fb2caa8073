"""What a page is made of, as plain values; `html` turns them into one file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["right", "wrong", "other"]
NAME_END = 12  # characters at the end of a file name that are always shown: its number and suffix


def percent(share: float) -> str:
    """Return a share in whole per cent: only what is certain reads as 100 %, what is impossible as 0 %.

    Args:
        share: 0 to 1.
    """
    if 0.995 <= share < 1:
        return ">99%"
    if 0 < share < 0.005:
        return "<1%"
    return f"{100 * share:.0f}%"


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One of the three to five figures of the first screen.

    Args:
        value: as it is read, such as "0.213".
        unit: of the value; empty where it has none.
        label: what it is.
        warning: what puts it in doubt; empty where nothing does.
    """

    value: str
    unit: str = ""
    label: str
    warning: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: with the unit where there is one.
        numeric: right-aligned, sorted as numbers.
        holds: a "word" takes no more room than it needs, a "sentence" enough to be read on a telephone too.
    """

    title: str
    numeric: bool = False
    holds: Literal["word", "name", "sentence"] = "name"

    @property
    def kind(self) -> str:
        """What the style sheet knows it by."""
        return "number" if self.numeric else self.holds


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: as it is read.
        sort: what it is sorted by; None means its text.
        kind: right or wrong, shown by a mark and a colour; None shows neither.
    """

    text: str
    sort: float | None = None
    kind: Kind | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that sorts where scripts run.

    Args:
        columns: one per cell of a row.
        rows: of cells; a plain text stands for a cell of that text.
        caption: what it holds, in one sentence.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | str]]
    caption: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawn chart.

    Args:
        svg: the element, as `style.to_svg` renders it.
        caption: one sentence that says what to see.
        table: its data.
        wide: takes the whole width; two that aren't stand side by side where there is room.
        classes: of a confusion matrix, in the order of its rows; where scripts run, its cells show their pictures.
    """

    svg: str
    caption: str
    table: Table
    wide: bool = True
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Bar:
    """One class and its probability.

    Args:
        label: the class.
        share: 0 to 1.
        kind: right, wrong or other.
    """

    label: str
    share: float
    kind: Kind

    @property
    def percent(self) -> str:
        """The share in whole per cent, without the sign; see `percent`."""
        return percent(self.share).removesuffix("%")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A picture with what was said about it.

    Args:
        image: data URI; None for a picture that could not be shown.
        pixelated: enlarged pixel by pixel.
        alternative: what the picture shows, for those who don't see it.
        kind: right or wrong where the truth is known, else other.
        predicted: the class; None where there is no answer.
        truth: the class; None where it is unknown.
        confidence: probability of the predicted class, 0 to 1.
        bars: most probable first, or in model order.
        path: of the picture.
        error: why there is no answer; empty where there is one.
    """

    image: str | None
    pixelated: bool = True
    alternative: str
    kind: Kind = "other"
    predicted: str | None = None
    truth: str | None = None
    confidence: float = 0.0
    bars: Sequence[Bar] = ()
    path: str
    error: str = ""

    @property
    def percent(self) -> str:
        """The confidence in whole per cent; see `percent`."""
        return percent(self.confidence)

    @property
    def name(self) -> tuple[str, str]:
        """The file name with its folder, in two parts: where there is little room, only the first is cut short."""
        # With its folder: those of data have the same names in each class.
        name = "/".join(self.path.strip("/").rsplit("/", 2)[-2:])
        return name[:-NAME_END], name[-NAME_END:]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page under a heading.

    Args:
        heading: in words.
        text: a sentence or two below it.
        charts: drawn.
        cards: a gallery.
        table: below them.
        facts: pairs of name and value.
        lines: a list of sentences, such as warnings.
    """

    heading: str
    text: str = ""
    charts: Sequence[Chart] = ()
    cards: Sequence[Card] = ()
    table: Table | None = None
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report.

    Args:
        command: the command that made it, such as "toolkit bench".
        title: the answer, in words.
        lead: what it rests on, in a sentence.
        figures: three to five.
        warnings: what puts the whole in doubt.
        sections: in the order of reading.
    """

    command: str
    title: str
    lead: str
    figures: Sequence[KeyFigure]
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
