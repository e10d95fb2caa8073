import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.classify.rows import Rows
from toolkit.classify.sort_into import SortInto, folder_name, parts_of
from toolkit.errors import OutputError
from toolkit.images.held import Held
from toolkit.images.inputs import Inputs

LABELS = ("cat", "dog")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(*paths: str, classes: tuple[int, ...] = (0,) * 9, errors: dict[int, str] | None = None) -> Rows:
    errors = errors or {}
    best = np.array(classes[: len(paths) - len(errors)], np.int64).reshape(-1, 1)
    return Rows(Inputs(list(paths), list(paths), [None] * len(paths)), errors, best, best.astype(np.float32))


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"content of {name}")


def sorted_files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_equal_names_from_different_folders_do_not_meet_and_error_rows_stay(here: Path) -> None:
    make("a/1.png", "b/1.png", "c/1.png")
    given_rows = rows(
        "a/1.png", "gone.png", "b/1.png", "c/1.png", classes=(0, 0, 1), errors={1: "no such file"}
    )
    SortInto(here / "s", LABELS, link=False).add(given_rows)
    assert sorted_files(here / "s") == {
        "cat/a/1.png": "content of a/1.png", "cat/b/1.png": "content of b/1.png", "dog/c/1.png": "content of c/1.png",
    }  # fmt: skip


@pytest.mark.parametrize("link", [False, True])
def test_sorting_again_does_what_is_missing_and_overwrites_nothing(here: Path, link: bool) -> None:
    make("1.png", "2.png", "s/cat/2.png")
    before = Path("s/cat/2.png").read_text()
    for _ in range(2):
        SortInto(here / "s", LABELS, link=link).add(rows("1.png", "2.png"))
    found = sorted_files(here / "s")
    assert found.pop("cat/1.png") == "content of 1.png"
    assert found.pop("cat/2.png") == before
    ((other, content),) = found.items()
    assert other.startswith("cat/2~")
    assert content == "content of 2.png"
    assert os.path.samefile("1.png", "s/cat/1.png") == link  # noqa: PTH121
    assert not list((here / "s").rglob("*.part"))


@pytest.mark.parametrize("link", [False, True])
def test_a_source_that_has_vanished_costs_only_its_own_copy(here: Path, link: bool) -> None:
    make("1.png", "2.png", "3.png", "s/cat/2.png")
    Path("1.png").unlink()
    Path("2.png").unlink()
    sorter = SortInto(here / "s", LABELS, link=link)
    sorter.add(rows("1.png", "2.png", "3.png"))
    assert sorted_files(here / "s") == {
        "cat/2.png": "content of s/cat/2.png", "cat/3.png": "content of 3.png",
    }  # fmt: skip
    assert (sorter.missed, sorter.first_missed) == (2, "1.png: no such file")


def test_a_member_whose_content_is_gone_costs_only_its_own_copy(here: Path) -> None:
    gone = Held(str(here / "gone.held"), 0, 3)
    sorter = SortInto(here / "s", LABELS, link=False)
    sorter.add(
        Rows(
            Inputs(["a.zip!1.png"], [gone], [None]),
            {},
            np.zeros((1, 1), np.int64),
            np.ones((1, 1), np.float32),
        )
    )
    assert sorter.missed == 1
    assert not sorted_files(here / "s")


@pytest.mark.parametrize("name", ["\u732b" * 80 + ".png", "a" * 251 + ".png", "\u732b" * 83 + ".jpeg"])
def test_every_name_that_a_disk_takes_can_be_copied(here: Path, name: str) -> None:
    make(name, f"s/cat/{name}")
    SortInto(here / "s", LABELS, link=False).add(rows(name))
    found = sorted_files(here / "s")
    assert found.pop(f"cat/{name}") == f"content of s/cat/{name}"
    assert list(found.values()) == [f"content of {name}"]


KILLED = """
import os, signal
import numpy as np
from pathlib import Path
from toolkit.classify.rows import Rows
from toolkit.classify.sort_into import SortInto
from toolkit.images.inputs import Inputs
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
best = np.zeros((1, 1), np.int64)
rows = Rows(Inputs(["1.png"], ["1.png"], [None]), {}, best, best.astype(np.float32))
SortInto(Path("s"), ("cat", "dog"), link=False).add(rows)
"""


def test_what_a_killed_run_left_is_used_up_by_the_next(here: Path) -> None:
    make("1.png", "2.png")
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=here, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list((here / "s").rglob("*.part"))) == 1
    SortInto(here / "s", LABELS, link=False).add(rows("1.png", "2.png"))
    assert sorted_files(here / "s") == {"cat/1.png": "content of 1.png", "cat/2.png": "content of 2.png"}


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    here: Path, has_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import shutil

    make("1.png")
    really, link = shutil.copystat, os.link

    def meanwhile(source: object, target: object) -> None:
        really(source, target)  # type: ignore[arg-type]
        if not Path("s/cat/1.png").exists():
            make("s/cat/1.png")

    def linked(source: str, target: str) -> None:
        if not has_links:
            raise OSError(errno.EPERM, "Operation not permitted")
        link(source, target)

    monkeypatch.setattr(shutil, "copystat", meanwhile)
    monkeypatch.setattr(os, "link", linked)
    sorter = SortInto(here / "s", LABELS, link=False)
    sorter.add(rows("1.png"))
    found = sorted_files(here / "s")
    assert found.pop("cat/1.png") == "content of s/cat/1.png"
    assert list(found.values()) == ["content of 1.png"]
    sorter.add(rows("1.png"))
    assert len(sorted_files(here / "s")) == 2


