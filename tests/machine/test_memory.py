"""Peak resident memory of this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.machine.memory import peak_rss_bytes


def test_the_peak_is_read_from_the_kernel(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmPeak:\t 999 kB\nVmHWM:\t  1234 kB\n")
    assert peak_rss_bytes(status) == 1234 * 1024


def test_without_the_kernel_s_file_the_system_is_asked(tmp_path: Path) -> None:
    assert peak_rss_bytes(tmp_path / "none") > 10**6


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="VmHWM is Linux's")
def test_a_child_does_not_inherit_the_peak_of_its_parent() -> None:
    code = (
        "import subprocess, sys; block = bytearray(300_000_000);"
        "from toolkit.machine.memory import peak_rss_bytes as peak;"
        "child = 'from toolkit.machine.memory import peak_rss_bytes as p; print(p())';"
        "print(peak(), subprocess.run([sys.executable, '-c', child], capture_output=True, text=True).stdout)"
    )
    parent, child = map(int, subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split())  # fmt: skip
    assert parent > 300_000_000
    assert child < 150_000_000
