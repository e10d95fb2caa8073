"""The whole line on a real model: interleaving, interruption, files, baselines, changed providers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from support import Listener

from toolkit.bench import highest_rate, worker
from toolkit.bench import rounds as rounds_module
from toolkit.bench.job import run
from toolkit.bench.options import Arrivals, BenchOptions, Scenario, Transfer
from toolkit.bench.record import read_record, to_document
from toolkit.bench.request import Measured, Request
from toolkit.errors import DataError, DeviceError, ImageError, OutputError, UsageError
from toolkit.runtime.session import Session

Options = Callable[..., BenchOptions]


@pytest.fixture
def quick(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Options of the shortest run on a real model, measured in this process; real ones: see test_processes."""

    def here(request: Request) -> Measured:
        return worker.measure(Request.from_json(request.to_json()))

    monkeypatch.setattr(rounds_module, "in_process", here)
    monkeypatch.setattr(highest_rate, "in_process", here)

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
        assert case.cold_start.repeats == 2
        assert case.placement == {"CPUExecutionProvider": 5}
        assert len(case.sha256) == 64
    assert not result.interrupted


def test_cases_are_interleaved_and_take_turns_at_going_first(
    quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    send = worker.send

    def noting(traffic: Any, *arguments: Any) -> None:
        order.append(traffic.batch_size)
        send(traffic, *arguments)

    monkeypatch.setattr(worker, "send", noting)
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
    real = Session.host_run

    def interrupted(self: Session) -> Any:
        run = real(self)

        def counted(batch: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 61:  # the first run of the cold start is one of them
                raise KeyboardInterrupt
            return run(batch)

        return counted

    monkeypatch.setattr(Session, "host_run", interrupted)
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

    def looking(running: Any, number: int, *rest: Any, **named: Any) -> None:
        if output.exists():
            record = json.loads(output.read_text())
            seen.append((record["interrupted"], len(record["results"][0]["rounds"])))
        measure_round(running, number, *rest, **named)

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


@pytest.mark.parametrize("existing", [None, "precious"])
def test_an_interruption_before_anything_was_measured_leaves_the_output_alone(
    quick: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: str | None
) -> None:
    def interrupted(_: Request) -> Measured:
        raise KeyboardInterrupt

    output = tmp_path / "r.json"
    if existing is not None:
        output.write_text(existing)
    monkeypatch.setattr(rounds_module, "in_process", interrupted)
    result = run(quick(output=output, force=True))
    assert (result.interrupted, result.results) == (True, ())
    assert (output.read_text() if output.exists() else None) == existing


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
    with pytest.raises(DataError, match="fewer than two rounds"):
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


def test_a_pipeline_tells_the_share_of_each_stage(quick: Options, colour_folder: Path) -> None:
    (case,) = run(quick(scenario=Scenario.PIPELINE, pictures=(str(colour_folder),), batch_sizes=(2,))).results
    assert [stage.name for stage in case.stages] == ["read", "decode", "resize", "run", "top-k"]
    assert sum(stage.share for stage in case.stages) == pytest.approx(1)
    assert all(stage.p50 > 0 for stage in case.stages)
    assert case.images_per_query == 2
    assert case.excludes == ()


def test_a_pipeline_without_pictures_takes_the_bundled_ones(quick: Options) -> None:
    (case,) = run(quick(scenario=Scenario.PIPELINE)).results
    assert case.queries >= 20


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_picture_stops_a_pipeline_before_it_is_measured(
    quick: Options, colour_folder: Path, content: bytes
) -> None:
    (colour_folder / "red" / "broken.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"broken\.png"):
        run(quick(scenario=Scenario.PIPELINE, pictures=(str(colour_folder),)))


def test_the_highest_rate_is_found_measured_and_reported_with_its_neighbours(quick: Options) -> None:
    result = run(
        quick(scenario=Scenario.SERVER, find_rate=True, target_latency_ms=50, percentile=50, min_queries=11)
    )
    (case,), (gate,) = result.results, result.gates
    rates = [trial.rate_qps for trial in case.trials]
    assert rates == sorted(rates)
    assert case.rate_qps in rates
    assert gate.name == "rate"
    assert gate.met
    assert "the highest rate with p50 within 50 ms is " in gate.message
    assert "; above: " in gate.message


def test_a_target_that_no_rate_keeps_fails_the_gate(quick: Options) -> None:
    result = run(
        quick(scenario=Scenario.SERVER, find_rate=True, target_latency_ms=1e-6, percentile=50,
              min_queries=2, runs=1, duration_s=0.01, warmup_s=0)
    )  # fmt: skip
    (gate,) = result.gates
    assert not gate.met
    assert gate.message.startswith("no rate keeps p50 within 1e-06 ms; the lowest tried: ")


def test_precision_adds_rounds_until_the_median_is_known_well_enough(
    quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = iter([9.0, 3.0, 1.0, 1.0])
    monkeypatch.setattr("toolkit.bench.job.half_width_pct", lambda _: next(widths))
    (case,) = run(quick(precision_pct=2.0)).results
    assert [r.number for r in case.rounds] == [0, 1, 2, 3]
    assert [c.code for c in case.cautions if c.code == "imprecise"] == []


def test_precision_gives_up_at_its_limit_and_says_so(quick: Options) -> None:
    (case,) = run(quick(precision_pct=1e-6, duration_s=0.01, warmup_s=0, min_queries=2)).results
    assert len(case.rounds) == 20
    (found,) = [c for c in case.cautions if c.code == "imprecise"]
    assert "1e-06 % were asked for" in found.message


def test_a_rate_is_confirmed_by_the_rounds_that_precision_added_too(
    quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By rounds, not by calls: on a busy machine a rate may fail, and the next lower one is measured as long.
    monkeypatch.setattr("toolkit.bench.job._precise", lambda each, _: len(each.rounds) >= 4)
    result = run(
        quick(scenario=Scenario.SERVER, find_rate=True, target_latency_ms=500, percentile=50, min_queries=11,
              duration_s=0.02, warmup_s=0, precision_pct=2.0)
    )  # fmt: skip
    (case,) = result.results
    (found,) = [trial for trial in case.trials if trial.rate_qps == case.rate_qps]
    assert len(case.rounds) == 4
    assert found.queries == case.queries


@pytest.mark.parametrize("transfer", [Transfer.BOUND_COPIES, Transfer.DEVICE_RESIDENT])
def test_bound_buffers_run_on_the_cpu_and_are_named_in_the_record(quick: Options, transfer: Transfer) -> None:
    result = run(quick(transfer=transfer, batch_sizes=(2,)))
    (row,) = to_document(result)["results"]
    assert row["transfer"] == transfer.value
    assert row["queries"] >= 20
    assert "synchronisation" in row["includes"]


def test_a_baseline_of_another_transfer_is_no_counterpart(quick: Options, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    run(quick(output=output))
    with pytest.raises(DataError, match=r"no counterpart of: model .*transfer device-resident"):
        run(quick(baseline=output, transfer=Transfer.DEVICE_RESIDENT))


def test_a_cuda_graph_needs_cuda(quick: Options) -> None:
    with pytest.raises(UsageError, match="only the CUDA provider captures"):
        run(quick(cuda_graph=True, transfer=Transfer.DEVICE_RESIDENT))


def test_a_model_from_elsewhere_that_names_no_range_is_fed_values_up_to_1_and_that_is_said(
    quick: Options, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.onnx"
    onnx.save(elsewhere(), path)
    listener = Listener()
    result = run(quick(models=(str(path),)), observer=listener)
    assert "normalisation (unit)" in result.results[0].excludes
    assert [notice for notice in listener.notices if "--normalize" in notice and "from 0 to 1" in notice]
    chosen = run(quick(models=(str(path),), normalize="imagenet"), observer=(quiet := Listener()))
    assert "normalisation (imagenet)" in chosen.results[0].excludes
    assert not [notice for notice in quiet.notices if "--normalize" in notice]
    with pytest.raises(UsageError, match="--normalize imagenet"):  # there the clock covers it
        run(quick(models=(str(path),), scenario=Scenario.PIPELINE))


def elsewhere() -> onnx.ModelProto:
    """A float32 NCHW classifier without metadata."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "elsewhere",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
