"""Numbers with their nouns, and commands to type."""

import shlex
from pathlib import Path

import pytest

from toolkit.wording import count, export_command


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "thread", "1 thread"), (2, "thread", "2 threads"), (0, "round", "0 rounds"),
        (3, "fresh process", "3 fresh processes"), (1, "query", "1 query"), (1_200, "query", "1,200 queries"),
    ],
)  # fmt: skip
def test_a_noun_follows_its_number(number: int, noun: str, text: str) -> None:
    assert count(number, noun) == text


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
