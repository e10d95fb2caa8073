"""What `toolkit bench` was asked for."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.ranges import MOST_PICTURES, above_zero, at_least, beside, held_at_once, parallel


class Scenario(StrEnum):
    """Who sends the next query, and when. Source: MLPerf Inference rules, scenarios; `pipeline` is ours."""

    SINGLE_STREAM = "single-stream"  # one query at a time, the next when the last is done
    MULTI_STREAM = "multi-stream"  # the same with several pictures a query
    SERVER = "server"  # queries arrive on their own schedule, whether the model is ready or not
    OFFLINE = "offline"  # everything is there at the start; throughput counts
    PIPELINE = "pipeline"  # the clock starts at the file on disk: read, decode, resize, run, top-k


class Arrivals(StrEnum):
    """How the arrivals of the server scenario are spaced."""

    POISSON = "poisson"
    CONSTANT = "constant"


class Transfer(StrEnum):
    """What the clock covers on the way to a device and back. On the CPU all three are nearly the same."""

    HOST_ARRAYS = "host-arrays"  # numpy arrays in and out: what a caller of ONNX Runtime gets
    BOUND_COPIES = "bound-copies"  # buffers on the device, bound once; both copies are in the time
    DEVICE_RESIDENT = "device-resident"  # inputs and outputs stay on the device; no copy is in the time


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Options of a benchmark.

    Args:
        models: MODEL arguments; several are interleaved.
        devices: auto, cpu, cuda, cuda:N or provider:NAME.
        batch_sizes: pictures a run of the model; empty means 1 (offline: 32), or the model's fixed size.
        threads: intra-op threads; empty means the physical cores this process may use, OMP_NUM_THREADS at most.
        scenario: who sends the next query, and when.
        rate_qps: queries a second on average; server only.
        arrivals: how they are spaced; None means at random (Poisson); server only.
        find_rate: look for the highest rate that keeps the target latency; server only, in place of a rate.
        streams: pictures a query, run in batches of the batch size; multi-stream only.
        pictures: files and folders that are classified; pipeline only; empty means the bundled pictures.
        duration_s: how long each case is measured in all, seconds, spread over the rounds.
        min_queries: a case goes on until it has that many, too.
        precision_pct: a case goes on until the interval of its median reaches no further than that to
            either side, percent; None: no such aim.
        warmup_s: how long each process of a case warms up, seconds.
        runs: rounds over all cases; each case has a fresh process in each.
        target_latency_ms: gate: the percentile must not exceed it, milliseconds; None: no gate.
        percentile: which percentile the gate and the table look at, besides the median.
        output: benchmark JSON to write, whole after each round; None: none.
        baseline: benchmark JSON to compare with; None: none.
        max_regression_pct: gate: how much slower than the baseline is allowed, percent; None: no gate.
        remeasure: measure the baseline's model again, in turns, where its file and the software are still the same.
        across_machines: compare with a baseline of another machine all the same.
        normalize: range that a model from elsewhere expects; None means as the file says.
        provider_options: KEY=VALUE for the execution provider.
        transfer: what the clock covers on the way to a device and back.
        cuda_graph: capture the model as a CUDA graph; needs bound buffers.
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
    arrivals: Arrivals | None = None
    find_rate: bool = False
    streams: int = 8
    pictures: tuple[str, ...] = ()
    duration_s: float = 5.0
    min_queries: int = 100
    precision_pct: float | None = None
    warmup_s: float = 0.3
    runs: int = 8
    target_latency_ms: float | None = None
    percentile: float = 99.0
    output: Path | None = None
    baseline: Path | None = None
    max_regression_pct: float | None = None
    remeasure: bool = True
    across_machines: bool = False
    normalize: str | None = None
    provider_options: tuple[str, ...] = ()
    transfer: Transfer = Transfer.HOST_ARRAYS
    cuda_graph: bool = False
    seed: int = 0
    force: bool = False

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("no model", where="MODEL", remedy="name an .onnx file or a shipped model")
        self._check_lists()
        at_least(self.duration_s, 0.01, "--duration")
        at_least(self.warmup_s, 0, "--warmup")
        at_least(self.min_queries, 1, "--min-queries")
        at_least(self.runs, 1, "--runs")
        at_least(self.streams, 1, "--streams")
        if not 0 < self.percentile < 100:
            raise UsageError(
                f"{self.percentile:g} is not a percentile",
                where="--percentile",
                remedy="use a number above 0 and below 100",
            )
        self._check_server()
        self._check_pipeline()
        self._check_precision()
        at_least(self.seed, 0, "--seed")
        self._check_gates()
        self._check_partners()
        if self.cuda_graph and self.transfer is Transfer.HOST_ARRAYS:
            raise UsageError(
                "a CUDA graph reads and writes fixed addresses",
                where="--cuda-graph",
                remedy="add --transfer bound-copies or --transfer device-resident",
            )

    def _check_lists(self) -> None:
        for values, flag, check in (
            (self.batch_sizes, "--batch-size", partial(held_at_once, most=MOST_PICTURES)),
            (self.threads, "--threads", parallel),
        ):
            for value in values:
                check(value, flag=flag)
            _no_repeats(values, flag)
        _no_repeats(self.devices, "--device")

    def _check_server(self) -> None:
        server = self.scenario is Scenario.SERVER
        if self.find_rate:
            self._check_find_rate()
        elif server and self.rate_qps is None:
            raise UsageError(
                "the server scenario needs a rate",
                where="--scenario server",
                remedy="add --rate QPS, queries a second, or --find-rate",
            )
        if not server and self.rate_qps is not None:
            raise UsageError(
                "only the server scenario has a rate", where="--rate", remedy="add --scenario server"
            )
        if not server and self.arrivals is not None:
            raise UsageError(
                "only in the server scenario queries arrive by themselves",
                where="--arrivals",
                remedy="add --scenario server, or leave the option out",
            )
        if self.rate_qps is not None:
            above_zero(self.rate_qps, "--rate")

    def _check_find_rate(self) -> None:
        wrong = {
            "only the server scenario has a rate to find": (
                self.scenario is not Scenario.SERVER, "add --scenario server"),
            "the rate is given and is to be found": (self.rate_qps is not None, "leave --rate out"),
            "no latency says which rate is too high": (
                self.target_latency_ms is None, "add --target-latency MS"),
            "a rate that is found can't be compared with a baseline": (
                self.baseline is not None, "compare at a fixed --rate"),
        }  # fmt: skip
        for what, (is_so, remedy) in wrong.items():
            if is_so:
                raise UsageError(what, where="--find-rate", remedy=remedy)

    def _check_pipeline(self) -> None:
        if self.scenario is Scenario.PIPELINE:
            if self.transfer is not Transfer.HOST_ARRAYS:
                raise UsageError(
                    "the pipeline starts at files and ends at classes",
                    where="--transfer",
                    remedy="leave the option out",
                )
        elif self.pictures:
            raise UsageError(
                "only the pipeline scenario reads pictures",
                where="--pictures",
                remedy="add --scenario pipeline",
            )

    def _check_precision(self) -> None:
        if self.precision_pct is None:
            return
        above_zero(self.precision_pct, "--precision-pct")
        if self.runs < 2:
            raise UsageError(
                "one process doesn't tell how much processes differ",
                where="--runs",
                remedy="use --runs 2 or more with --precision-pct",
            )

    def _check_gates(self) -> None:
        if self.baseline is not None and self.runs < 2:
            raise UsageError(
                "one round can't be compared", where="--runs", remedy="use --runs 2 or more with --baseline"
            )
        if self.target_latency_ms is not None:
            above_zero(self.target_latency_ms, "--target-latency")
            if self.scenario is Scenario.OFFLINE:
                raise UsageError(
                    "the offline scenario measures throughput, not latency",
                    where="--target-latency",
                    remedy="use another --scenario, or leave the target out",
                )
        if self.max_regression_pct is not None:
            at_least(self.max_regression_pct, 0, "--max-regression")
            if self.baseline is None:
                raise UsageError(
                    "there is nothing to compare with",
                    where="--max-regression",
                    remedy="add --baseline FILE.json",
                )

    def _check_partners(self) -> None:
        several, streams = self.scenario is Scenario.MULTI_STREAM, self.streams != BenchOptions.streams
        beside("--streams", "--scenario multi-stream", given=streams, there=several)
        compared = self.baseline is not None
        beside("--no-remeasure", "--baseline FILE.json", given=not self.remeasure, there=compared)
        beside("--across-machines", "--baseline FILE.json", given=self.across_machines, there=compared)


def _no_repeats(values: tuple[object, ...], flag: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise UsageError(f"{value} is given twice", where=flag, remedy="name each value once")
