"""Claim: measuring costs little: p50 of paper-cnn is within 2 % of a bare loop.

Six instruments take turns in one process, in small slices, on one session and the same inputs, so that drift of
the machine hits all alike: the loop of `toolkit bench`, a bare loop around ONNX Runtime's `run`, ONNX Runtime's
own profile (its "model_run" events, another session: profiling is a property of it), MLCommons' LoadGen (package
`mlcommons-loadgen`, in the extra `dev` where there is a wheel of it), and on a model that does nothing both the loop
of `toolkit bench` and LoadGen: LoadGen calls Python through a binding and is told the end by another call, which its
clock includes, so the two are compared without what each takes for nothing.

The claim is about the bare loop alone. For LoadGen and the profile the difference in each slice is stored with its
95 % interval, and whether that holds 0, which is what agreement within noise would mean: the stopwatch around a
profiled run also covers the way from Python and back, so there a small difference is expected.
"""

import itertools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from evidence import write

from toolkit.bench.inputs import random_batches
from toolkit.bench.measure import Limits, Recorder, SystemClock, closed_loop
from toolkit.models.open import open_model
from toolkit.stats.intervals import quantile_interval

SLICE_S = 0.2
ROUNDS = 25
WITHIN_PCT = 2.0
MODEL = "paper-cnn"


def ours(run: Callable[[Any], Any], batches: list[Any]) -> np.ndarray:
    recorder = Recorder()
    closed_loop(run, batches, SystemClock(), Limits(int(SLICE_S * 1e9), 1), recorder)
    due, finished = recorder.spans()
    return finished - due


def bare(session: Any, output: str, name: str, batches: list[Any]) -> np.ndarray:
    times, inputs, now = [], itertools.cycle(batches), time.perf_counter_ns
    end = now() + int(SLICE_S * 1e9)
    while True:
        batch = next(inputs)
        begun = now()
        session.run([output], {name: batch})
        finished = now()
        times.append(finished - begun)
        if finished >= end:
            return np.array(times)


class Profiled:
    """A session that ONNX Runtime profiles itself; its file is read at the end."""

    def __init__(self, path: Path, folder: Path, output: str, name: str) -> None:
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 4
        settings.enable_profiling = True
        settings.profile_file_prefix = str(folder / "profile")
        self.session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self.output, self.name = output, name
        self.outside: list[np.ndarray] = []

    def slice(self, batches: list[Any]) -> None:
        """Run for one slice, with a stopwatch around each run."""
        # Profiling makes a run slower, so it is compared with a stopwatch around the same runs.
        self.outside.append(bare(self.session, self.output, self.name, batches))

    def medians(self) -> tuple[np.ndarray, np.ndarray]:
        """Medians of the profile's model_run events and of the stopwatch around them in each slice, microseconds."""
        events = json.loads(Path(self.session.end_profiling()).read_text())
        inside = [e["dur"] for e in events if e.get("cat") == "Session" and e["name"] == "model_run"]
        parts = np.split(np.array(inside), np.cumsum([len(times) for times in self.outside])[:-1])
        assert len(parts[-1]) == len(self.outside[-1]), "an event for each run, in their order"
        return np.array([np.median(p) for p in parts]), np.array([np.median(p) for p in self.outside]) / 1e3


