"""The benchmark JSON: as the contract has it, strict, and readable again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bench.record import read_record, samples_ms, to_document
from toolkit.bench.result import BenchResult, Caution, Gate
from toolkit.bench.samples import encode
from toolkit.bench.stored_rounds import rounds_of
from toolkit.errors import DataError
from toolkit.files import to_json, write_json

MS = 1_000_000


def result(*cases: Any, **fields: Any) -> BenchResult:
    return BenchResult(machine={"cpu": "X"}, conditions={}, settings={}, results=cases, **fields)


def test_the_keys_and_units_are_those_of_the_contract(made: Any) -> None:
    case = made.case_of(
        [made.round_of(np.arange(1, 1001) * MS)], batch_size=8,
        cautions=(Caution(code="drift", message="m", remedy="r"),),
    )  # fmt: skip
    document = to_document(result(case))
    assert document["schema"] == 1
    assert document["machine"] == {"cpu": "X"}
    (row,) = document["results"]
    contract = {
        "model": "a.onnx", "device": "cpu", "provider": "CPUExecutionProvider", "precision": "fp32",
        "batch_size": 8, "threads": 1, "scenario": "single-stream", "queries": 1000, "load_ms": 5.0,
        "first_inference_ms": 2.0, "peak_rss_mb": 70.0, "size_bytes": 1000,
        "warnings": [{"code": "drift", "message": "m", "remedy": "r"}],
    }  # fmt: skip
    assert contract == {key: row[key] for key in contract}
    latency = row["latency_ms"]
    assert list(latency) == ["min", "p50", "p90", "p95", "p99", "p99.9", "max", "mean", "std", "p50_ci95",
                             "p90_ci95", "p95_ci95", "p99_ci95", "p99_9_ci95", "p50_processes_ci95"]  # fmt: skip
    assert (latency["min"], latency["p50"], latency["p99"], latency["p99.9"]) == (1, 500, 990, None)
    assert latency["p50_ci95"] == [469, 532]
    assert latency["p90_ci95"] == [881, 919]
    assert latency["p99_9_ci95"] is None
    assert row["latency_per_image_ms"]["p50"] == 62.5
    assert row["throughput"] == pytest.approx(8000 / 500.5)
    assert len(row["throughput_ci95"]) == 2


def test_a_percentile_that_too_few_queries_support_is_null(made: Any) -> None:
    document = to_document(result(made.case_of([made.round_of([MS] * 4)])))
    row = json.loads(to_json(document))["results"][0]
    keys = ("p50", "p90", "p95", "p99", "p99.9", "p50_ci95", "p90_ci95", "p95_ci95", "p99_ci95", "p99_9_ci95")
    assert [row["latency_ms"][k] for k in keys] == [None] * 10
    assert row["throughput_ci95"] is None


def test_what_is_written_is_read_the_same(tmp_path: Path, made: Any) -> None:
    document = to_document(
        result(
            made.case_of([made.round_of(np.arange(1, 30) * MS)]),
            gates=(Gate(name="latency", subject="s", met=False, message="m"),),
            interrupted=True,
        )
    )
    write_json(tmp_path / "r.json", document)
    assert read_record(tmp_path / "r.json") == document
    assert document["interrupted"] is True
    assert document["gates"] == [{"name": "latency", "subject": "s", "met": False, "message": "m"}]


@given(st.lists(st.lists(st.integers(0, 10**12), min_size=1, max_size=50), min_size=1, max_size=4))
def test_every_query_can_be_read_back(made: Any, groups: list[list[int]]) -> None:
    rounds = [made.round_of(values, number=k, gap_ns=7, warmup_runs=k) for k, values in enumerate(groups)]
    row = json.loads(to_json(to_document(result(made.case_of(rounds)))))["results"][0]
    back = rounds_of(row, "r.json")
    assert len(back) == len(rounds)
    for mine, theirs in zip(rounds, back, strict=True):
        assert np.array_equal(mine.due_ns, theirs.due_ns)
        assert np.array_equal(mine.finished_ns, theirs.finished_ns)
        assert (mine.number, mine.warmup_runs) == (theirs.number, theirs.warmup_runs)
    assert samples_ms(row).tolist() == [value / MS for values in groups for value in values]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "not a benchmark record .no JSON."),
        ('{"schema": 1, "results": [{}], "machine": {}}', "not a benchmark record"),
        ('{"schema": 1, "results": [], "machine": []}', "not a benchmark record"),
        ("[]", "not a benchmark record"),
        ('{"schema": 1}', "not a benchmark record"),
        pytest.param("[" * 100_000, "no JSON", id="deep"),
        ('{"schema": 2, "results": [], "machine": {}}', "its schema is 2, and this version reads 1"),
        (None, "can't read"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "r.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_record(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_record_as_a_shell_on_windows_writes_it_is_read(made: Any, tmp_path: Path, encoding: str) -> None:
    document = to_document(result(made.case_of([made.round_of([MS] * 20)])))
    (tmp_path / "r.json").write_text(json.dumps(document), encoding=encoding)
    assert read_record(tmp_path / "r.json")["results"] == document["results"]


def test_starts_without_their_times_are_refused(made: Any) -> None:
    row = to_document(result(made.case_of([made.round_of([MS] * 20)])))["results"][0]
    other = to_document(result(made.case_of([made.round_of([MS] * 19)])))["results"][0]
    row["rounds"][0]["latency_ns"] = other["rounds"][0]["latency_ns"]
    with pytest.raises(DataError, match="20 starts for 19 times"):
        rounds_of(row, "r.json")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("latency_ns", encode(np.full(20, -5)), "a query of -5 ns"),
        ("reference_ns", "quick", "'quick' is not a number"),
        ("reference_ns", float("nan"), "nan is not a number"),
        ("reference_ns", -3, "a reference of -3 ns"),
        ("machine_before", {"wall_s": "z", "own_s": 1.0}, "'z' is not a number"),
    ],
)
def test_values_that_nothing_can_be_reckoned_from_are_refused(
    made: Any, key: str, value: object, message: str
) -> None:
    row = to_document(result(made.case_of([made.round_of([MS] * 20)])))["results"][0]
    row["rounds"][0][key] = value
    with pytest.raises(DataError, match=f"raw samples can't be read: {message}"):
        rounds_of(row, "r.json")


def test_a_model_in_place_of_a_record_is_told_from_a_damaged_one(tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "my model.onnx"
    model.write_bytes(tiny_model.read_bytes())
    with pytest.raises(DataError) as caught:
        read_record(model)
    assert str(caught.value) == (
        f"not a benchmark record (no JSON) ({model}): give a file written by: toolkit bench -o; "
        f"to measure two models in turns: toolkit bench MODEL '{model}'"
    )
