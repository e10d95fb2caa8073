"""What `toolkit bench` was asked for."""

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from toolkit.errors import UsageError


class Scenario(StrEnum):
    """Who sends the next query, and when. Source: MLPerf Inference rules, scenarios."""

    SINGLE_STREAM = "single-stream"  # one query at a time, the next when the last is done
    MULTI_STREAM = "multi-stream"  # the same with several pictures a query
    SERVER = "server"  # queries arrive on their own schedule, whether the model is ready or not
    OFFLINE = "offline"  # everything is there at the start; throughput counts


class Arrivals(StrEnum):
    """How the arrivals of the server scenario are spaced."""

    POISSON = "poisson"
    CONSTANT = "constant"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Options of a benchmark.

    Args:
        models: MODEL arguments; several are interleaved.
        devices: auto, cpu, cuda or cuda:N.
        batch_sizes: pictures a run of the model; empty means 1 (offline: 32), or the model's fixed size.
        threads: intra-op threads; empty means the physical cores this process may use.
        scenario: who sends the next query, and when.
        rate_qps: queries a second on average; server only.
        arrivals: how they are spaced; server only.
        streams: pictures a query, run in batches of the batch size; multi-stream only.
        duration_s: how long each case is measured in all, seconds, spread over the rounds.
        min_queries: a case goes on until it has that many, too.
        warmup_s: how long each case warms up before its first round, seconds.
        runs: rounds over all cases.
        target_latency_ms: gate: the percentile must not exceed it, milliseconds; None: no gate.
        percentile: which percentile the gate and the table look at, besides the median.
        output: benchmark JSON to write, whole after each round; None: none.
        baseline: benchmark JSON to compare with; None: none.
        max_regression_pct: gate: how much slower than the baseline is allowed, percent; None: no gate.
        across_machines: compare with a baseline of another machine all the same.
        normalize: range that a model from elsewhere expects; None means as the file says.
        provider_options: KEY=VALUE for the execution provider.
        seed: of the pictures, the arrivals and the resampling.
        force: replace an output that exists already.

    Raises:
        UsageError: a value out of range, or options that contradict each other.
    """

    models: tuple[str, ...]
    devices: tuple[str, ...] = ("auto",)
    batch_sizes: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    scenario: Scenario = Scenario.SINGLE_STREAM
    rate_qps: float | None = None
    arrivals: Arrivals = Arrivals.POISSON
    streams: int = 8
    duration_s: float = 5.0
    min_queries: int = 100
    warmup_s: float = 1.0
    runs: int = 5
    target_latency_ms: float | None = None
    percentile: float = 99.0
    output: Path | None = None
    baseline: Path | None = None
    max_regression_pct: float | None = None
    across_machines: bool = False
    normalize: str | None = None
    provider_options: tuple[str, ...] = ()
    seed: int = 0
    force: bool = False

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("no model", where="MODEL", remedy="name an .onnx file or a shipped model")
        self._check_lists()
        _at_least(self.duration_s, 0.01, "--duration", "seconds")
        _at_least(self.warmup_s, 0, "--warmup", "seconds")
        _at_least(self.min_queries, 1, "--min-queries", "queries")
        _at_least(self.runs, 1, "--runs", "rounds")
        _at_least(self.streams, 1, "--streams", "pictures a query")
        if not 0 < self.percentile < 100:
            raise UsageError(
                f"{self.percentile:g} is not a percentile",
                where="--percentile",
                remedy="use a number above 0 and below 100",
            )
        self._check_server()
        self._check_gates()

    def _check_lists(self) -> None:
        for values, flag in ((self.batch_sizes, "--batch-size"), (self.threads, "--threads")):
            for value in values:
                _at_least(value, 1, flag, "")
            _no_repeats(values, flag)
        _no_repeats(self.devices, "--device")

    def _check_server(self) -> None:
        server = self.scenario is Scenario.SERVER
        if server and self.rate_qps is None:
            raise UsageError(
                "the server scenario needs a rate",
                where="--scenario server",
                remedy="add --rate QPS, queries a second",
            )
        if not server and self.rate_qps is not None:
            raise UsageError(
                "only the server scenario has a rate", where="--rate", remedy="add --scenario server"
            )
        if self.rate_qps is not None and not (math.isfinite(self.rate_qps) and self.rate_qps > 0):
            raise UsageError(f"a rate of {self.rate_qps}", where="--rate", remedy="use a number above 0")

    def _check_gates(self) -> None:
        if self.baseline is not None and self.runs < 2:
            raise UsageError(
                "one round can't be compared", where="--runs", remedy="use --runs 2 or more with --baseline"
            )
        if self.target_latency_ms is not None:
            if not (math.isfinite(self.target_latency_ms) and self.target_latency_ms > 0):
                raise UsageError(
                    f"a target of {self.target_latency_ms} ms",
                    where="--target-latency",
                    remedy="use a number above 0",
                )
            if self.scenario is Scenario.OFFLINE:
                raise UsageError(
                    "the offline scenario measures throughput, not latency",
                    where="--target-latency",
                    remedy="use another --scenario, or leave the target out",
                )
        if self.max_regression_pct is not None:
            _at_least(self.max_regression_pct, 0, "--max-regression", "percent")
            if self.baseline is None:
                raise UsageError(
                    "there is nothing to compare with",
                    where="--max-regression",
                    remedy="add --baseline FILE.json",
                )


def _at_least(value: float, least: float, flag: str, unit: str) -> None:
    if not (math.isfinite(value) and value >= least):
        raise UsageError(f"{value:g} {unit}".strip(), where=flag, remedy=f"use a number of {least:g} or more")


def _no_repeats(values: tuple[object, ...], flag: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise UsageError(f"{value} is given twice", where=flag, remedy="name each value once")
