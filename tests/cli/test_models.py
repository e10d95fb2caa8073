import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

Models = Callable[..., subprocess.CompletedProcess[str]]

# The real command in a process of its own, with a folder of shipped models that the test filled.
SCRIPT = """
import pathlib, sys
import toolkit.models.catalog as catalog
folder = pathlib.Path(sys.argv.pop(1))
catalog.shipped_folder = lambda: folder
from toolkit.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Run `toolkit models` on a folder."""

    def run(*options: str, folder: Path = tmp_path / "exported") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder), "models", *options],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )

    return run


@pytest.fixture
def shelf(tmp_path: Path, tiny_model: Path) -> Path:
    folder = tmp_path / "exported"
    folder.mkdir()
    model = onnx.load(tiny_model)
    figures = {"parameters": "122570", "macs": "4548608", "relative_latency": "1"}
    for key, value in figures.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, folder / "first.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "second.onnx")
    return folder


def test_the_table_has_a_dash_for_what_is_unknown(models: Models, shelf: Path) -> None:
    done = models()
    assert (done.returncode, done.stderr) == (0, "")
    table, data = done.stdout.split("\n\n")
    size = f"{(shelf / 'first.onnx').stat().st_size / 1000:,.0f}"
    assert [line.split() for line in table.splitlines()[2:]] == [
        ["first", "100.00", "122,570", "4.55", size, "fp32", "1.0×"],
        ["second", "–", "0", "0.00", "0", "–", "–"],
    ]
    assert data == "Accuracy measured on:\n  first: made in code\n"
    assert max(map(len, table.splitlines())) <= 80


def test_json_lists_every_model_with_every_figure(models: Models, shelf: Path) -> None:
    document = json.loads(models("--json").stdout)
    assert [model["name"] for model in document["models"]] == ["first", "second"]
    first = document["models"][0]
    assert (first["parameters"], first["macs"], first["relative_latency"]) == (122_570, 4_548_608, 1.0)
    assert document["models"][1]["accuracy"] is None


def test_no_shipped_models_is_one_line(models: Models, tmp_path: Path) -> None:
    done = models(folder=tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no shipped models (")


def test_a_broken_file_is_one_line_that_names_it(models: Models, shelf: Path) -> None:
    (shelf / "third.onnx").write_bytes(b"nothing")
    done = models()
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "third.onnx" in line
