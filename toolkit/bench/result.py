"""What a benchmark found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.bench.figures import ColdStart, Latency, Round, Stage, Trial

BLIND_PCT = 100  # where only twice the time would have shown, an interval says nothing
TOO_FEW = "these rounds are too few to tell (--runs 8 or more)"


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
    """One case against its counterpart: in a baseline, or of the first model of the run.

    Args:
        measure: "p50", or "throughput" in the offline scenario.
        ratio: time now / time then; above 1 is slower.
        ratio_ci95: its 95 % interval.
        ratio_ci99: its 99 % interval, which the verdict rests on: two runs of one model pass 99 times in 100.
        ratio_ci_gate: its interval at 1 - 0.01 / cases (Bonferroni), which a gate rests on: all cases of two runs of
            the same models pass together 99 times in 100; None means `ratio_ci99`.
        cases: how many the run compares.
        verdict: "faster", "slower" or "no difference seen".
        smallest_visible_pct: the smallest difference that these rounds could have shown, percent.
        in_turns: the baseline's model was measured again, in turns with this one; else the record's own times count.
        machine_ratio: time of the baseline's model now / in its record, where it was measured again: what changed
            although the model didn't; else None.
        memory_ratio: peak memory now / in the record of the baseline; None where there is none.
        reference_adjusted: the times were divided by those of the reference arithmetic, so that a machine that
            was slower or faster altogether makes no difference.
    """

    measure: str
    ratio: float
    ratio_ci95: tuple[float, float]
    ratio_ci99: tuple[float, float]
    verdict: str
    smallest_visible_pct: float
    reference_adjusted: bool = False
    in_turns: bool = False
    machine_ratio: float | None = None
    memory_ratio: float | None = None
    cases: int = 1
    ratio_ci_gate: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """One combination of model, device, threads and batch size.

    Args:
        model: how the user called it.
        path: of the file.
        device: where it ran: "cpu", "cuda:N" or "provider:NAME".
        provider: the execution provider obtained, the same at the beginning and the end.
        placement: nodes on each execution provider; None where ONNX Runtime can't tell.
        provider_options: of the provider, defaults included (TF32, search of convolutions ...).
        transfer: what the clock covered on the way to a device and back.
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
        throughput_ci95: its 95 % interval, of blocks of queries and of rounds; None with too few queries.
        cold_start: load, first inference and memory in a fresh process.
        size_bytes: of the file, and of those beside it that hold its weights.
        sha256: of the file, or of all of them one after the other.
        includes: what is in the times.
        excludes: what is not in the times.
        stages: shares of the pipeline's stages; empty in other scenarios.
        trials: rates that were tried, ascending; only where the highest was looked for.
        cautions: signs of an untrustworthy figure.
        baseline_rounds: raw samples of the baseline's model, measured again in turns; empty where it wasn't.
        comparison: with the baseline; None without one, or without a counterpart in it.
        first_comparison: with the first model of the run under the same conditions; None for that model itself, where
            it has no such case, and with fewer than two rounds.
    """

    model: str
    path: Path
    device: str
    provider: str
    placement: Mapping[str, int] | None = None
    provider_options: Mapping[str, str] = field(default_factory=dict)
    transfer: str = "host-arrays"
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
    includes: tuple[str, ...] = ("inputs from host memory", "inference", "outputs to host memory")
    stages: tuple[Stage, ...] = ()
    trials: tuple[Trial, ...] = ()
    cautions: tuple[Caution, ...] = ()
    baseline_rounds: tuple[Round, ...] = ()
    comparison: Comparison | None = None
    first_comparison: Comparison | None = None

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
        name: "latency", "rate" or "regression".
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