def test_a_name_that_leads_nowhere_is_left_alone(here: Path) -> None:
    make("1.png")
    (here / "s" / "cat").mkdir(parents=True)
    (here / "s/cat/1.png").symlink_to("nowhere")
    SortInto(here / "s", LABELS, link=False).add(rows("1.png"))
    assert (here / "s/cat/1.png").is_symlink()
    assert list(sorted_files(here / "s").values()) == ["content of 1.png"]


def test_a_path_cannot_lead_out_of_the_folder(here: Path) -> None:
    make("w/up.png")
    (here / "w" / "x").mkdir()
    SortInto(here / "s", LABELS, link=False).add(rows(str(here / "w/up.png"), "w/x/../up.png"))
    assert len(sorted_files(here / "s")) == 2
    assert "cat/w/x/_up/up.png" in sorted_files(here / "s")
    assert sorted(path.name for path in here.iterdir()) == ["s", "w"]


@given(path=st.text(st.sampled_from("ab./\\:! "), min_size=1, max_size=12))
def test_no_part_of_a_target_is_a_way_up_or_a_root(path: str) -> None:
    parts = parts_of(path)
    assert not any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cat", "cat"),
        ("tabby, tabby cat", "tabby, tabby cat"),
        ("a/b", "a_b"),
        ("..", "_.."),
        (".", "_."),
        ("", "_"),
    ],
)
def test_any_class_has_a_folder_of_its_own(label: str, name: str) -> None:
    assert folder_name(label) == name


def test_a_folder_that_cannot_be_made_is_an_output_error(here: Path) -> None:
    make("s")
    with pytest.raises(OutputError):
        SortInto(here / "s", LABELS, link=False)


def test_a_disk_without_links_says_to_copy(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    make("1.png")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OutputError, match="leave --link out"):
        SortInto(here / "s", LABELS, link=True).add(rows("1.png"))


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENAMETOOLONG])
def test_a_name_that_the_disk_does_not_take_costs_only_its_own_picture(
    here: Path, monkeypatch: pytest.MonkeyPatch, code: int, link: bool
) -> None:
    def refused(source: object, target: object) -> None:
        if "?" in str(target):
            raise OSError(code, os.strerror(code), str(target))
        real(source, target)  # type: ignore[arg-type]

    real = os.link
    make("1.png", "what?.png", "z.png")
    monkeypatch.setattr(os, "link", refused)
    if not link:
        monkeypatch.setattr("toolkit.classify.sort_into._give_name", refused)
    sorter = SortInto(here / "s", LABELS, link=link)
    sorter.add(rows("1.png", "what?.png", "z.png"))
    assert sorted(sorted_files(here / "s")) == ["cat/1.png", "cat/z.png"]
    assert sorter.missed == 1
    assert sorter.first_missed == f"what?.png: the disk takes no such name ({os.strerror(code)})"


def test_a_folder_whose_name_the_disk_does_not_take_costs_only_its_own_pictures(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object, *arguments: int) -> None:
        if "?" in str(path):
            raise OSError(errno.EINVAL, "Invalid argument", str(path))
        real(path, *arguments)  # type: ignore[arg-type]

    real = os.mkdir
    make("what?/1.png", "z.png")
    monkeypatch.setattr(os, "mkdir", refused)
    sorter = SortInto(here / "s", LABELS, link=False)
    sorter.add(rows("what?/1.png", "z.png"))
    assert sorted(sorted_files(here / "s")) == ["cat/z.png"]
    assert sorter.missed == 1


def test_a_disk_that_lets_nobody_set_times_takes_copies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    make("1.png")
    monkeypatch.setattr(os, "utime", refused)
    SortInto(here / "s", LABELS, link=False).add(rows("1.png"))
    assert sorted_files(here / "s") == {"cat/1.png": "content of 1.png"}


def test_a_name_longer_than_names_may_be_is_cut_and_told_apart() -> None:
    first, second = (f"https://host/a.jpg?key={'x' * 300}{end}" for end in "12")
    names = {parts_of(address)[-1] for address in (first, second)}
    assert len(names) == 2
    assert all(len(name.encode()) <= 255 for name in names)


def test_a_byte_that_is_no_text_makes_no_folder() -> None:
    assert parts_of(r"w/caf\xe9.jpg") == ["w", "caf_xe9.jpg"]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("zip://cat/a.png::s3://box/all.zip", ["s3", "box", "all.zip", "zip", "cat", "a.png"]),
        ("simplecache::https://host/a.png", ["simplecache__https", "host", "a.png"]),
        ("s3://box/a::b.png", ["s3", "box", "a__b.png"]),
    ],
)
def test_a_picture_in_an_archive_at_an_address_keeps_its_own_name(address: str, parts: list[str]) -> None:
    assert parts_of(address) == parts
