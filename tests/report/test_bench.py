"""The table of a benchmark, and the series behind its charts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bench.samples import encode
from toolkit.cli.retyped import retyped
from toolkit.report.bench import (
    machine_line,
    next_command,
    relative_speeds,
    render_result,
)
from toolkit.report.bench_lines import comparison_lines, warning_lines
from toolkit.report.bench_page import headline
from toolkit.report.bench_series import cumulative, over_time, shared_histogram, swept
from toolkit.report.timing import Timing, timing_figure

MACHINE = {
    "cpu": "AMD Ryzen Threadripper PRO 7995WX 96-Cores", "cores_usable": 96, "cores_physical": 96,
    "memory_bytes": 540_000_000_000, "gpu": [{"name": "NVIDIA H100 80GB HBM3"}], "python": "3.11.7",
    "onnxruntime": "onnxruntime-gpu 1.31.1", "os": "Linux 6.18.44 x86_64",
}  # fmt: skip


def row(**changes: Any) -> dict[str, Any]:
    values = np.asarray(changes.pop("latency_ns", [50_000] * 20), np.int64)
    each = {"round": 0, "warmup_runs": 1, "overloaded": False, "due_ns": encode(np.arange(len(values)) * 10**6),
            "latency_ns": encode(values)}  # fmt: skip
    return {
        "model": "exported/paper-cnn.onnx", "device": "cpu", "provider": "CPUExecutionProvider", "threads": 2,
        "batch_size": 1, "images_per_query": 1, "scenario": "single-stream", "rate_qps": None, "arrivals": None,
        "queries": len(values), "latency_ms": {"p50": 0.05, "p99": None, "p50_ci95": [0.0495, 0.0505]},
        "throughput": 19_876.5, "throughput_ci95": [19_000.0, 21_000.0], "load_ms": 12.345,
        "first_inference_ms": 0.5, "peak_rss_mb": 71.6, "size_bytes": 490_000, "cold_starts": 3,
        "warnings": [], "comparison": None, "rounds": [each], **changes,
    }  # fmt: skip


def document(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    settings = {
        "scenario": rows[0]["scenario"] if rows else "single-stream",
        "percentile": 99.0,
        "baseline": None,
    }
    return {"machine": MACHINE, "settings": settings, "results": list(rows), "warnings": [], "gates": [],
            "interrupted": False, **changes}  # fmt: skip


def compared(verdict: str, low: float = 0.9, high: float = 1.1) -> dict[str, Any]:
    return {"verdict": verdict, "ratio_ci99": [low, (low * high) ** 0.5, high][::2]}


@pytest.mark.parametrize("quick_is_first", [True, False])
@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("no difference seen", "has the lowest median of 2 models, but no difference from OTHER was seen"),
        ("slower", "is the quickest of 2 models"),
    ],
)
def test_the_headline_calls_a_model_the_quickest_only_where_a_difference_was_seen(
    verdict: str, words: str, *, quick_is_first: bool
) -> None:
    quick, slow = {"p50": 0.05, "p99": None}, {"p50": 0.06, "p99": None}
    times = [quick, slow] if quick_is_first else [slow, quick]
    rows = [
        row(model="a.onnx", latency_ms=times[0], first_comparison=None),
        row(model="b.onnx", latency_ms=times[1], first_comparison=compared(verdict)),
    ]
    name, other = ("a", "b") if quick_is_first else ("b", "a")
    assert headline(rows).startswith(f"{name} {words.replace('OTHER', other)}: 0.0500 ms for one picture, ")


def test_latency_is_that_of_the_smallest_batch_though_a_larger_one_took_less_by_chance() -> None:
    rows = [
        row(batch_size=1, latency_ms={"p50": 0.97, "p99": None}),
        row(batch_size=32, latency_ms={"p50": 0.81, "p99": None}),
    ]
    assert "0.970 ms for one picture" in headline(rows)


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0.495, "b has the lowest median of 3 models, but no difference from c was seen"),
        (0.6, "b is the quickest of 3 models"),
    ],
)
def test_two_models_that_are_both_quicker_than_the_first_are_compared_by_their_ratios_to_it(
    low: float, words: str
) -> None:
    rows = [
        row(model="a.onnx", latency_ms={"p50": 0.1, "p99": None}, first_comparison=None),
        row(
            model="b.onnx",
            latency_ms={"p50": 0.05, "p99": None},
            first_comparison=compared("faster", 0.49, 0.51),
        ),
        row(
            model="c.onnx",
            latency_ms={"p50": 0.052, "p99": None},
            first_comparison=compared("faster", low, low + 0.03),
        ),
    ]
    assert headline(rows).startswith(words)


def test_the_whole_text_of_one_case() -> None:
    assert render_result(document(row())).splitlines() == [
        "AMD Ryzen Threadripper PRO 7995WX 96-Cores, 96 of 96 cores, 540 GB, NVIDIA H100",
        "80GB HBM3, Python 3.11.7, onnxruntime-gpu 1.31.1, Linux 6.18.44 x86_64",
        "",
        "Cold start (median of 3 fresh processes)",
        "",
        "model       batch   load ms   first ms   RSS MB   file MB",
        "─────────────────────────────────────────────────────────",
        "paper-cnn       1      12.3      0.500     71.6     0.490",
        "",
        "single-stream, CPUExecutionProvider, 2 threads, 1 round, 20 queries",
        "",
        "model       batch   p50 ms    ±%   p99 ms   images/s",
        "────────────────────────────────────────────────────",
        "paper-cnn       1   0.0500   1.0        –     19,900",
    ]


def test_what_varies_becomes_a_column_and_models_are_compared() -> None:
    rows = [row(), row(model="int8.onnx", device="cuda:0"), row(model="int8.onnx", threads=4)]
    text = render_result(document(*rows))
    header = [line.split() for line in text.splitlines() if line.startswith("model")][-1]
    assert header == [
        "model",
        "device",
        "threads",
        "batch",
        "p50",
        "ms",
        "±%",
        "p99",
        "ms",
        "images/s",
        "speed",
    ]
    assert "2 threads" not in text


@pytest.mark.parametrize("name", ["paper-cnn", "paper-cnn-int8"])
def test_a_grid_of_shipped_models_fits_eighty_columns(name: str) -> None:
    rows = [
        row(model=m, threads=t, batch_size=b) for m in ("paper-cnn", name) for t in (1, 2) for b in (1, 128)
    ]
    assert max(map(len, render_result(document(*rows)).splitlines())) <= 80


def test_offline_shows_throughput_with_its_interval() -> None:
    text = render_result(document(row(scenario="offline", batch_size=32, images_per_query=32)))
    assert text.splitlines()[-3].split() == ["model", "batch", "ms/image", "images/s", "±%"]
    assert text.splitlines()[-1].split() == ["paper-cnn", "32", "0.0503", "19,900", "5.0"]


def test_an_interruption_before_the_first_round_is_said() -> None:
    assert render_result(document(interrupted=True)).endswith("nothing was measured before the interruption")


def test_an_interruption_later_is_said_below_the_table() -> None:
    assert "interrupted: the figures" in render_result(document(row(), interrupted=True)).splitlines()[-1]


def test_the_percentile_that_was_asked_for_has_the_column() -> None:
    made = document(row(latency_ms={"p50": 0.05, "p97": 0.07, "p50_ci95": None}))
    made["settings"]["percentile"] = 97.0
    lines = render_result(made).splitlines()
    assert lines[-3].split() == ["model", "batch", "p50", "ms", "±%", "p97", "ms", "images/s"]
    assert lines[-1].split() == ["paper-cnn", "1", "0.0500", "–", "0.0700", "19,900"]


def test_the_median_has_one_column_where_it_was_asked_for() -> None:
    made = document(row(latency_ms={"p50": 0.05, "p50_ci95": None}))
    made["settings"]["percentile"] = 50.0
    lines = render_result(made).splitlines()
    assert lines[-3].split() == ["model", "batch", "p50", "ms", "±%", "images/s"]
    assert lines[-1].split() == ["paper-cnn", "1", "0.0500", "–", "19,900"]


def test_the_machine_is_named_without_a_gpu_or_a_core_count() -> None:
    line = machine_line({**MACHINE, "gpu": None, "cores_physical": None})
    assert "96 of ? cores" in line


def test_a_kind_of_warning_is_one_line_however_many_cases_have_it() -> None:
    warning = {"code": "drift", "message": "it drifted", "remedy": "wait"}
    rows = [row(batch_size=b, warnings=[warning]) for b in (1, 8, 32)]
    whole = {"code": "others-busy", "message": "others", "remedy": "stop them"}
    assert warning_lines(document(*rows, warnings=[whole])) == [
        "others: stop them",
        "paper-cnn, batch 1 (and 2 other cases): it drifted: wait",
    ]
    assert warning_lines(document(rows[0])) == ["it drifted: wait"]


def test_an_interval_wider_than_any_column_is_said_to_be_wide() -> None:
    wide = row()
    wide["latency_ms"] = {**wide["latency_ms"], "p50_processes_ci95": [0.0, 1e40]}
    assert render_result(document(wide)).splitlines()[-1].split()[3] == ">999"


def test_a_figure_and_its_sign_are_on_one_line_and_a_large_rate_has_separators() -> None:
    found = {
        "ratio": 1.0,
        "ratio_ci99": [0.9, 1.1],
        "verdict": "no difference seen",
        "smallest_visible_pct": 9.0,
    }
    for length in range(1, 40):
        text = render_result(document(row(model="m" * length, comparison=found)))
        assert not [line for line in text.splitlines() if line.lstrip().startswith("%")]
    server = row(scenario="server", rate_qps=1_234_567.5, arrivals="poisson")
    assert "1,234,567.5 queries/s (poisson)" in render_result(document(server))


@pytest.mark.parametrize(("p99", "scale"), [(0.9, "linear"), (1.1, "log"), (None, "linear")])
def test_an_axis_is_logarithmic_where_the_tail_would_squeeze_the_medians_together(
    p99: float | None, scale: str
) -> None:
    case = Timing("a", 0, 0.05, None, p99, 1.0, None)
    assert timing_figure([case]).axes[0].get_xscale() == scale


def test_a_comparison_is_a_sentence() -> None:
    seen = {"ratio": 1.06, "ratio_ci99": [1.04, 1.08], "verdict": "slower", "smallest_visible_pct": 2.0}
    unseen = {
        "ratio": 1.01,
        "ratio_ci99": [0.98, 1.04],
        "verdict": "no difference seen",
        "smallest_visible_pct": 3.0,
    }
    assert comparison_lines([row(comparison=seen)]) == [
        "paper-cnn against the baseline: slower, +6.0 % in time (99 % interval +4.0 to +8.0)"
    ]
    (line,) = comparison_lines([row(comparison=unseen)])
    assert line.endswith("one of 3.0 % would have shown")
    assert comparison_lines([row()]) == []


def test_speed_is_relative_to_the_first_model_under_the_same_conditions() -> None:
    fast = {"p50": 0.025, "p99": None, "p50_ci95": None}
    rows = [row(), row(batch_size=8), row(model="b", latency_ms=fast), row(model="b", batch_size=9)]
    assert relative_speeds(rows) == [1, 1, 2, None]


def test_the_next_command_can_be_typed_as_it_stands() -> None:
    def again(plus: list[str], without: tuple[str, ...] = ()) -> str:
        return retyped(
            plus, without=without, arguments=["bench", "a", "b c", "--rate=9", "-omy r.json", "--json"]
        )

    record = document(row())
    assert next_command(record, output=Path("my r.json"), again=again) == (
        "toolkit bench a 'b c' --rate=9 --baseline 'my r.json'   compares with this run"
    )
    assert next_command(record, output=None, again=again) == (
        "toolkit bench a 'b c' --rate=9 --json -o bench.json   keeps every query"
    )
    assert next_command(document(row(), interrupted=True), output=None, again=again) is None


@pytest.mark.parametrize("setting", [{"baseline": "b.json"}, {"find_rate": True}, {"runs": 1}])
def test_what_cannot_be_compared_is_not_the_next_command(setting: dict[str, object]) -> None:
    record = document(row())
    record["settings"] |= setting
    assert next_command(record, output=Path("r.json"), again=lambda *_, **__: "never") is None


LATENCIES = st.lists(st.integers(1, 10**11), min_size=1, max_size=400)


@given(st.lists(LATENCIES, min_size=1, max_size=4))
def test_a_histogram_loses_nothing_at_the_tail(cases: list[list[int]]) -> None:
    edges, counts = shared_histogram([row(latency_ns=values) for values in cases])
    assert [sum(each) for each in counts] == [len(values) for values in cases]
    assert all(len(each) == len(edges) - 1 for each in counts)
    assert edges == sorted(edges)
    everything = [value / 1e6 for values in cases for value in values]
    assert edges[0] == pytest.approx(min(everything))
    assert edges[-1] >= max(everything) * (1 - 1e-9)


@given(LATENCIES, st.integers(4, 50))
def test_a_cumulative_curve_ends_at_the_longest_and_is_bounded(values: list[int], points: int) -> None:
    found = cumulative(row(latency_ns=values), points)
    assert len(found["share"]) <= points + 2
    assert found["share"] == sorted(found["share"])
    assert (found["share"][-1], found["latency_ms"][-1]) == (1.0, max(values) / 1e6)
    ordered = np.sort(values) / 1e6
    for share, latency in zip(found["share"], found["latency_ms"], strict=True):
        assert np.isclose(np.mean(ordered <= latency), share) or np.sum(ordered == latency) > 1


@given(LATENCIES, st.integers(1, 50))
def test_slices_over_time_keep_the_longest_of_each(values: list[int], points: int) -> None:
    found = over_time(row(latency_ns=values), points)
    assert len(found["query"]) == len(found["p50_ms"]) == len(found["max_ms"]) == min(points, len(values))
    assert max(found["max_ms"]) == max(values) / 1e6
    assert found["query"][0] == 0


def test_series_over_batch_sizes_are_sorted_and_named_by_what_varies() -> None:
    rows = [row(batch_size=b, threads=t) for b in (32, 1) for t in (1, 2)]
    found = swept(rows, "batch_size")
    assert list(found) == ["paper-cnn, 1 thread", "paper-cnn, 2 threads"]
    assert found["paper-cnn, 1 thread"]["batch_size"] == [1, 32]
    assert found["paper-cnn, 1 thread"]["throughput_ci95"] == [[19_000.0, 21_000.0]] * 2


def test_series_over_threads_are_named_by_the_batch_size() -> None:
    rows = [row(batch_size=b, threads=t) for b in (32, 1) for t in (4, 2)]
    found = swept(rows, "threads")
    assert list(found) == ["paper-cnn, batch 32", "paper-cnn, batch 1"]
    assert found["paper-cnn, batch 1"]["threads"] == [2, 4]


def test_two_files_of_one_name_keep_their_folders() -> None:
    rows = [
        row(model=model, batch_size=b) for model in ("old/m.onnx", "new/m.onnx", "x.onnx") for b in (1, 8)
    ]
    assert list(swept(rows, "batch_size")) == ["old/m", "new/m", "x"]
    text = render_result(document(*rows))
    assert "old/m" in text
    assert "new/m" in text
    assert "x.onnx" not in text
