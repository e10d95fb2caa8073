"""Terminal tables: right-aligned numbers with the unit in the header, no truncation."""

import io
import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import printable

NARROWEST = 80  # columns of a terminal that says nothing about itself
WIDE_GAP = 3  # spaces between columns
SMALL_GAP = 2  # where a terminal is too narrow for the wide one
NARROWEST_FOLD = 8  # characters of a column that folds


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        title: header text, with the unit where there is one.
        numeric: right-aligned.
        fold: may break over lines on a terminal that is too narrow (paths, messages).
    """

    title: str
    numeric: bool = False
    fold: bool = False


def render(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, title: str | None = None) -> str:
    """Render a table as text.

    On a terminal it keeps to its width, with smaller gaps, titles of several lines and folded cells; where even
    that isn't enough, it is wider, and nothing is cut off. In a file or a pipe no cell is ever broken.

    Args:
        columns: one per cell of a row.
        rows: cells, shown by str(); None is shown as a dash.
        title: a line above the table.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [["–" if cell is None else printable(cell) for cell in row] for row in rows]
    width, gap, titles = _layout(columns, cells)
    padding = (0, 1) if gap == WIDE_GAP else (0, 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)
    for column, title_text in zip(columns, titles, strict=True):
        table.add_column(
            Text(title_text),
            justify="right" if column.numeric else "left",
            no_wrap=not column.fold,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*[Text(cell) for cell in row])
    colour = has_colours()
    page = io.StringIO()  # rich writes to standard output even while it captures, and ends the process there
    # What the environment says of a terminal (FORCE_COLOR, TTY_COMPATIBLE, TERM=dumb) is about another stream than
    # this one: rich would lay out 80 columns for it, and break or cut what is wider.
    console = Console(
        file=page,
        width=width,
        height=len(cells) + 2,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    console.print(table)
    body = "\n".join(line.rstrip() for line in page.getvalue().splitlines())
    return f"{title}\n\n{body}" if title else body


def has_colours() -> bool:
    """Tell whether standard output is a terminal that shows colours and bold letters, and nobody wants it without.

    Source: no-color.org, by which an empty NO_COLOR says nothing; TERM=dumb is one that knows no sequences at all.
    """
    known = os.environ.get("TERM") not in ("dumb", "unknown")
    return sys.stdout.isatty() and known and not os.environ.get("NO_COLOR")


def _layout(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> tuple[int, int, list[str]]:
    """Return the width of the page and the gap between columns, characters, and the titles, broken where need be."""
    from rich.cells import cell_len

    titles = [column.title for column in columns]
    of_cells = [max(map(cell_len, column), default=0) for column in zip(*cells, strict=True)] or [0] * len(
        titles
    )
    widths = [max(cell_len(title), width) for title, width in zip(titles, of_cells, strict=True)]
    gaps = len(widths) - 1
    natural = sum(widths) + WIDE_GAP * gaps
    if not sys.stdout.isatty():
        return max(natural, NARROWEST), WIDE_GAP, titles
    room = _terminal_columns()
    if natural <= room:
        return room, WIDE_GAP, titles
    if sum(widths) + SMALL_GAP * gaps > room:  # the words of a title stand below each other
        titles = [
            column.title
            if column.fold
            else textwrap.fill(column.title, max(width, 1), break_long_words=False)
            for column, width in zip(columns, of_cells, strict=True)
        ]
        widths = [
            max(width, *map(cell_len, title.split("\n")))
            for title, width in zip(titles, of_cells, strict=True)
        ]
    least = [min(w, NARROWEST_FOLD) if c.fold else w for w, c in zip(widths, columns, strict=True)]
    return max(room, sum(least) + SMALL_GAP * gaps), SMALL_GAP, titles


def _terminal_columns() -> int:
    try:
        # A pseudo-terminal that nobody gave a size (a container, a test) says 0, and nothing would be shown.
        return os.get_terminal_size(sys.stdout.fileno()).columns or NARROWEST
    except (OSError, ValueError):
        return NARROWEST