def difference(mine: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """What one instrument shows above another, slice by slice: median, its 95 % interval, whether that holds 0."""
    above_ns = np.sort(np.rint((mine - theirs) * 1e3).astype(np.int64))
    interval = quantile_interval(above_ns, 50)
    return {
        "median_us": float(np.median(above_ns)) / 1e3,
        "ci95_us": interval and [bound / 1e3 for bound in interval],
        "holds_0": interval and bool(interval[0] <= 0 <= interval[1]),
    }


def loadgen_slice(run: Callable[[Any], Any], batches: list[Any], folder: Path) -> np.ndarray | None:
    """Latencies that LoadGen's single-stream scenario reports, nanoseconds; None where it isn't installed."""
    try:
        import mlperf_loadgen as lg
    except ImportError:
        return None
    inputs = itertools.cycle(batches)

    def issue(queries: list[Any]) -> None:
        for query in queries:
            run(next(inputs))
            lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, 0, 0)])

    settings = lg.TestSettings()
    settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
    settings.min_duration_ms, settings.min_query_count = int(SLICE_S * 1e3), 1
    settings.single_stream_expected_latency_ns = 50_000
    output, logging = lg.LogOutputSettings(), lg.LogSettings()
    output.outdir, output.copy_summary_to_stdout = str(folder), False
    logging.log_output, logging.enable_trace = output, False
    sut = lg.ConstructSUT(issue, lambda: None)
    qsl = lg.ConstructQSL(1, 1, lambda _: None, lambda _: None)
    lg.StartTestWithLogSettings(sut, qsl, settings, logging)
    lg.DestroyQSL(qsl)
    lg.DestroySUT(sut)
    lines = (folder / "mlperf_log_summary.txt").read_text().splitlines()
    (p50,) = [int(line.split(":")[1]) for line in lines if line.startswith("50.00 percentile latency (ns)")]
    return np.array([p50])


def main() -> None:
    model = open_model(MODEL, device="cpu", threads=1, spinning=True)
    session, takes = model.session._session, model.session.signature
    batches = random_batches(model.plan, 1, seed=0)
    run = model.session.host_run()
    slices: dict[str, list[float]] = {
        "ours": [], "bare": [], "LoadGen": [], "nothing": [], "LoadGen_nothing": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profiled = Profiled(model.session.path, folder, takes.output_name, takes.input_name)
        ours(run, batches)
        for number in range(ROUNDS):
            turns: list[tuple[str, Callable[[], np.ndarray | None]]] = [
                ("ours", lambda: ours(run, batches)),
                ("bare", lambda: bare(session, takes.output_name, takes.input_name, batches)),
                ("LoadGen", lambda: loadgen_slice(run, batches, folder)),
                ("nothing", lambda: ours(lambda _: None, batches)),
                ("LoadGen_nothing", lambda: loadgen_slice(lambda _: None, batches, folder)),
            ]
            start = number % len(turns)  # each goes first in turn
            for key, measure in turns[start:] + turns[:start]:
                times = measure()
                if times is not None:
                    slices[key].append(float(np.median(times)) / 1e3)
            profiled.slice(batches)
        inside, outside = profiled.medians()
    figures: dict[str, Any] = {f"{key}_us": float(np.median(v)) for key, v in slices.items() if v}
    for key in ("bare", "LoadGen"):
        if slices[key]:
            ratios = np.array(slices["ours"]) / np.array(slices[key]) - 1
            figures[f"ours_over_{key}_pct"] = [float(q) * 100 for q in np.quantile(ratios, [0.25, 0.5, 0.75])]
    if slices["LoadGen"]:
        mine, theirs = (
            np.array(slices[key]) - np.array(slices[none])
            for key, none in (("ours", "nothing"), ("LoadGen", "LoadGen_nothing"))
        )
        quarters = np.quantile(mine / theirs - 1, [0.25, 0.5, 0.75])
        figures["ours_over_LoadGen_net_pct"] = [float(q) * 100 for q in quarters]
        figures["ours_above_LoadGen_net"] = difference(mine, theirs)
    of_profile, around = float(np.median(inside)), float(np.median(outside))
    figures |= {"profile_model_run_us": of_profile, "stopwatch_around_profiled_us": around,
                "stopwatch_over_profile_pct": (around / of_profile - 1) * 100,
                "stopwatch_above_profile": difference(outside, inside)}  # fmt: skip
    figures["within_2_pct_of_bare"] = abs(figures["ours_over_bare_pct"][1]) <= WITHIN_PCT
    print(json.dumps(figures, indent=2))
    write("harness_cost", f"p50 of {MODEL} within {WITHIN_PCT:g} % of a bare loop", figures)
    if not figures["within_2_pct_of_bare"]:
        raise SystemExit("the claim does not hold here")


if __name__ == "__main__":
    main()
