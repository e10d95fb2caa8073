import sys

import pytest
from terminal import shown_on_a_terminal

from toolkit.report.tables import Column, has_colours, render

Table = tuple[list[Column], list[tuple[str, ...]]]

LONG: Table = ([Column("path", fold=True), Column("probability", numeric=True)], [("a" * 60, "0.5")])
NUMBERS: Table = ([Column(f"column {i}", numeric=True) for i in range(4)], [("1234567890",) * 4])


def on_a_terminal(columns: int, table: Table = LONG) -> list[str]:
    """Return the lines that a table has on a terminal of so many columns."""
    show = f"from toolkit.report.tables import Column, has_colours, render\nprint(render(*{table!r}))"
    return shown_on_a_terminal([sys.executable, "-c", show], columns).splitlines()


def test_a_terminal_that_says_nothing_of_its_width_shows_the_table_as_one_of_eighty_columns() -> None:
    assert on_a_terminal(0) == on_a_terminal(80)
    assert any("a" * 60 in line and line.endswith("0.5") for line in on_a_terminal(0))


@pytest.mark.parametrize("columns", [30, 50])
def test_on_a_narrow_terminal_a_long_cell_goes_on_below_and_nothing_of_it_is_lost(columns: int) -> None:
    lines = on_a_terminal(columns)
    assert max(map(len, lines)) <= columns
    assert "".join(lines[2:]).count("a") == 60  # below the header and its rule


@pytest.mark.parametrize(("columns", "gap"), [(49, 3), (48, 2), (46, 2), (20, 2)])
def test_where_a_terminal_is_too_narrow_gaps_shrink_before_anything_is_broken_and_nothing_is_cut_off(
    columns: int, gap: int
) -> None:
    header, _, numbers = on_a_terminal(columns, NUMBERS)
    assert header.split() == ["column", "0", "column", "1", "column", "2", "column", "3"]
    assert numbers == (" " * gap).join(["1234567890"] * 4)


def test_where_titles_make_a_table_too_wide_their_words_stand_below_each_other() -> None:
    table: Table = (
        [Column("validation %, kept epoch", numeric=True), Column("state")],
        [("90.00", "complete")],
    )
    wide, narrow = on_a_terminal(40, table), on_a_terminal(24, table)
    assert wide[0].split("  ")[0] == "validation %, kept epoch"
    assert max(map(len, narrow)) <= 24
    assert sorted(" ".join(narrow[:-2]).split()) == ["%,", "epoch", "kept", "state", "validation"]
    assert narrow[-1].split() == ["90.00", "complete"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_a_terminal_gets_escape_sequences_only_where_it_knows_and_wants_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, expected: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert has_colours() is expected
    assert ("\x1b[" in render(*NUMBERS)) is expected
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert not has_colours()


@pytest.mark.parametrize(
    "variables",
    [{"FORCE_COLOR": "1", "TERM": "dumb"}, {"TTY_COMPATIBLE": "1", "TERM": "dumb"}, {"COLUMNS": "20"}],
)
def test_in_a_pipe_no_cell_is_broken_or_cut_whatever_the_environment_says_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    header, _, row = render([*LONG[0], Column("label")], [("a" * 70, "0.5", "b" * 40)]).splitlines()
    assert header.split() == ["path", "probability", "label"]
    assert row.split() == ["a" * 70, "0.5", "b" * 40]
