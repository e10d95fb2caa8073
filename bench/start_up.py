"""Claim: `toolkit --help` takes at most 0.25 s, and classifying one picture at most 0.6 s, fresh process each."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evidence import as_installed, summary, write

from toolkit.bench.pipeline import BUNDLED_PICTURES

RUNS = 21


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    as_installed()
    picture = str(min(BUNDLED_PICTURES.glob("*.png")))
    toolkit = [sys.executable, "-m", "toolkit"]
    classify = [*toolkit, "classify", picture, "-m", "paper-cnn"]
    with tempfile.TemporaryDirectory() as folder:
        csv = str(Path(folder) / "rows.csv")
        commands = {
            "empty Python": [sys.executable, "-c", "pass"],
            "toolkit --help": [*toolkit, "--help"],
            "toolkit models": [*toolkit, "models"],
            "classify one picture, table": classify,
            "classify one picture, CSV": [*classify, "-o", csv, "--force"],
        }
        samples: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS):  # in turn, so that drift of the machine hits all alike
            for name, command in commands.items():
                samples[name].append(seconds(command))
    figures = {name: summary(times) for name, times in samples.items()}
    for name, figure in figures.items():
        print(f"{name:<30} {figure['median']:.3f} s  ({figure['min']:.3f} to {figure['max']:.3f})")
    write("start_up", "help within 0.25 s, one picture within 0.6 s", figures)


if __name__ == "__main__":
    main()
