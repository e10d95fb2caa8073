import contextlib
import errno
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import InputError
from toolkit.images.inputs import Input, shown
from toolkit.images.lists import as_meant, list_columns, list_entries
from toolkit.images.scan import PICTURE_SUFFIXES, Skipped
from toolkit.images.sources import count, expand, listing


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"")


def paths(*arguments: str, **options: object) -> list[str]:
    return [item.path for item in expand(arguments, **options)]  # type: ignore[arg-type]


def failure(*arguments: str, stdin: bytes = b"") -> str:
    with pytest.raises(InputError) as caught:
        list(expand(arguments, stdin=io.BytesIO(stdin)))
    return caught.value.what


NAMES = st.text(st.sampled_from("aAbB.-_ 10é"), min_size=1, max_size=5).map(lambda name: f"x{name}")
TREE = st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=12)


@given(tree=TREE)
@settings(max_examples=40)
def test_a_folder_gives_its_pictures_in_the_sorted_order_of_their_paths(
    tree: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree")
    made = set()
    for *folders, name in tree:
        file = root.joinpath(*folders, f"{name}.png")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        made.add(str(file))
    assert paths(str(root)) == sorted(made)


def test_arguments_keep_their_order_and_a_path_named_twice_is_two_inputs(here: Path) -> None:
    make("b.png", "photos/2.jpg", "photos/1.jpg")
    assert paths("b.png", "photos", "./photos/1.jpg", "b.png") == [
        "b.png",
        "photos/1.jpg",
        "photos/2.jpg",
        "./photos/1.jpg",
        "b.png",
    ]


def test_a_folder_is_shown_as_it_was_typed_but_for_a_slash_at_its_end(here: Path) -> None:
    make("photos/a/1.jpg")
    assert paths("photos/") == ["photos/a/1.jpg"]
    assert paths("./photos") == ["./photos/a/1.jpg"]
    assert paths(".") == ["./photos/a/1.jpg"]
    assert paths(str(here)) == [f"{here}/photos/a/1.jpg"]


def test_the_suffix_counts_in_any_case_inside_a_folder_and_not_at_all_for_a_named_file(here: Path) -> None:
    make(
        "f/UPPER.JPG",
        "f/Mixed.JpEg",
        "f/three.letters.TIF",
        "f/photo.HEIC",
        "f/none",
        "f/notes.md",
        "f/data.dat",
    )
    assert paths("f") == ["f/Mixed.JpEg", "f/UPPER.JPG", "f/photo.HEIC", "f/three.letters.TIF"]
    assert paths("f/none", "f/data.dat") == ["f/none", "f/data.dat"]


def test_the_suffixes_are_lower_case_and_hold_the_formats_of_phones() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in PICTURE_SUFFIXES)
    assert {".jpg", ".heic", ".heif", ".avif", ".jxl"} <= PICTURE_SUFFIXES


def test_hidden_names_are_skipped_and_counted(here: Path) -> None:
    make(
        "f/.hidden.png", "f/._photo.jpg", "f/.thumbs/a.png", "f/__MACOSX/b.png", "f/Thumbs.db", "f/photo.png"
    )
    skipped = Skipped()
    assert paths("f", skipped=skipped) == ["f/photo.png"]
    assert skipped == Skipped(hidden=5)
    make("f/notes.txt", "f/below/IMG_0001", "f/below/b.png")
    skipped = Skipped()
    assert paths("f", skipped=skipped) == ["f/below/b.png", "f/photo.png"]
    assert skipped == Skipped(hidden=5, others=2)
    assert paths("f/.hidden.png", "f/.thumbs") == ["f/.hidden.png", "f/.thumbs/a.png"]  # named, so meant


def test_a_folder_that_is_left_out_is_met_nowhere(here: Path) -> None:
    make("f/a.png", "f/sorted/cat/a.png", "f/unsorted.png", "g/b.png")
    Path("g/link").symlink_to("../f/sorted")
    skipped = Skipped(follow_links=True, left_out=os.path.realpath("f/sorted"))
    for argument in ("f", "?", "."):
        found = paths(argument, skipped=skipped)
        assert "f/unsorted.png" in [os.path.normpath(path) for path in found]
        assert not [path for path in found if "sorted/" in path or "link/" in path]
        assert count([argument], like=skipped) == len(found)


