"""What every script in this folder does: say on which machine and commit, and write the figures down."""

import argparse
import compileall
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from toolkit.machine.facts import machine_facts

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
DATA_NAME = "CIFAR-10 (JPEG)"  # of that data set, in records


def commit() -> str:
    """Return the commit that is measured, marked where the code that is measured, or measures, differs from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (
        "+changes" if git("status", "--porcelain", "toolkit", "bench/*.py") else ""
    )


def write(name: str, claim: str, figures: Any) -> None:
    """Write results/NAME.json: claim, command, machine, commit, date, figures."""
    RESULTS.mkdir(exist_ok=True)
    # The name of a data folder says enough; where it lies on this machine is nobody's business.
    arguments = [shlex.quote(Path(a).name if Path(a).exists() else a) for a in sys.argv[1:]]
    command = " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *arguments])
    document = {
        "claim": claim,
        "command": command,
        "machine": machine_facts(),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "figures": figures,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)} written")


def read(name: str) -> dict[str, Any]:
    """Read results/NAME.json."""
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def figures_of(name: str) -> Any:
    """Return the figures of results/NAME.json; empty where that wasn't measured yet."""
    return read(name)["figures"] if (RESULTS / f"{name}.json").is_file() else {}


def as_installed() -> None:
    """Compile the package's modules, as an installation does and a checkout may not; start-up is timed with them."""
    compileall.compile_dir(ROOT / "toolkit", quiet=1)


def summary(samples: list[float]) -> dict[str, float]:
    """Minimum, median and maximum of repeated measurements."""
    return {
        "min": min(samples),
        "median": statistics.median(samples),
        "max": max(samples),
        "runs": len(samples),
    }


def toolkit(*arguments: str) -> dict[str, Any]:
    """Run a command of the toolkit, and return the document that it prints."""
    command = [sys.executable, "-m", "toolkit", *arguments, "--json", "--quiet"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def data_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a script that needs the real data set: its first argument is the folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data", help="folder with train/ and test/ of CIFAR-10 as JPEG files")
    return parser
