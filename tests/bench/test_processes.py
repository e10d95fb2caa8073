"""Load and first inference in a real fresh process."""

import os
from pathlib import Path

import pytest

from toolkit.bench.cold_start import Request, cold_start, median_start
from toolkit.bench.result import ColdStart
from toolkit.errors import ToolkitError


def request(model: object, **fields: object) -> Request:
    return Request(
        **{"model": str(model), "device": "cpu", "threads": 1, "batch_size": 2, "provider_options": (), "seed": 0,
           **fields}  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_fresh_process_times_load_and_first_run(tiny_model: Path) -> None:
    found = cold_start(request(tiny_model))
    assert found.load_ns > 0
    assert found.first_inference_ns > 0
    assert 10**7 < found.base_rss_bytes <= found.peak_rss_bytes
    assert found.repeats == 1


def test_the_reason_of_a_failure_comes_back(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x08not a model")
    with pytest.raises(ToolkitError, match="not a valid ONNX file"):
        cold_start(request(broken))


def test_a_file_in_the_working_folder_is_not_imported(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert cold_start(request(tiny_model)).load_ns > 0


def test_a_process_that_dies_is_named(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("import os\nos._exit(7)")
    monkeypatch.setattr("toolkit.bench.cold_start.PACKAGE_PARENT", tmp_path)
    here = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(ToolkitError, match="ended with code 7: nothing on standard error"):
        cold_start(request(tiny_model))


def test_the_median_of_each_figure_is_taken() -> None:
    starts = [
        ColdStart(load_ns=a, first_inference_ns=b, peak_rss_bytes=c, base_rss_bytes=1, repeats=1)
        for a, b, c in [(1, 30, 500), (2, 10, 400), (9, 20, 600)]
    ]
    assert median_start(starts) == ColdStart(
        load_ns=2, first_inference_ns=20, peak_rss_bytes=500, base_rss_bytes=1, repeats=3
    )