def test_our_own_unfinished_output_is_not_counted_as_hidden(here: Path) -> None:
    make("f/photo.png", "f/.out.csv.123.part")
    skipped = Skipped()
    assert paths("f", skipped=skipped) == ["f/photo.png"]
    assert skipped.hidden == 0


def test_links_to_folders_are_not_followed_and_links_to_files_are_files(here: Path) -> None:
    make("f/a.png", "elsewhere/b.png")
    Path("f/loop").symlink_to(".")
    Path("f/up").symlink_to("..")
    Path("f/other.jpg").symlink_to("../elsewhere")
    Path("f/file.png").symlink_to("a.png")
    Path("f/self.png").symlink_to("self.png")
    Path("f/gone.png").symlink_to("nowhere.png")
    skipped = Skipped()
    assert paths("f", skipped=skipped) == ["f/a.png", "f/file.png", "f/gone.png", "f/self.png"]
    assert skipped.folder_links == 3
    Path("named").symlink_to("elsewhere")
    assert paths("named") == ["named/b.png"]


def linked(*arguments: str) -> list[str]:
    """The paths, where links to folders are followed."""
    skipped = Skipped(follow_links=True)
    found = paths(*arguments, skipped=skipped)
    assert skipped.folder_links == 0
    assert count(arguments, like=skipped) == len(found)
    return found


def test_links_to_folders_are_followed_where_asked_into_each_folder_once(here: Path) -> None:
    make("f/b/1.png", "away/2.png", "away/deep/3.png", "f/.hidden/4.png", "away/.not/5.png")
    Path("f/a").symlink_to("b")  # below f already, under its own name
    Path("f/first").symlink_to("../away")
    Path("f/second.jpg").symlink_to("../away")
    Path("f/deep").symlink_to("../away/deep")
    Path("f/shown").symlink_to(".hidden")
    expected = ["f/b/1.png", "f/deep/3.png", "f/first/2.png", "f/shown/4.png"]
    assert linked("f") == expected
    assert linked("f", "f") == expected * 2  # named twice
    Path("named").symlink_to("f")
    assert linked("named") == [path.replace("f/", "named/", 1) for path in expected]
    Path("list.txt").write_text("f\n")
    assert linked("list.txt") == expected


def test_loops_of_links_end(here: Path) -> None:
    make("f/a/1.png", "away/2.png")
    Path("f/self").symlink_to(".")
    Path("f/a/up").symlink_to("..")
    Path("f/x").symlink_to("../away")
    Path("away/back").symlink_to("../f")
    Path("away/self").symlink_to("../away")
    assert linked("f") == ["f/a/1.png", "f/x/2.png"]
    assert linked("away") == ["away/2.png", "away/back/a/1.png"]


def test_a_folder_of_nothing_but_links_has_pictures_only_where_they_are_followed(here: Path) -> None:
    make("away/deep/1.png", "empty/notes.md")
    Path("f").mkdir()
    Path("f/link").symlink_to("../away")
    Path("empty/loop").symlink_to(".")
    assert failure("f").startswith("no images: the folder")
    assert failure("f*").startswith("no images: the pattern")
    assert linked("f") == linked("f*") == ["f/link/deep/1.png"]
    with pytest.raises(InputError, match="no images: the folder"):
        linked("empty")


