"""Labels from a file: what is wrong with it is said in words, not in the system's numbers."""

from pathlib import Path

import pytest

from toolkit.errors import InputError
from toolkit.models.card import read_labels


def test_names_stand_in_a_list_or_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_bytes(b"\xef\xbb\xbfa\r\n\n b \n")
    (tmp_path / "list.json").write_text('["a", "b"]')
    assert read_labels(tmp_path / "lines.txt") == read_labels(tmp_path / "list.json") == ("a", "b")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"can't read the labels: No such file or directory \("),
        (b"caf\xe9", "the labels are not UTF-8"),
        (b" \n", "no class names in it"),
        (b'["a"', "not a JSON list"),
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
