import multiprocessing
import os
import shutil
import subprocess
import sys

import pytest

from toolkit.engines.memory import SharedMemory


def write(memory: SharedMemory, number: int) -> None:
    memory.places(4)[number][:] = bytes([number] * 4)


@pytest.mark.parametrize("has_files", [True, False])
def test_what_a_process_writes_is_seen_here(has_files: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_files:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = SharedMemory(12)
    processes = [
        multiprocessing.get_context("spawn").Process(target=write, args=(memory, number)) for number in (1, 2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [bytes(place) for place in memory.places(4)] == [b"\0" * 4, b"\1" * 4, b"\2" * 4]


@pytest.mark.skipif(
    not hasattr(os, "memfd_create") or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs Linux, and root to make a small /dev/shm",
)
def test_it_may_be_larger_than_a_containers_dev_shm() -> None:
    code = (
        "from toolkit.engines.memory import SharedMemory; size = 8 << 20;"
        " SharedMemory(size).places(size)[0][:] = bytes(size)"
    )
    small = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", small, sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no mounts here")
    assert (done.returncode, done.stderr) == (0, "")
