"""A command whose extra is missing is still listed, and says in one line what to install."""

import subprocess
import sys
from pathlib import Path

import pytest
from support import encoded, picture

WITHOUT = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda n, p=None: None if n.split(".")[0] in {names!r} else real(n, p)
from toolkit.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


def without(names: set[str], *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(names=names)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", "x", "-o", "run"],
        ["export", "x.keras", "-o", "x.onnx"],
        ["evaluate", "x.keras", "--data", "x"],
        ["inspect", "x.keras"],
    ],
    ids=lambda a: a[0],
)
def test_without_tensorflow_a_keras_command_says_what_to_install(
    arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "x.keras").write_bytes(b"PK\x03\x04")
    done = without({"tensorflow", "keras", "tf2onnx"}, *arguments, cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("error: tensorflow is not installed")
    assert lines[-1].endswith("pip install '.[train]' in the checkout")


def test_without_optuna_and_tensorflow_the_search_names_the_extra_that_brings_both(tmp_path: Path) -> None:
    missing = {"tensorflow", "keras", "tf2onnx", "optuna"}
    done = without(missing, "tune", "paper-cnn", "--data", "x", "-o", "search", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: optuna is not installed")
    assert done.stderr.endswith("pip install '.[tune]' in the checkout\n")


def test_without_ray_its_engine_says_what_to_install(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    done = without({"ray"}, "classify", "a.png", "-m", tiny_model, "--engine", "ray", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: ray is not installed (--engine ray): install it with: pip install '.[ray]' in the checkout\n"
    )


def test_without_tensorflow_help_lists_every_command(tmp_path: Path) -> None:
    done = without({"tensorflow", "keras", "tf2onnx"}, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "train" in done.stdout
