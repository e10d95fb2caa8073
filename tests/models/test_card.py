"""Labels from a file: what is wrong with it is said in words, not in the system's numbers."""

from pathlib import Path

import pytest

from toolkit.errors import InputError, ModelError
from toolkit.models.card import from_metadata, read_labels


def test_names_stand_in_a_list_or_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_bytes(b"\xef\xbb\xbfa\r\n\n b \n")
    (tmp_path / "list.json").write_text('["a", "b"]')
    assert read_labels(tmp_path / "lines.txt") == read_labels(tmp_path / "list.json") == ("a", "b")


@pytest.mark.parametrize(
    "content",
    [
        '{"b": 1, "a": 0}',
        '{"b": 1,\n "a": 0}',
        '{"1": "b", "0": "a"}',
        '{"0": ["n01", "a"], "1": ["n02", "b"]}',
        '[["n01", "a"], ["n02", "b"]]',
    ],
)
def test_names_that_have_numbers_stand_in_their_order(tmp_path: Path, content: str) -> None:
    (tmp_path / "names.json").write_text(content)
    assert read_labels(tmp_path / "names.json") == ("a", "b")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"can't read the labels: No such file or directory \("),
        (b"caf\xe9", "the labels are not UTF-8"),
        (b" \n", "no class names in it"),
        (b'["a"', "not class names in JSON"),
        pytest.param(b"[" * 100_000, "not class names in JSON", id="nested"),
        (b'{"a": 0, "b": 2}', "the numbers of the classes don't go from 0 up, each once"),
        (b'{"a": 0, "b": 0}', "the numbers of the classes don't go from 0 up, each once"),
        (b'{"labels": ["a", "b"]}', "not class names in JSON"),
        (b'[{"name": "a"}]', "a class has no text for its name"),
        (b"a\nb\na", "names the class 'a' twice"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused_in_words(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_labels(tmp_path / "labels.txt")
    assert "Errno" not in str(caught.value)


def test_metadata_that_can_not_be_read_are_said_to_be_damaged() -> None:
    for labels in ("[", "7", "[" * 100_000):
        with pytest.raises(ModelError, match="its metadata can't be read"):
            from_metadata({"toolkit_version": "1", "labels": labels}, "m.onnx")
