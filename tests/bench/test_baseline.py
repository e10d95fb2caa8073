"""The baseline's model, measured again in turns where that can tell what the model changed."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.bench import rounds as rounds_module
from toolkit.bench import worker
from toolkit.bench.job import run
from toolkit.bench.options import BenchOptions
from toolkit.bench.record import to_document
from toolkit.bench.request import Measured, Request
from toolkit.bench.samples import encode
from toolkit.errors import DataError
from toolkit.files import write_json
from toolkit.report.bench_lines import comparison_lines

Options = Callable[..., BenchOptions]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files measured, in order; each round is measured in this process."""
    files: list[str] = []

    def here(request: Request) -> Measured:
        files.append(Path(request.model).name)
        return worker.measure(request)

    monkeypatch.setattr(rounds_module, "in_process", here)
    return files


@pytest.fixture
def models(tiny_model: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An old and a new file of one model."""
    old, new = tmp_path / "old.onnx", tmp_path / "new.onnx"
    model = onnx.load(tiny_model)
    for path in (old, new):
        model.doc_string = path.name
        onnx.save(model, path)
    return old, new


def short(model: Path, **fields: Any) -> BenchOptions:
    fixed = {
        "devices": ("cpu",),
        "threads": (1,),
        "duration_s": 0.02,
        "warmup_s": 0.01,
        "min_queries": 20,
        "runs": 3,
    }
    return BenchOptions(models=(str(model),), **{**fixed, **fields})  # type: ignore[arg-type]


@pytest.fixture
def baseline(models: tuple[Path, Path], asked: list[str], tmp_path: Path) -> Path:
    """The record of the old file."""
    path = tmp_path / "base.json"
    write_json(path, to_document(run(short(models[0]))))
    asked.clear()
    return path


def test_the_baseline_s_model_takes_turns_with_the_new_one(
    models: tuple[Path, Path], baseline: Path, asked: list[str]
) -> None:
    (case,) = run(short(models[1], baseline=baseline)).results
    assert asked == ["new.onnx", "old.onnx", "old.onnx", "new.onnx", "new.onnx", "old.onnx"]
    assert case.comparison is not None
    assert case.comparison.in_turns
    assert case.comparison.machine_ratio is not None
    assert [r.number for r in case.baseline_rounds] == [r.number for r in case.rounds] == [0, 1, 2]


def test_its_samples_are_kept_in_the_record(models: tuple[Path, Path], baseline: Path) -> None:
    document = to_document(run(short(models[1], baseline=baseline)))
    (row,) = document["results"]
    assert [r["queries"] >= 1 for r in row["baseline_rounds"]] == [True] * 3
    (first, *_) = comparison_lines([row])
    assert "in turns with the baseline's model" in first


@pytest.mark.parametrize("why", ["same file", "gone", "changed", "software", "switched off"])
def test_else_the_record_s_own_times_count(
    models: tuple[Path, Path], baseline: Path, asked: list[str], why: str
) -> None:
    old, new = models
    if why == "gone":
        old.unlink()
    if why == "changed":
        onnx.save(onnx.load(new), old)
    if why == "software":
        record = json.loads(baseline.read_text())
        record["machine"]["onnxruntime"] = "onnxruntime 1.0"
        baseline.write_text(json.dumps(record))
    options = short(old if why == "same file" else new, baseline=baseline, remeasure=why != "switched off")
    (case,) = run(options).results
    assert len(set(asked)) == 1
    assert case.comparison is not None
    assert not case.comparison.in_turns
    assert case.baseline_rounds == ()


def test_versions_that_differ_are_said(models: tuple[Path, Path], baseline: Path) -> None:
    record = json.loads(baseline.read_text())
    record["machine"]["onnxruntime"] = "onnxruntime 1.0"
    baseline.write_text(json.dumps(record))
    notices: list[str] = []
    silent = {name: lambda *_, **__: None for name in ("step", "progress", "line")}
    listener = SimpleNamespace(**silent, notice=notices.append)
    run(short(models[1], baseline=baseline), listener)  # type: ignore[arg-type]
    (notice,) = notices
    assert notice.startswith(
        "the baseline was measured with another version (onnxruntime: onnxruntime 1.0, here "
    )


def test_a_machine_that_changed_since_the_record_is_told_from_the_model() -> None:
    found = {
        "ratio": 1.0, "ratio_ci99": [0.99, 1.01], "verdict": "no difference seen", "smallest_visible_pct": 1.0,
        "in_turns": True, "machine_ratio": 1.2,
    }  # fmt: skip
    row = {"model": "a.onnx", "device": "cpu", "threads": 1, "batch_size": 1, "comparison": found}
    _, moved = comparison_lines([row])
    assert moved == (
        "a: the baseline's own model now takes +20.0 % in time against its record: the machine changed, not the model"
    )
    assert len(comparison_lines([{**row, "comparison": {**found, "machine_ratio": 1.01}}])) == 1


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("reference_ns", "quick", "'quick' is not a number"),
        ("latency_ns", "zeros", "a median of 0 ns"),
    ],
)
def test_a_damaged_baseline_is_refused_before_anything_is_measured(
    models: tuple[Path, Path], baseline: Path, asked: list[str], key: str, value: str, message: str
) -> None:
    document = json.loads(baseline.read_text())
    each = document["results"][0]["rounds"][1]
    each[key] = encode(np.zeros(each["queries"], np.int64)) if value == "zeros" else value
    baseline.write_text(json.dumps(document))
    with pytest.raises(DataError, match=message):
        run(short(models[1], baseline=baseline))
    assert not asked
