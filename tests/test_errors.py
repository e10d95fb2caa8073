import pickle
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import errors
from toolkit.errors import ExitCode, MissingDependency, ToolkitError, UsageError, one_line, printable


def all_errors() -> list[type[ToolkitError]]:
    found, queue = [], [ToolkitError]
    while queue:
        kind = queue.pop()
        found.append(kind)
        queue += kind.__subclasses__()
    return found


@pytest.mark.parametrize("kind", [k for k in all_errors() if k is not MissingDependency])
def test_every_error_renders_what_where_and_what_to_do_on_one_line(kind: type[ToolkitError]) -> None:
    error = kind("it broke.\nBadly", where="a\tfile", remedy="mend it")
    assert str(error) == r"it broke. Badly (a\tfile): mend it"


def test_only_wrong_usage_has_the_exit_code_of_wrong_usage() -> None:
    assert {kind.__name__ for kind in all_errors() if kind.exit_code is ExitCode.USAGE} == {
        "UsageError",
        "MissingRange",
    }
    assert {kind.__name__ for kind in all_errors() if kind.exit_code is ExitCode.READER_GONE} == {
        "ReaderGone"
    }
    assert {kind.exit_code for kind in all_errors()} == {
        ExitCode.FAILED,
        ExitCode.USAGE,
        ExitCode.GATE_NOT_MET,
        ExitCode.READER_GONE,
    }


@pytest.mark.parametrize(
    ("where", "shown"), [("a  b", "a  b"), (" ", "' '"), ("", "''"), ("a ", "'a '"), ("a\nb", r"a\nb")]
)
def test_a_place_is_shown_as_it_has_to_be_typed(where: str, shown: str) -> None:
    error = ToolkitError("it broke", where=where, remedy="mend it")
    assert str(error) == f"it broke ({shown}): mend it"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("part", ["what", "remedy"])
def test_an_error_without_one_of_its_parts_is_refused(part: str) -> None:
    parts = {"what": "a", "where": "b", "remedy": "c", part: " "}
    with pytest.raises(ValueError, match="all its parts"):
        ToolkitError(parts["what"], where=parts["where"], remedy=parts["remedy"])


def test_a_missing_library_names_the_extra_to_install() -> None:
    error = MissingDependency("tensorflow", extra="train", where="toolkit train")
    expected = (
        "tensorflow is not installed (toolkit train): install it with: pip install '.[train]' in the checkout"
    )
    assert str(error) == expected


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a", where="b", remedy="c"),
        MissingDependency("x", extra="train", where="y"),
    ],
)
def test_errors_survive_the_way_between_processes(error: ToolkitError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert copy.exit_code == error.exit_code


@given(st.text())
def test_one_line_is_one_line_without_control_characters_whatever_comes_in(text: str) -> None:
    line = one_line(text)
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(line.splitlines()) <= 1


def test_what_steers_a_terminal_or_turns_its_writing_is_escaped_and_nothing_else() -> None:
    every = set(map(chr, range(sys.maxunicode + 1)))
    steering = {c for c in every if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    turning = {"\u061c", "\u200e", "\u200f", *map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])}
    assert {c for c in every if printable(c) != c} == steering | turning
    assert printable("11.02.33\u202fPM\u3000👩\u200d💻") == "11.02.33\u202fPM\u3000👩\u200d💻"


def test_the_tree_in_the_docstring_names_every_class() -> None:
    assert errors.__doc__ is not None
    assert [k.__name__ for k in all_errors() if k.__name__ not in errors.__doc__] == []
