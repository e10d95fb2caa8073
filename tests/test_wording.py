"""Numbers with their nouns, and commands to type."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.wording import count, export_command, numbered, typed


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "thread", "1 thread"), (2, "thread", "2 threads"), (0, "round", "0 rounds"),
        (3, "fresh process", "3 fresh processes"), (1, "query", "1 query"), (1_200, "query", "1,200 queries"),
    ],
)  # fmt: skip
def test_a_noun_follows_its_number(number: int, noun: str, text: str) -> None:
    assert count(number, noun) == text


@pytest.mark.parametrize(("number", "noun"), [(1, "class"), (0, "classes"), (2, "classes"), (1.5, "classes")])
def test_a_noun_agrees_with_the_number_beside_it(number: float, noun: str) -> None:
    assert numbered(number, "class") == noun


@pytest.mark.parametrize(
    ("number", "texts"), [(1, ("is", "was")), (0, ("are", "were")), (2, ("are", "were"))]
)
def test_a_verb_agrees_with_the_number_before_it(number: int, texts: tuple[str, str]) -> None:
    assert (numbered(number, "is"), numbered(number, "was")) == texts


def test_a_suggested_export_can_be_typed_whatever_the_model_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "my run.1"
    run.mkdir()
    monkeypatch.chdir(run)
    found = [export_command(model) for model in (run, run / "it's.keras", ".", "plain.keras")]
    assert [shlex.split(text)[2:] for text in found] == [
        [str(run), "-o", "my run.1.onnx"],
        [str(run / "it's.keras"), "-o", "it's.onnx"],
        [".", "-o", "my run.1.onnx"],
        ["plain.keras", "-o", "plain.onnx"],
    ]
    assert found[3] == "toolkit export plain.keras -o plain.onnx"


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))))
def test_what_is_to_be_typed_comes_back_from_a_shell(words: list[str]) -> None:
    assert shlex.split(typed(*words, windows=False)) == words


@given(st.text())
@example('a\\\\" b\\')
def test_on_windows_quotes_are_double_and_as_python_starts_programs_there(text: str) -> None:
    spaced = f"{text} \\"
    assert typed(spaced, windows=True) == subprocess.list2cmdline([spaced])


@pytest.mark.parametrize(
    ("word", "written"),
    [
        (r"C:\runs\m.onnx", r"C:\runs\m.onnx"),
        ("fotos&co", '"fotos&co"'),
        ("", '""'),
        ("größe.png", "größe.png"),
    ],
)
def test_on_windows_only_what_a_shell_would_take_apart_is_quoted(word: str, written: str) -> None:
    assert typed("toolkit", word, windows=True) == f"toolkit {written}"
