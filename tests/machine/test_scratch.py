"""Temporary folders of processes that live, that end and that are killed: real ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from toolkit.machine.scratch import YOUNG_S, ScratchFolder, hold

KIND = "toolkit-test-"
MAKES_ONE = """
import sys, time
from toolkit.machine.scratch import ScratchFolder
folder = ScratchFolder(sys.argv[2], sys.argv[1])
(folder.path / "model.onnx").write_bytes(b"weights")
print(folder.path, flush=True)
time.sleep(1000)
"""


def age(folder: Path) -> None:
    os.utime(folder, (0, time.time() - YOUNG_S - 1))


def test_it_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with ScratchFolder(KIND, str(tmp_path)) as folder:
        (folder / "below").mkdir()
        (folder / "below" / "weights.bin").write_bytes(b"weights")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_start_and_not_before(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKES_ONE, str(tmp_path), KIND], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        age(left)
        ScratchFolder(KIND, str(tmp_path)).remove()
        assert (left / "model.onnx").exists()  # its process lives
        os.kill(process.pid, signal.SIGKILL)
    ScratchFolder(KIND, str(tmp_path)).remove()
    assert not left.exists()


def test_it_stays_while_anybody_holds_it(tmp_path: Path) -> None:
    held = tmp_path / f"{KIND}held"
    held.mkdir()
    handle = hold(held)
    assert handle is not None
    age(held)
    ScratchFolder(KIND, str(tmp_path)).remove()
    assert held.exists()
    os.close(handle)
    ScratchFolder(KIND, str(tmp_path)).remove()
    assert not held.exists()


def test_a_young_one_another_kind_a_file_and_a_link_are_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / "dear").touch()
    young, other, link, file = (tmp_path / f"{KIND}young", tmp_path / "toolkit-other", tmp_path / f"{KIND}link",
                                tmp_path / f"{KIND}file")  # fmt: skip
    young.mkdir()
    other.mkdir()
    file.touch()
    link.symlink_to(target)
    for each in (other, file, target):
        age(each)
    ScratchFolder(KIND, str(tmp_path)).remove()
    assert all(each.exists() for each in (young, other, link, file, target / "dear"))
