"""One round of one case in a process of its own: `python -m toolkit.bench.worker`, a request on standard input.

A process is one draw of memory layout, page placement and clock state, so a fresh one in each round tells
how much processes differ; and it is cold, so load and first inference are measured on the way.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from toolkit.bench.figures import ColdStart
from toolkit.bench.inputs import random_batches
from toolkit.bench.measure import Clock, Limits, Recorder, SystemClock
from toolkit.bench.options import Scenario, Transfer
from toolkit.bench.pipeline import Pipeline, batches_of
from toolkit.bench.reference import reference_ns
from toolkit.bench.request import Measured, Request
from toolkit.bench.scenarios import send, warm_up
from toolkit.bench.spinning import spins
from toolkit.errors import ToolkitError, too_little_memory
from toolkit.images.decode import decode_file
from toolkit.machine.gpu import GpuSnapshot, gpu_meanwhile, gpu_snapshot
from toolkit.machine.memory import peak_rss_bytes
from toolkit.machine.state import machine_state
from toolkit.runtime.cuda import pci_place
from toolkit.runtime.library import import_onnxruntime
from toolkit.runtime.session import Session, open_session

Run = Callable[[Any], Any]


def measure(request: Request, clock: Clock | None = None) -> Measured:
    """Load a model, run it once, warm up, and measure one round.

    Args:
        request: what to measure.
        clock: the time; None means the machine's.

    Raises:
        ToolkitError: the model or a picture can't be opened, or the device wasn't obtained, failed, or
            changed under way.
        KeyboardInterrupt: Ctrl-C before the clock started; later it ends the round.
    """
    clock = SystemClock() if clock is None else clock
    session, (run, inputs, pipeline), start = _start(request, clock)
    recorder, interrupted = Recorder(), False
    limits = Limits(duration_ns=request.duration_ns, min_queries=request.min_queries)
    # Asking takes so long that the clocks of an idle GPU would fall: before the warm-up, not after it.
    gpu = _gpu(session)
    try:
        warmup_runs = warm_up(run, inputs, clock, request.warmup_ns)
        if pipeline is not None:
            pipeline.forget()
        reference = reference_ns()
        before = machine_state()
        try:
            send(request.traffic, run, inputs, clock, limits, recorder, request.arrivals_seed)
        except KeyboardInterrupt:
            interrupted = True
        after = machine_state()
        reference = (reference * reference_ns()) ** 0.5
    except ToolkitError:
        raise
    except Exception as error:  # ONNX Runtime's, see Session.host_run
        raise session.failure(error) from error
    session.refuse_changed_provider()
    due, finished = recorder.spans()
    return Measured(
        start=start,
        warmup_runs=warmup_runs,
        due_ns=due,
        finished_ns=finished,
        overloaded=recorder.overloaded,
        interrupted=interrupted,
        stages_ns=None if pipeline is None else pipeline.stages_ns(len(due)),
        before=before,
        after=after,
        gpu=gpu_meanwhile(gpu, _gpu(session)),
        process=os.getpid(),
        reference_ns=reference,
    )


def _gpu(session: Session) -> GpuSnapshot | None:
    return gpu_snapshot(pci_place(int(session.device[5:]))) if session.device.startswith("cuda:") else None


Prepared = tuple[Run, Sequence[Any], Pipeline | None]


def _start(request: Request, clock: Clock) -> tuple[Session, Prepared, ColdStart]:
    """Open the session and run it once, timed; return what is to be timed after that, too."""
    import_onnxruntime()  # which is not what is measured
    base = peak_rss_bytes()
    begun = time.perf_counter_ns()
    session = open_session(
        Path(request.model),
        device=request.device,
        threads=request.threads,
        provider_options=request.provider_options,
        spinning=spins(request.threads),
    )
    loaded = time.perf_counter_ns()
    arrays = _inputs(request)
    run, inputs, pipeline = prepared = _prepared(request, session, arrays, clock)
    # A pipeline's first run is that of the model alone, as in every other scenario.
    once, given = (run, inputs[0]) if pipeline is None else (session.host_run(), arrays[0])
    first = time.perf_counter_ns()
    try:
        once(given)
    except Exception as error:
        raise session.failure(error) from error
    ran = time.perf_counter_ns()
    start = ColdStart(
        load_ns=loaded - begun,
        first_inference_ns=ran - first,
        peak_rss_bytes=peak_rss_bytes(),
        base_rss_bytes=base,
        repeats=1,
    )
    return session, prepared, start


def _inputs(request: Request) -> list[Any]:
    """Prepare the inputs: pictures for a first run of a pipeline, else noise for all."""
    size = request.traffic.batch_size
    if request.traffic.scenario is not Scenario.PIPELINE:
        return random_batches(request.plan, size, request.seed)
    # Every file is tried once: a broken one must not end a round under way.
    images = [request.plan.fit(decode_file(file)) for file in request.pictures]
    return [request.plan.model_input(request.plan.stack([images[k % len(images)] for k in range(size)]))]


def _prepared(request: Request, session: Session, arrays: list[Any], clock: Clock) -> Prepared:
    """Return what is timed, what it is given in turn, and the pipeline where there is one."""
    if request.traffic.scenario is Scenario.PIPELINE:
        pipeline = Pipeline(request.plan, request.head, session.host_run(), clock)
        return pipeline.run, batches_of(request.pictures, request.traffic.batch_size), pipeline
    if request.transfer is Transfer.HOST_ARRAYS:
        return session.host_run(), arrays, None
    run, inputs = session.bound_run(arrays, copies=request.transfer is Transfer.BOUND_COPIES)
    return run, inputs, None


def answer(text: str) -> str:
    """Answer one request: the measurement, or why there is none."""
    try:
        request = Request.from_json(text)
        try:
            measured = measure(request)
        except MemoryError as error:
            raise too_little_memory(error, request.model) from error
    except ToolkitError as error:
        kind = type(error).__name__
        return json.dumps({"error": kind, "what": error.what, "where": error.where, "remedy": error.remedy})
    except KeyboardInterrupt:
        return json.dumps({"nothing": "interrupted before the clock started"})
    # A terminal sends Ctrl-C to parent and child, and the parent passes it on: the second one comes too late.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return measured.to_json()


def main() -> None:
    """Read a request from standard input, and write the answer to standard output and nothing else."""
    results = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not mix with the answer
    with os.fdopen(results, "w", encoding="utf-8") as stream:
        text = sys.stdin.readline()
        threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
        stream.write(answer(text) + "\n")


def _end_with_parent(stdin: int) -> None:
    """Wait for the end of standard input, which costs nothing: the parent holds it open until it has the answer.

    Whoever kills a benchmark begins the next one at once, and what this one left behind would slow that down.
    """
    os.read(stdin, 1)
    os._exit(0)


if __name__ == "__main__":
    main()
