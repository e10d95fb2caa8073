"""What a benchmark found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Nanoseconds = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Round:
    """The raw samples of one case in one round.

    Args:
        number: 0 is the first round.
        warmup_runs: runs of the model before the clock started.
        due_ns: when each query should have started, int64 [queries], nanoseconds after the first one's.
        finished_ns: when each was done, int64 [queries], nanoseconds after the first one's due time.
        overloaded: queries arrived faster than the model could answer, and the round was cut short.
    """

    number: int
    warmup_runs: int
    due_ns: Nanoseconds
    finished_ns: Nanoseconds
    overloaded: bool = False

    @property
    def latency_ns(self) -> Nanoseconds:
        """Time of each query in the order sent, int64 [queries], nanoseconds."""
        return self.finished_ns - self.due_ns

    @property
    def wall_ns(self) -> int:
        """From the first query's due time to the last answer, nanoseconds."""
        return int(self.finished_ns[-1] - self.due_ns[0]) if len(self.due_ns) else 0


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Time per query, nanoseconds. A query of several pictures counts as one.

    Args:
        minimum: the shortest.
        percentiles: "p50" ... "p99.9" -> nearest rank; None where too few queries support it.
        maximum: the longest.
        mean: of all.
        std: standard deviation, of all.
        p50_ci95: 95 % interval of the median by order statistics; None with too few queries.
    """

    minimum: int
    percentiles: Mapping[str, int | None]
    maximum: int
    mean: float
    std: float
    p50_ci95: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """What a fresh process needs; medians over `repeats` processes.

    Args:
        load_ns: to create the session, nanoseconds; importing ONNX Runtime is not in it.
        first_inference_ns: for the first run, nanoseconds.
        peak_rss_bytes: largest resident memory of the whole process, Python and libraries included.
        base_rss_bytes: the same just before the model was loaded.
        repeats: processes started.
    """

    load_ns: int
    first_inference_ns: int
    peak_rss_bytes: int
    base_rss_bytes: int
    repeats: int


@dataclass(frozen=True, kw_only=True)
class Caution:
    """A sign that a figure can't be trusted.

    Args:
        code: short name, such as "drift".
        message: the cause, one sentence without a full stop.
        remedy: what to do, in the imperative.
    """

    code: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One case against its counterpart in a baseline.

    Args:
        measure: "p50", or "throughput" in the offline scenario.
        ratio: time now / time then; above 1 is slower.
        ratio_ci95: its 95 % interval.
        verdict: "faster", "slower" or "no difference seen".
        smallest_visible_pct: the smallest difference that these rounds could have shown, percent.
    """

    measure: str
    ratio: float
    ratio_ci95: tuple[float, float]
    verdict: str
    smallest_visible_pct: float


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """One combination of model, device, threads and batch size.

    Args:
        model: how the user called it.
        path: of the file.
        device: where it ran: "cpu" or "cuda:N".
        provider: the execution provider obtained, the same at the beginning and the end.
        precision: fp32, fp16, int8 ...; None where the file doesn't say.
        threads: intra-op threads.
        batch_size: pictures a run.
        images_per_query: pictures a query.
        scenario: name of the scenario.
        rate_qps: queries a second asked for; server only, else None.
        arrivals: how they were spaced; server only, else None.
        rounds: raw samples.
        latency: summary of all rounds.
        throughput: pictures a second of wall time.
        throughput_ci95: its 95 % interval by a block bootstrap; None with too few queries.
        cold_start: load, first inference and memory in a fresh process.
        size_bytes: of the file.
        sha256: of the file.
        excludes: what is not in the times.
        cautions: signs of an untrustworthy figure.
        comparison: with the baseline; None without one, or without a counterpart in it.
    """

    model: str
    path: Path
    device: str
    provider: str
    precision: str | None
    threads: int
    batch_size: int
    images_per_query: int
    scenario: str
    rate_qps: float | None
    arrivals: str | None
    rounds: tuple[Round, ...]
    latency: Latency
    throughput: float
    throughput_ci95: tuple[float, float] | None
    cold_start: ColdStart
    size_bytes: int
    sha256: str
    excludes: tuple[str, ...]
    cautions: tuple[Caution, ...] = ()
    comparison: Comparison | None = None

    @property
    def queries(self) -> int:
        """Queries of all rounds."""
        return sum(len(r.due_ns) for r in self.rounds)

    @property
    def wall_ns(self) -> int:
        """Measured time of all rounds, nanoseconds."""
        return sum(r.wall_ns for r in self.rounds)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A limit that the user set.

    Args:
        name: "latency" or "regression".
        subject: the case it was applied to.
        met: whether it held.
        message: what was found, and by how much it missed.
    """

    name: str
    subject: str
    met: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """What a benchmark found.

    Args:
        machine: see `toolkit.machine.facts.machine_facts`.
        conditions: the state of the machine at the start, and the cost of the harness.
        settings: the options that decide about the figures.
        results: one per case that was measured, in the order asked for.
        cautions: doubts that concern the whole run.
        gates: limits that the user set.
        interrupted: Ctrl-C came; what was done until then is here.
    """

    machine: Mapping[str, Any]
    conditions: Mapping[str, Any]
    settings: Mapping[str, Any]
    results: tuple[CaseResult, ...]
    cautions: tuple[Caution, ...] = ()
    gates: tuple[Gate, ...] = ()
    interrupted: bool = False
