"""What killed runs left beside an output goes with the next run, and nothing else does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from toolkit import leftovers
from toolkit.files import whole_file, whole_files, write_text
from toolkit.leftovers import LEAST_AGE

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="a process can't be asked for there without ending it"
)

KILLED = """
import os, signal, sys
from pathlib import Path
from toolkit.files import whole_file, whole_files
with whole_file(Path(sys.argv[1])) as file, whole_files(Path(sys.argv[1])) as folder:
    file.write_text("half")
    folder.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_removed_by_the_next_that_writes_the_same_file_a_day_later(
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.txt"
    done = subprocess.run([sys.executable, "-c", KILLED, target], check=False)
    assert done.returncode == -signal.SIGKILL
    left = sorted(tmp_path.iterdir())
    assert [path.suffix for path in left] == [".part", ".parts"]
    write_text(tmp_path / "other.txt", "x")
    write_text(target, "x")
    assert set(left) < set(tmp_path.iterdir())  # its process may be on a machine that shares the folder
    for path in (*left, *left[1].iterdir()):
        age(path, LEAST_AGE + 60)
    write_text(tmp_path / "other.txt", "y", force=True)
    assert set(left) < set(tmp_path.iterdir())
    write_text(target, "y", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.txt", "out.txt"]


@pytest.mark.parametrize("write", [whole_file, whole_files])
def test_nothing_but_our_own_temporary_files_is_touched(tmp_path: Path, gone: int, write: Any) -> None:
    target = tmp_path / "out.txt"
    names = (
        f".out.txt.{gone}.part.journal",
        f"out.txt.{gone}.part",
        f".out.txt.{gone}.partial",
        f".out.txt.0{gone}.part",
        ".out.txt.part",
        ".out.txt.x1.part",
        f".outAtxt.{gone}.part",
        f".out.txt.csv.{gone}.part",
        f".out.txt.{os.getppid()}.part",
        *([] if os.getpid() == 1 else [".out.txt.1.part"]),
        f".out.txt.{gone}.parts",
    )
    for name in names:
        (tmp_path / name).write_text("mine")  # the last one is a file where a folder should be
        age(tmp_path / name, 2 * LEAST_AGE)
    (tmp_path / f".out.txt.{gone}.part").mkdir()
    age(tmp_path / f".out.txt.{gone}.part", 2 * LEAST_AGE)
    with write(target) as temporary:
        temporary.write_text("whole")
    expected = {*names, f".out.txt.{gone}.part", "out.txt"}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_a_folder_in_which_something_was_written_lately_stays_and_a_link_is_not_followed(
    tmp_path: Path, gone: int
) -> None:
    folder = tmp_path / f".out.txt.{gone}.parts"
    folder.mkdir()
    (folder / "weights").write_text("new")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    age(tmp_path / "precious" / "file", 2 * LEAST_AGE)
    link = tmp_path / f".link.txt.{gone}.parts"
    link.symlink_to(tmp_path / "precious")
    os.utime(link, (0, 0), follow_symlinks=False)
    age(folder, 2 * LEAST_AGE)
    for name in ("out.txt", "link.txt"):
        leftovers.remove_leftovers(tmp_path / name)
    assert (folder / "weights").exists()
    assert link.is_symlink()
    assert (tmp_path / "precious" / "file").exists()


def test_a_process_of_the_same_number_in_another_container_is_not_in_the_way(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    for theirs in (f".out.txt.{os.getpid()}.parts", f".out.txt.{os.getpid()}-00000g.parts"):
        (tmp_path / theirs).mkdir()
    with whole_files(target) as temporary:
        assert str(os.getpid()) in temporary.parent.name
        temporary.write_text("whole")
    assert target.read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 3
