from pathlib import Path

import pytest

from toolkit.endings import check_ending, check_folder, check_page
from toolkit.errors import UsageError


@pytest.mark.parametrize("name", ["a.html", "A.HTM", "a.b.html", "/dev/stdout"])
def test_a_page_may_be_called_so(name: str) -> None:
    check_page(Path(name))


@pytest.mark.parametrize("name", ["a.txt", "html", ".html", "a.html.gz", "/dev/x.txt"])
def test_a_page_of_another_name_is_refused_with_the_endings_that_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=r"end it in \.html or \.htm") as caught:
        check_page(Path(name))
    assert caught.value.where == f"--report {name}"


def test_a_name_without_an_ending_is_told_that_it_needs_one() -> None:
    with pytest.raises(UsageError) as caught:
        check_ending(Path("pics"), (".a", ".b", ".c"), flag="-o", what="a thing")
    assert str(caught.value) == "the name of a thing needs an ending (-o pics): end it in .a, .b or .c"


def test_no_output_has_no_ending_to_check() -> None:
    check_page(None)
    check_folder(None, flag="-o", remedy="x")


@pytest.mark.parametrize("name", ["m.json", "page.HTML", "a/b.png"])
def test_a_folder_that_is_called_like_a_file_is_a_mistake(name: str) -> None:
    with pytest.raises(UsageError, match="an ending of files"):
        check_folder(Path(name), flag="-o", remedy="give a folder")


def test_a_folder_that_is_there_may_be_called_anything(tmp_path: Path) -> None:
    (tmp_path / "old.csv").mkdir()
    check_folder(tmp_path / "old.csv", flag="-o", remedy="x")
    check_folder(tmp_path / "run.2", flag="-o", remedy="x")
