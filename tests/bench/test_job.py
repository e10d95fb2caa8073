"""The whole line on a real model: interleaving, interruption, files, baselines, changed providers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.bench import rounds as rounds_module
from toolkit.bench.job import run
from toolkit.bench.options import Arrivals, BenchOptions, Scenario
from toolkit.bench.record import read_record, to_document
from toolkit.bench.result import ColdStart
from toolkit.errors import DataError, DeviceError, OutputError, UsageError
from toolkit.runtime.session import Session

Options = Callable[..., BenchOptions]
START = ColdStart(load_ns=5, first_inference_ns=2, peak_rss_bytes=9, base_rss_bytes=1, repeats=1)


class Listener:
    def __init__(self) -> None:
        self.notices: list[str] = []

    def step(self, text: str) -> None: ...

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None: ...

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def line(self, text: str) -> None: ...


@pytest.fixture
def quick(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Options of the shortest run on a real model; processes are started in test_cold_start and test_cli."""
    monkeypatch.setattr(rounds_module, "cold_start", lambda _: START)

    def build(**fields: Any) -> BenchOptions:
        short = {"models": (str(tiny_model),), "devices": ("cpu",), "threads": (1,), "duration_s": 0.02,
                 "warmup_s": 0.01, "min_queries": 20, "runs": 2}  # fmt: skip
        return BenchOptions(**{**short, **fields})

    return build


def test_every_case_has_every_round(quick: Options) -> None:
    result = run(quick(batch_sizes=(1, 4), threads=(1, 2)))
    assert [(r.threads, r.batch_size) for r in result.results] == [(1, 1), (1, 4), (2, 1), (2, 4)]
    for case in result.results:
        assert [r.number for r in case.rounds] == [0, 1]
        assert all(r.warmup_runs >= 1 for r in case.rounds)
        assert case.queries >= 20
        assert case.provider == "CPUExecutionProvider"
        assert case.cold_start.repeats == 3
        assert len(case.sha256) == 64
    assert not result.interrupted


def test_cases_are_interleaved_and_take_turns_at_going_first(
    quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    send = rounds_module.send

    def noting(traffic: Any, *arguments: Any) -> None:
        order.append(traffic.batch_size)
        send(traffic, *arguments)

    monkeypatch.setattr(rounds_module, "send", noting)
    run(quick(batch_sizes=(1, 2, 3), runs=3))
    assert order == [1, 2, 3, 2, 3, 1, 3, 1, 2]


@pytest.mark.parametrize(
    ("fields", "images"),
    [
        ({"scenario": Scenario.OFFLINE}, 32),
        ({"scenario": Scenario.MULTI_STREAM, "streams": 4, "batch_sizes": (2,)}, 4),
        ({"scenario": Scenario.SERVER, "rate_qps": 2000.0, "arrivals": Arrivals.CONSTANT}, 1),
    ],
)
def test_every_scenario_runs_on_a_real_model(quick: Options, fields: dict[str, Any], images: int) -> None:
    (case,) = run(quick(**fields)).results
    assert case.images_per_query == images
    assert case.queries >= 20
    assert case.rate_qps == fields.get("rate_qps")


def test_a_gate_raises_the_number_of_queries_to_what_its_percentile_needs(quick: Options) -> None:
    result = run(quick(target_latency_ms=1000.0))
    assert result.results[0].queries >= 662
    assert [g.met for g in result.gates] == [True]


def test_an_interruption_keeps_what_was_measured(
    quick: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = Session.run

    def interrupted(self: Session, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 60:
            raise KeyboardInterrupt
        return real(self, batch)

    monkeypatch.setattr(Session, "run", interrupted)
    output = tmp_path / "r.json"
    result = run(quick(duration_s=100, warmup_s=0, output=output))
    assert result.interrupted
    assert result.results[0].queries == 59
    record = read_record(output)
    assert record["interrupted"] is True
    assert record["results"][0]["queries"] == 59


def test_the_record_is_on_disk_after_each_round(
    quick: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, seen = tmp_path / "r.json", []
    measure_round = rounds_module.measure_round

    def looking(running: Any, number: int, *rest: Any) -> None:
        if output.exists():
            record = json.loads(output.read_text())
            seen.append((record["interrupted"], len(record["results"][0]["rounds"])))
        measure_round(running, number, *rest)

    monkeypatch.setattr("toolkit.bench.job.measure_round", looking)
    result = run(quick(runs=3, output=output))
    assert seen == [(True, 1), (True, 2)]
    assert read_record(output) == json.loads(json.dumps(to_document(result)))


def test_an_existing_output_is_refused_before_anything_is_measured(quick: Options, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    output.write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        run(quick(output=output))
    assert output.read_text() == "precious"
    run(quick(output=output, force=True))
    assert read_record(output)["schema"] == 1


def test_a_provider_that_changes_under_way_stops_the_run(
    quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "active_provider", property(lambda _: "OtherExecutionProvider"))
    with pytest.raises(
        DeviceError, match="began on CPUExecutionProvider and is on OtherExecutionProvider now"
    ):
        run(quick())


def test_the_same_notice_is_passed_on_once(quick: Options) -> None:
    listener = Listener()
    run(quick(devices=("auto",), threads=(1, 2)), listener)
    assert len([n for n in listener.notices if n.startswith("device: ")]) == 1


def test_a_run_can_be_compared_with_itself(quick: Options, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    run(quick(output=output))
    result = run(quick(baseline=output, max_regression_pct=10_000))
    assert result.results[0].comparison is not None
    assert [(g.name, g.met) for g in result.gates] == [("regression", True)]


def test_a_baseline_without_any_counterpart_stops_before_measuring(quick: Options, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    run(quick(output=output))
    with pytest.raises(DataError, match=r"no counterpart of: model .*batch_size 3"):
        run(quick(baseline=output, batch_sizes=(3,)))


def test_a_partial_baseline_is_said_and_a_gate_refuses_it(quick: Options, tmp_path: Path) -> None:
    output, listener = tmp_path / "r.json", Listener()
    run(quick(output=output))
    result = run(quick(baseline=output, batch_sizes=(1, 3)), listener)
    assert [r.comparison is not None for r in result.results] == [True, False]
    assert any("no counterpart" in n and "batch_size 3" in n for n in listener.notices)
    with pytest.raises(DataError, match="no counterpart"):
        run(quick(baseline=output, batch_sizes=(1, 3), max_regression_pct=5))


def test_a_baseline_of_one_round_or_another_machine_is_refused(quick: Options, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    run(quick(output=output, runs=1))
    with pytest.raises(DataError, match="only one round"):
        run(quick(baseline=output))
    record = json.loads(output.read_text())
    record["machine"]["cpu"] = "another"
    output.write_text(json.dumps(record))
    with pytest.raises(DataError, match="another machine"):
        run(quick(baseline=output))


def test_a_fixed_batch_model_refuses_another_batch_size(quick: Options, fixed_batch_model: Path) -> None:
    (case,) = run(quick(models=(str(fixed_batch_model),))).results
    assert case.batch_size == 4
    with pytest.raises(UsageError, match="takes batches of 4 only, not 1"):
        run(quick(models=(str(fixed_batch_model),), batch_sizes=(1,)))
