"""Claim: classifying a million pictures takes no more memory than classifying ten thousand.

The memory is that of the whole process tree: the largest sum of what belongs to its processes alone (unique set
sizes) seen while it runs. What they share with one another, the libraries' code, doesn't depend on the inputs.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from classify_inputs import jpeg_files, linked
from evidence import write

COUNTS = (10_000, 1_000_000)
FORMATS = ("csv", "jsonl", "parquet")
EVERY_S = 0.1


def peak_mb(command: list[str]) -> float:
    """Run a command and return the largest memory of its process tree, megabytes (1e6 bytes)."""
    largest = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            largest = max(largest, tree_bytes(root))
            time.sleep(EVERY_S)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return largest / 1e6


def tree_bytes(root: psutil.Process) -> int:
    """Return the memory of a process and all below it, without shared pages."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with JPEG files")
    parser.add_argument("--model", default="paper-cnn")
    parser.add_argument("--inputs", type=int, default=COUNTS[1])
    parser.add_argument("--formats", nargs="+", default=list(FORMATS))
    parser.add_argument("--per-folder", type=int, default=COUNTS[1], help="files of one folder")
    arguments = parser.parse_args()
    files, figures = jpeg_files(arguments.data), {}
    with tempfile.TemporaryDirectory(dir=Path(arguments.data).parent) as scratch:
        folders = {
            n: linked(files, n, Path(scratch), arguments.per_folder) for n in (COUNTS[0], arguments.inputs)
        }
        for suffix in arguments.formats:
            peaks = {}
            for count, folder in folders.items():
                output = f"{scratch}/out-{count}.{suffix}"
                peaks[count] = peak_mb(
                    [sys.executable, "-m", "toolkit", "classify", str(folder), "-m", arguments.model, "--device", "cpu",
                     "--workers", "2", "-o", output]
                )  # fmt: skip
            few, many = peaks.values()
            figures[suffix] = {"few_mb": few, "many_mb": many, "growth_pct": 100 * (many / few - 1)}
            print(f"{suffix}: {few:.1f} MB at {COUNTS[0]:,}, {many:.1f} MB at {arguments.inputs:,} "
                  f"({100 * (many / few - 1):+.1f} %)")  # fmt: skip
    write(
        "classify_memory",
        f"memory of the process tree at {COUNTS[0]:,} and at {arguments.inputs:,} inputs, two workers",
        {"few": COUNTS[0], "many": arguments.inputs, "per_folder": arguments.per_folder, "formats": figures},
    )


if __name__ == "__main__":
    main()