@given(tree=TREE, links=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=6))
@settings(max_examples=40)
def test_with_any_links_each_picture_is_given_once_in_sorted_order(
    tree: list[list[str]], links: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, elsewhere = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("elsewhere")
    folders = [root, elsewhere]
    for number, (*names, name) in enumerate(tree):
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            folder = (root, elsewhere)[number % 2].joinpath(*names)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").touch()
            folders.append(folder)
    for number, (place, target) in enumerate(links):
        (folders[place % len(folders)] / f"link{number}").symlink_to(folders[target % len(folders)])
    (root / "out").symlink_to(elsewhere)
    found = linked(str(root))
    assert found == sorted(found)
    real = {str(path) for start in (root, elsewhere) for path in start.rglob("*.png") if path.is_file()}
    assert sorted(map(os.path.realpath, found)) == sorted({os.path.realpath(path) for path in real})
    assert {path for path in real if path.startswith(f"{root}/x")} <= set(found)


def test_a_folder_called_like_a_picture_is_a_folder(here: Path) -> None:
    make("dir.jpg/inner.png", "f/dir.png/x.jpg")
    assert paths("dir.jpg", "f") == ["dir.jpg/inner.png", "f/dir.png/x.jpg"]


def test_a_path_that_does_not_exist_is_an_input_like_any_other(here: Path) -> None:
    assert paths("nothing.jpg", "no/folder", "no.txt") == ["nothing.jpg", "no/folder", "no.txt"]


def test_a_pattern_matches_pictures_in_sorted_order(here: Path) -> None:
    make("b1.png", "b2.png", "a.png", "b3.txt", "sub/b4.png", ".b5.png", "x.dat")
    assert paths("b*") == ["b1.png", "b2.png"]
    assert paths("**/b*") == ["b1.png", "b2.png", "sub/b4.png"]
    assert paths("*.dat") == ["x.dat"]


def test_a_pattern_without_two_stars_gives_the_pictures_of_folders_that_match(here: Path) -> None:
    make(
        "s/b/2.png",
        "s/b/c/3.png",
        "s/a.png",
        "s/note.txt",
        "s/d.jpg/4.png",
        "s/words/x.md",
        "s/.h/5.png",
        "away/6.png",
    )
    Path("s/link").symlink_to("../away")
    assert paths("s/*") == ["s/a.png", "s/b/2.png", "s/b/c/3.png", "s/d.jpg/4.png", "s/link/6.png"]
    assert paths("s/b*", "s/*/") == [
        "s/b/2.png", "s/b/c/3.png", "s/b/2.png", "s/b/c/3.png", "s/d.jpg/4.png", "s/link/6.png",
    ]  # fmt: skip
    assert paths("s/*.jpg") == ["s/d.jpg/4.png"]
    assert paths("s/**/*.png") == paths("s/**/*") == [
        "s/a.png", "s/b/2.png", "s/b/c/3.png", "s/d.jpg/4.png", "s/link/6.png",
    ]  # fmt: skip
    assert count(["s/*"], like=Skipped()) == 5
    assert failure("s/w*").startswith("no images: the pattern")


def test_two_stars_come_by_every_folder_once_whatever_links_there_are(here: Path) -> None:
    make("s/[a]/1.png", "s/b/2.png", "s/b/c/3.dat", "s/.h/4.png", "away/5.png", "6.png")
    for name, target in (("up", ".."), ("self", "."), ("other", "../../away"), ("twice", "../../away")):
        Path("s/b", name).symlink_to(target)
    assert paths("s/**/*.png") == paths("s/**") == ["s/[a]/1.png", "s/b/2.png", "s/b/other/5.png"]
    assert paths("**/?.png") == ["6.png", "away/5.png", "s/[a]/1.png", "s/b/2.png"]
    assert paths("s/**/*.dat") == ["s/b/c/3.dat"]
    assert paths("s/**/b/**/*.dat", "*/**/c/*.dat") == ["s/b/c/3.dat"] * 2
    assert paths("s/**/b/2*") == ["s/b/2.png"]
    assert failure("gone/**").startswith("no images: the pattern")
    left_out = Skipped(left_out=str(Path("s/b").resolve()))
    assert [item.path for item in expand(["s/**"], skipped=left_out)] == ["s/[a]/1.png"]


def test_a_folder_below_two_stars_that_cannot_be_listed_is_an_input_with_a_failure(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("s/a.png", "s/locked/b.png")
    real = os.scandir

    def scandir(folder: object = ".") -> object:
        if str(folder).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return real(folder)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    found = [(item.path, item.failure) for item in expand(["s/**/*.png"])]
    assert found == [
        ("s/a.png", None),
        ("s/locked", "folder: not allowed to read it (permission denied)"),
    ]


def test_a_name_with_brackets_that_exists_is_no_pattern(here: Path) -> None:
    make("set[1]/a.png", "[b].png", "set1/never.png", "b.png")
    assert paths("set[1]", "[b].png") == ["set[1]/a.png", "[b].png"]


def test_standard_input_is_a_list_of_paths(here: Path) -> None:
    make("f/1.jpg", "f/2.jpg")
    given = b"a.png\r\n\nb c.png \n# d.png\nf\nmissing"
    assert paths("-", stdin=io.BytesIO(given)) == [
        "a.png", "b c.png ", "# d.png", "f/1.jpg", "f/2.jpg", "missing",
    ]  # fmt: skip


def test_white_space_around_a_line_counts_only_where_a_file_is_called_so(here: Path) -> None:
    make("a.png", " b.png", "c.png ", "c.png", "#d.png", "f/1.jpg")
    given = b"a.png \t\r\n b.png\nc.png \n#d.png\nf \n gone.png \n   \n"
    expected = ["a.png", " b.png", "c.png ", "#d.png", "f/1.jpg", " gone.png ", "   "]
    assert paths("-", stdin=io.BytesIO(given)) == expected
    Path("list.txt").write_bytes(given)
    assert paths("list.txt") == expected


def test_a_list_elsewhere_finds_its_own_files_in_spite_of_white_space(here: Path) -> None:
    make("set/a.png", "b.png")
    Path("set/list.txt").write_text("a.png \nb.png \nhttps://example.org/c.png \n")
    entries = [as_meant(entry, "set") for entry in Path("set/list.txt").read_text().splitlines()]
    assert entries == [("a.png", "set/a.png"), ("b.png", "b.png"), ("https://example.org/c.png",) * 2]


def test_nul_separates_paths_where_there_is_one(here: Path) -> None:
    assert paths("-", stdin=io.BytesIO(b"a\nb.png\0c.png\0")) == ["a\nb.png", "c.png"]


@given(
    names=st.lists(
        st.text(st.characters(blacklist_characters="\0\r\n", codec="utf-8"), min_size=1, max_size=20)
    ),
    pieces=st.lists(st.integers(1, 9), min_size=1),
    separator=st.sampled_from(["\n", "\0", "\r\n"]),
)
def test_a_list_gives_the_same_paths_however_it_arrives(
    names: list[str], pieces: list[int], separator: str
) -> None:
    names = [f"nothing/{name}" for name in names] or ["nothing/x"]
    content = "".join(name + separator for name in names).encode()
    assert paths("-", stdin=Trickle(content, pieces)) == names


class Trickle(io.RawIOBase):
    """A pipe whose writer is slow."""

    def __init__(self, content: bytes, pieces: Iterable[int]) -> None:
        self._content = content
        self._pieces = itertools.cycle(pieces)

    def read1(self, _: int) -> bytes:
        size = next(self._pieces)
        piece, self._content = self._content[:size], self._content[size:]
        return piece


def test_the_first_paths_of_a_list_are_given_before_the_rest_has_come(here: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream:
        os.write(writer, b"a.png\nb.png\nunfinish")
        stream_of_inputs = expand(["-"], stdin=stream)
        assert [next(stream_of_inputs).path, next(stream_of_inputs).path] == ["a.png", "b.png"]
        os.write(writer, b"ed.png")
        os.close(writer)
        assert [item.path for item in stream_of_inputs] == ["unfinished.png"]


def test_a_list_file_is_relative_to_its_own_folder_first(here: Path) -> None:
    make("set/a.png", "b.png", "set/both.png", "both.png")
    Path("set/list.txt").write_text("\ufeffa.png\nb.png\nboth.png\nneither.png\n", encoding="utf-8")
    inputs = list(expand(["set/list.txt"]))
    assert [item.path for item in inputs] == ["a.png", "b.png", "both.png", "neither.png"]
    assert [item.file for item in inputs] == ["set/a.png", "b.png", "set/both.png", "neither.png"]


def test_a_list_in_utf16_with_a_mark_is_read(here: Path) -> None:
    Path("list.txt").write_text("ä.png\nb.png\n", encoding="utf-16")
    assert paths("list.txt") == ["ä.png", "b.png"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_list_gives_its_path_column(here: Path, delimiter: str) -> None:
    rows = [
        ["id", "path", "note"],
        ["1", "a.png", "x"],
        ["2", '"b, ""c"".png"', ""],
        ["3", "", "no path"],
        ["4"],
    ]
    Path("list.csv").write_text("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    items = list(expand(["list.csv"]))
    assert [(item.path, item.failure) for item in items] == [
        ("a.png", None),
        ('b, "c".png', None),
        ("", "no path in line 4 of list.csv"),
        ("", "no path in line 5 of list.csv"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("above", ["", "sep=;\r\n"])
def test_a_column_of_a_csv_list_may_have_a_name_of_two_lines(above: str, encoding: str, here: Path) -> None:
    line = 5 if above else 4
    content = f'{above}"taken\nby, whom?";path;"ré\r\nsumé"\r\nme;a.png;x\r\n;;y\r\n'
    Path("list.csv").write_bytes(content.encode(encoding))
    assert list_columns(["list.csv"]) == ("taken\nby, whom?", "ré\r\nsumé")
    found = [(item.path, item.failure, item.extra) for item in expand(["list.csv"])]
    assert found == [
        ("a.png", None, ("me", "x")),
        ("", f"no path in line {line + 1} of list.csv", ("", "y")),
    ]


def test_a_csv_list_with_no_other_column_needs_no_quotes_around_a_comma(here: Path) -> None:
    Path("list.csv").write_text('path\na, b.png\n"c, d.png"\ne.png,\n')
    assert paths("list.csv") == ["a, b.png", "c, d.png", "e.png"]


def test_a_mark_in_a_header_that_is_never_closed_does_not_take_the_rows(here: Path) -> None:
    Path("list.csv").write_text('path,"size\na.png,2\n')
    assert paths("list.csv") == ["a.png"]


def test_a_line_that_tells_excel_the_separator_is_no_header_but_a_line(here: Path) -> None:
    Path("list.csv").write_text("sep=;\r\nid;path\r\n1;a.png\r\n2;\r\n")
    assert list_columns(["list.csv"]) == ("id",)
    found = [(item.path, item.failure, item.extra) for item in expand(["list.csv"])]
    assert found == [("a.png", None, ("1",)), ("", "no path in line 4 of list.csv", ("2",))]
    Path("list.csv").write_text('SEP=,\npath,note\na.png,x\nb.png,"y\n')
    with pytest.raises(InputError, match="line 4 of the list isn't CSV"):
        list(expand(["list.csv"]))


def test_empty_lines_of_a_csv_list_are_none_and_a_list_of_lines_without_paths_is_empty(here: Path) -> None:
    Path("list.csv").write_text("id,path\n\n,\n1,a.png\n\n")
    assert paths("list.csv") == ["a.png"]
    Path("list.csv").write_text("id,path\n1,\n2\n")
    assert failure("list.csv").startswith("no images")


def test_a_csv_list_without_a_path_column_says_so(here: Path) -> None:
    Path("list.csv").write_text("file\na.png\n")
    assert failure("list.csv") == "the list has no column 'path'"


def test_a_folder_list_or_pattern_without_a_picture_is_an_error_before_anything_is_given(here: Path) -> None:
    Path("empty/sub").mkdir(parents=True)
    make("words/notes.md", "words/.hidden.png", "a.png")
    Path("list.txt").write_text("\n\n")
    Path("list.csv").write_text("path\n")
    for argument in ("empty", "words", "list.txt", "list.csv", "*.gif"):
        assert failure("a.png", argument).startswith("no images"), argument
        with pytest.raises(InputError):
            next(expand(["a.png", argument]))
    assert failure("-").startswith("no images")


def test_a_folder_without_a_picture_in_a_list_is_an_input_with_that_failure_at_its_place(here: Path) -> None:
    Path("empty/sub").mkdir(parents=True)
    make("words/notes.md", "f/a.png")
    Path("list.txt").write_text("empty\nwords\nf\nempty\ngone.png\n")
    Path("list.csv").write_text("path,id\nempty,1\nf,2\n")
    why = "folder: no picture in it"
    expected = [("empty", why), ("words", why), ("f/a.png", None), ("empty", why), ("gone.png", None)]
    assert [(item.path, item.failure) for item in expand(["list.txt"])] == expected
    given = io.BytesIO(Path("list.txt").read_bytes())
    assert [(item.path, item.failure) for item in expand(["-"], stdin=given)] == expected
    assert [(item.path, item.extra) for item in expand(["list.csv"])] == [
        ("empty", ("1",)),
        ("f/a.png", ("2",)),
    ]
    assert count(["list.txt"], like=Skipped()) == 5


def test_a_list_of_folders_without_a_picture_is_an_error_before_anything_is_given(here: Path) -> None:
    Path("empty").mkdir()
    Path("list.txt").write_text("empty\nempty/\n")
    with pytest.raises(InputError, match="no images: the list") as caught:
        next(listing(["list.txt"]))
    assert caught.value.where == "list.txt"
    assert failure("-", stdin=b"empty\n").startswith("no images: the list")
    Path("list.txt").write_text("empty\ngone.png\n")
    assert paths("list.txt") == ["empty", "gone.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_input_with_the_reason(here: Path) -> None:
    make("f/a.png", "f/locked/b.png", "f/z.png")
    Path("f/locked").chmod(0)
    try:
        inputs = list(expand(["f"]))
    finally:
        Path("f/locked").chmod(0o700)
    assert [item.path for item in inputs] == ["f/a.png", "f/locked", "f/z.png"]
    assert "permission denied" in (inputs[1].failure or "")


class Listed:
    """A folder on a file system that lists names without kinds, where some can't be asked for.

    Args:
        folder: its name.
        unknown: names whose kind can't be told, and why.
        ends: the name at which the list itself ends with an error.
    """

    def __init__(self, folder: str, unknown: dict[str, OSError], ends: str = "") -> None:
        self._entries = sorted(SCANDIR(folder), key=lambda entry: entry.name)
        self._unknown = unknown
        self._ends = ends

    def __enter__(self) -> Iterator[object]:
        return self._given()

    def _given(self) -> Iterator[object]:
        for entry in self._entries:
            if entry.name == self._ends:
                raise OSError(errno.EIO, "Input/output error")
            yield Entry(entry, self._unknown[entry.name]) if entry.name in self._unknown else entry

    def __exit__(self, *_: object) -> None: ...


class Entry:
    def __init__(self, entry: os.DirEntry[str], error: OSError) -> None:
        self.name, self.path, self._error = entry.name, entry.path, error

    def is_file(self, **_: bool) -> bool:
        raise self._error

    is_dir = is_symlink = is_file


SCANDIR = os.scandir
STALE = OSError(errno.ESTALE, "Stale file handle")


def test_an_entry_whose_kind_can_not_be_told_costs_no_other_picture_of_its_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("f/a.png", "f/b.png", "f/c.jpeg", "f/d/e.png", "f/notes", "f/z.png")
    unknown = dict.fromkeys(["b.png", "c.jpeg", "d", "notes"], STALE)
    monkeypatch.setattr(os, "scandir", lambda folder: Listed(folder, unknown))
    skipped = Skipped()
    assert paths("f", skipped=skipped) == ["f/a.png", "f/b.png", "f/c.jpeg", "f/d/e.png", "f/z.png"]
    assert skipped.others == 1


def test_a_folder_whose_list_breaks_off_keeps_what_it_gave_and_is_an_input_with_the_reason(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("f/a.png", "f/b.png", "f/c.png", "g/a.png")
    monkeypatch.setattr(os, "scandir", lambda folder: Listed(folder, {}, "c.png"))
    inputs = list(expand(["f", "g"]))
    assert [(item.path, item.failure) for item in inputs] == [
        ("f/a.png", None),
        ("f/b.png", None),
        ("f", "folder: can't be read: Input/output error"),
        ("g/a.png", None),
    ]


def test_the_label_is_the_name_of_the_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("test/cat/1.jpg", "test/dog/sub/2.jpg")
    assert [item.label for item in expand(["test", "test/cat/1.jpg"])] == ["cat", "sub", "cat"]
    monkeypatch.chdir("test/cat")
    assert [item.label for item in expand([".", "1.jpg", "../cat"])] == ["cat", "cat", "cat"]


def test_a_name_that_is_not_utf8_is_shown_escaped_and_keeps_its_bytes(here: Path) -> None:
    raw = b"f/latin1_\xe9\xff.png"
    make(os.fsdecode(raw), "f/n\u00e9.png")
    (here / "list.txt").write_bytes(raw + b"\n")
    for argument in ("f", os.fsdecode(raw), "list.txt"):
        item = next(iter(expand([argument])))
        assert (item.path, item.path_bytes) == ("f/latin1_\\xe9\\xff.png", raw)
        assert os.fsencode(item.file).endswith(raw)
    assert list(expand(["f/n\u00e9.png"])) == [Input("f/n\u00e9.png", "f/n\u00e9.png", "f")]


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_any_name_can_be_shown_in_utf8(raw: bytes) -> None:
    assert shown(os.fsdecode(raw)).encode("utf-8").decode("utf-8") == shown(os.fsdecode(raw))


def test_counting_gives_the_number_of_inputs_unless_standard_input_is_among_them(here: Path) -> None:
    make("f/a.png", "f/b.png", "f/c.txt")
    assert count(["f", "f/c.md", "f"], like=Skipped()) == 5
    assert count(["f", "-"], like=Skipped()) is None


def test_a_folder_is_listed_while_it_is_used(here: Path) -> None:
    make("f/a/1.png", "f/b/2.png")
    stream = expand(["f"])
    assert next(stream).path == "f/a/1.png"
    Path("f/b/3.png").write_bytes(b"")  # b hasn't been looked at yet
    assert [item.path for item in stream] == ["f/b/2.png", "f/b/3.png"]


def test_regular_files_of_a_folder_are_marked_as_seen_and_nothing_else(here: Path) -> None:
    make("f/a.png", "f/c.png", "g.png")
    Path("f/b.png").symlink_to("a.png")
    os.mkfifo("f/d.png")
    (inputs,) = listing(["f"])
    assert [inputs.paths[i] for i in sorted(inputs.unseen)] == ["f/b.png", "f/d.png"]
    Path("list.txt").write_text("g.png\nf/d.png\ngone.png\n")
    assert [len(each.unseen) for each in listing(["list.txt"])] == [0, 1, 1]
    assert [len(each.unseen) for each in listing(["g.png", "gone.png"])] == [0, 1]


def test_a_csv_list_keeps_its_other_columns(here: Path) -> None:
    make("a.png", "f/1.png", "f/2.png")
    Path("list.csv").write_text("id,path,note\n1,a.png,x\n2,f,\n3\n4,a.png\n")
    assert list_columns(["a.png", "list.csv"]) == ("id", "note")
    assert [(item.path, item.extra) for item in expand(["list.csv", "a.png"])] == [
        ("a.png", ("1", "x")), ("f/1.png", ("2", "")), ("f/2.png", ("2", "")),
        ("", ("3", "")), ("a.png", ("4", "")), ("a.png", None),
    ]  # fmt: skip
    Path("other.csv").write_text("path\na.png\n")
    Path("twice.csv").write_text("id,path,id\n1,a.png,2\n")
    for arguments in (["list.csv", "other.csv"], ["a.png"], ["twice.csv"]):
        with pytest.raises(InputError):
            list_columns(arguments)


def test_kept_cells_that_are_not_utf8_are_written_like_paths(here: Path) -> None:
    make("a.png")
    Path("list.csv").write_bytes(b"path,n\xe9\na.png,caf\xe9\n")
    assert list_columns(["list.csv"]) == ("n\\xe9",)
    assert [item.extra for item in expand(["list.csv"])] == [("caf\\xe9",)]


@pytest.mark.parametrize(
    ("rest", "line", "words"),
    [
        ('f,"x\nf,y\nf,z\n', 3, "a quotation mark is not closed"),
        ('f,"x\nf,"y"\nf,z\n', 4, "',' expected after '\"'"),
        ('f,"x\n' + "f,y\n" * 40_000, 3, "is a quotation mark not closed?"),
    ],
)
def test_a_quotation_mark_that_is_not_closed_swallows_no_rows(
    rest: str, line: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_text('path,note\na.png,"in ""two"""\n' + rest)
    with pytest.raises(InputError, match="of the list isn't CSV") as caught:
        list(list_entries("list.csv"))
    assert f"line {line} of the list isn't CSV" in caught.value.what
    assert words in caught.value.what


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_with_columns_may_be_utf16_with_a_byte_order_mark(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_bytes("\ufeffpath\tnöte\r\n中.png\tz\r\n".encode(encoding))
    assert list_columns(["list.csv"]) == ("nöte",)
    assert [(item.path, item.extra) for item in expand(["list.csv"])] == [("中.png", ("z",))]


def test_a_closed_standard_input_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input"):
        list(listing(["-"]))
