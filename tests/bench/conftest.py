"""Virtual time: a clock that only moves when told to, models of known latency, rounds made of figures."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from toolkit.bench.figures import ColdStart, Round
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.result import CaseResult
from toolkit.bench.summary import summarize, throughput

MS = 1_000_000


class FakeClock:
    """Time in nanoseconds that passes only by `advance` and `wait_until_ns`."""

    def __init__(self) -> None:
        self.time_ns = 1_000 * MS

    def now_ns(self) -> int:
        return self.time_ns

    def advance(self, duration_ns: int) -> None:
        self.time_ns += duration_ns

    def wait_until_ns(self, moment_ns: int) -> None:
        self.time_ns = max(self.time_ns, moment_ns)


class FakeModel:
    """A model that takes a known time, and stalls once at a known moment."""

    def __init__(
        self, clock: FakeClock, latency_ns: int, *, stall_after_ns: int | None = None, stall_ns: int = 0
    ) -> None:
        self.clock, self.latency_ns, self.stall_ns = clock, latency_ns, stall_ns
        self.stall_at_ns = None if stall_after_ns is None else clock.time_ns + stall_after_ns
        self.seen: list[object] = []

    def run(self, batch: object) -> None:
        self.seen.append(batch)
        if self.stall_at_ns is not None and self.clock.time_ns >= self.stall_at_ns:
            self.stall_at_ns = None
            self.clock.advance(self.stall_ns)
        self.clock.advance(self.latency_ns)


def round_of(latencies_ns: object, number: int = 0, gap_ns: int = 0, warmup_runs: int = 0) -> Round:
    """A round of closed-loop queries with these latencies and a pause after each."""
    values = np.asarray(latencies_ns, np.int64)
    due = np.concatenate([[0], np.cumsum(values + gap_ns)[:-1]]).astype(np.int64)
    return Round(number=number, warmup_runs=warmup_runs, due_ns=due, finished_ns=due + values)


def case_of(rounds: list[Round], **changes: object) -> CaseResult:
    """A result with these rounds, everything else plausible."""
    images = changes.get("images_per_query", changes.get("batch_size", 1))
    assert isinstance(images, int)
    rate, interval = throughput(rounds, images)
    fields: dict[str, object] = {
        "model": "a.onnx", "path": "a.onnx", "device": "cpu", "provider": "CPUExecutionProvider",
        "precision": "fp32", "threads": 1, "batch_size": 1, "images_per_query": images,
        "scenario": "single-stream", "rate_qps": None, "arrivals": None, "rounds": tuple(rounds),
        "latency": summarize(rounds), "throughput": rate, "throughput_ci95": interval,
        "cold_start": ColdStart(
            load_ns=5 * MS, first_inference_ns=2 * MS, peak_rss_bytes=70_000_000,
            base_rss_bytes=40_000_000, repeats=3,
        ),
        "size_bytes": 1000, "sha256": "0" * 64, "excludes": ("decoding",),
    }  # fmt: skip
    return CaseResult(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def made() -> SimpleNamespace:
    """The builders above, for test modules (which can't import a conftest)."""
    return SimpleNamespace(
        MS=MS, FakeClock=FakeClock, FakeModel=FakeModel, round_of=round_of, case_of=case_of
    )


@pytest.fixture
def options_of() -> Callable[..., BenchOptions]:
    """Build options for one model."""

    def build(**fields: object) -> BenchOptions:
        return BenchOptions(**{"models": ("a.onnx",), **fields})  # type: ignore[arg-type]

    return build


@pytest.fixture
def server_options() -> BenchOptions:
    return BenchOptions(models=("a.onnx",), scenario=Scenario.SERVER, rate_qps=100)


@pytest.fixture
def fixed_batch_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The small classifier, for batches of four only."""
    model = onnx.load(tiny_model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    path = tmp_path / "fixed.onnx"
    onnx.save(model, path)
    return path
