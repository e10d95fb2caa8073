"""What static contracts can't see: what a command really imports when it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "tf2onnx")

PROBE = """
import json, sys
from toolkit.cli.app import run
code = run(sys.argv[1:])
print("IMPORTED " + json.dumps([code, sorted({n.split(".")[0] for n in sys.modules})]), file=sys.stderr)
"""


def imported_by(*arguments: object, cwd: Path) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=dict(os.environ),
        check=False,
    )
    line = next(line for line in done.stderr.splitlines() if line.startswith("IMPORTED "))
    code, modules = json.loads(line.removeprefix("IMPORTED "))
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["classify", "--help"], ["train", "--help"]]
)
def test_help_imports_neither_numpy_nor_onnxruntime(arguments: list[str], tmp_path: Path) -> None:
    code, modules = imported_by(*arguments, cwd=tmp_path)
    assert code == 0
    assert modules & {"numpy", "onnxruntime", "onnx", "PIL", "matplotlib", "pyarrow", *HEAVY} == set()


def test_importing_the_package_is_importing_nothing() -> None:
    code = "import sys; a = set(sys.modules); import toolkit; print(*sorted(set(sys.modules) - a))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["toolkit"]


@pytest.mark.parametrize(
    "command",
    [
        ["classify", "{folder}", "-m", "{model}", "-o", "out.csv"],
        ["classify", "{folder}", "-m", "{model}", "-o", "out.parquet"],
        ["classify", "{folder}", "-m", "{model}", "--report", "out.html", "-o", "out.jsonl"],
        ["evaluate", "{model}", "--data", "{folder}", "-o", "report"],
        ["verify", "{model}", "{model}", "--data", "{folder}"],
        ["bench", "{model}", "--duration", "0.2", "--warmup", "0.05", "-o", "bench.json"],
        ["inspect", "{model}"],
        ["models"],
        ["doctor"],
        ["train", "--list"],
    ],
    ids=lambda c: " ".join(c[:1] + c[3:]),
)
def test_no_command_that_only_runs_models_imports_tensorflow(
    command: list[str], tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    filled = [part.format(folder=colour_folder, model=tiny_model) for part in command]
    code, modules = imported_by(*filled, cwd=tmp_path)
    assert code == 0
    assert modules & set(HEAVY) == set()
