"""What the measurement of one case consists of: cold starts, rounds, percentiles, stages, trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from toolkit.machine.gpu import GpuState
from toolkit.machine.state import MachineState

Nanoseconds = NDArray[np.int64]

STAGES = ("read", "decode", "resize", "run", "top-k")


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
class Round:
    """The raw samples of one case in one round, measured by a process of its own.

    Args:
        number: 0 is the first round.
        warmup_runs: runs of the model before the clock started.
        due_ns: when each query should have started, int64 [queries], nanoseconds after the first one's.
        finished_ns: when each was done, int64 [queries], nanoseconds after the first one's due time.
        overloaded: queries arrived faster than the model could answer, and the round was cut short.
        start: load and first inference of its process; None where it is unknown.
        stages_ns: time of each stage, int64 [queries, stages]; pipeline only, else None.
        before: the machine when the clock started; None where it was not looked at.
        after: the machine when it stopped; None where it was not looked at.
        gpu: the device when the clock stopped; None on other devices.
        process: number of the process.
        reference_ns: time of the reference arithmetic beside the round; None where it was not timed.
    """

    number: int
    warmup_runs: int
    due_ns: Nanoseconds
    finished_ns: Nanoseconds
    overloaded: bool = False
    start: ColdStart | None = None
    stages_ns: Nanoseconds | None = None
    before: MachineState | None = None
    after: MachineState | None = None
    gpu: GpuState | None = None
    process: int = 0
    reference_ns: float | None = None

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
        ci95: "p50" ... "p99.9" -> 95 % interval by order statistics; None where the percentile is.
        p50_processes_ci95: 95 % interval of the median over processes, from how far the medians of the rounds
            lie apart; None with fewer than two rounds.
    """

    minimum: int
    percentiles: Mapping[str, int | None]
    maximum: int
    mean: float
    std: float
    ci95: Mapping[str, tuple[int, int] | None]
    p50_processes_ci95: tuple[float, float] | None = None

    @property
    def p50_ci95(self) -> tuple[int, int] | None:
        """95 % interval of the median by order statistics."""
        return self.ci95["p50"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the pipeline.

    Args:
        name: "read", "decode", "resize", "run" or "top-k".
        p50: median time per query, nanoseconds.
        mean: of all queries, nanoseconds.
        share: of the time of all stages, 0 to 1.
    """

    name: str
    p50: int
    mean: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One rate that was tried while looking for the highest that holds.

    Args:
        rate_qps: queries a second on average.
        queries: how many were answered.
        percentile_ns: the percentile that the target is about; None where too few queries support it.
        overloaded: the queue only grew.
        held: the percentile kept the target.
    """

    rate_qps: float
    queries: int
    percentile_ns: int | None
    overloaded: bool
    held: bool


def median_start(starts: Sequence[ColdStart]) -> ColdStart:
    """Combine repeated starts: the median of each figure."""
    return ColdStart(
        load_ns=median_low(s.load_ns for s in starts),
        first_inference_ns=median_low(s.first_inference_ns for s in starts),
        peak_rss_bytes=median_low(s.peak_rss_bytes for s in starts),
        base_rss_bytes=median_low(s.base_rss_bytes for s in starts),
        repeats=sum(s.repeats for s in starts),
    )
