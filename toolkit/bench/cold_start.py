"""Load and first inference, in a process of their own: `python -m toolkit.bench.cold_start REQUEST`.

The child prints one JSON line; the parent repeats it and takes medians.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

from toolkit.bench.result import ColdStart
from toolkit.errors import DeviceError, ToolkitError

REPEATS = 3
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a fresh process is to load and run.

    Args:
        model: MODEL argument.
        device: cpu or cuda:N, as obtained in this process.
        threads: intra-op threads.
        batch_size: pictures of the first run.
        provider_options: KEY=VALUE for the execution provider.
        seed: of the pictures.
    """

    model: str
    device: str
    threads: int
    batch_size: int
    provider_options: tuple[str, ...]
    seed: int


def cold_start(request: Request) -> ColdStart:
    """Start one process, and return what it measured.

    Raises:
        ToolkitError: the child failed, with its reason.
    """
    # -P keeps the working folder off the path: a file there called numpy.py must not be imported.
    command = [sys.executable, "-P", "-m", "toolkit.bench.cold_start", json.dumps(asdict(request))]
    path = os.pathsep.join(filter(None, [str(PACKAGE_PARENT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    lines = done.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        raise DeviceError(
            f"a fresh process that loads it ended with code {done.returncode}: {last}",
            where=f"{request.model} on {request.device}",
            remedy="check the device with: toolkit doctor",
        ) from None
    if "what" in answer:
        raise ToolkitError(answer["what"], where=answer["where"], remedy=answer["remedy"])
    return ColdStart(**answer, repeats=1)


def median_start(starts: Sequence[ColdStart]) -> ColdStart:
    """Combine repeated starts: the median of each figure."""
    return ColdStart(
        load_ns=median_low(s.load_ns for s in starts),
        first_inference_ns=median_low(s.first_inference_ns for s in starts),
        peak_rss_bytes=median_low(s.peak_rss_bytes for s in starts),
        base_rss_bytes=median_low(s.base_rss_bytes for s in starts),
        repeats=sum(s.repeats for s in starts),
    )


def measure(request: Request) -> dict[str, int]:
    """Load a model and run it once; meant for a process that has done nothing else.

    Returns:
        The fields of `ColdStart`, without `repeats`.
    """
    from toolkit.bench.inputs import random_batches
    from toolkit.machine.memory import peak_rss_bytes
    from toolkit.models.card import from_metadata
    from toolkit.models.catalog import find_model
    from toolkit.preprocess.plan import Plan
    from toolkit.runtime.session import available_providers, open_session

    available_providers()  # imports ONNX Runtime, which is not what is measured
    path = find_model(request.model)
    base = peak_rss_bytes()
    start = time.perf_counter_ns()
    session = open_session(
        path,
        device=request.device,
        threads=request.threads,
        provider_options=request.provider_options,
        spinning=True,
    )
    loaded = time.perf_counter_ns()
    takes = session.signature
    height, width = from_metadata(session.metadata, path).input_size or (takes.height or 0, takes.width or 0)
    plan = Plan(height=height, width=width, channels=takes.channels, layout=takes.layout, dtype=takes.dtype)
    (batch,) = random_batches(plan, request.batch_size, request.seed, most=1)
    begun = time.perf_counter_ns()
    session.run(batch)
    ran = time.perf_counter_ns()
    return {
        "load_ns": loaded - start,
        "first_inference_ns": ran - begun,
        "peak_rss_bytes": peak_rss_bytes(),
        "base_rss_bytes": base,
    }


def main(argument: str) -> None:
    """Answer one request on standard output."""
    fields = json.loads(argument)
    fields["provider_options"] = tuple(fields["provider_options"])
    try:
        answer: dict[str, Any] = measure(Request(**fields))
    except ToolkitError as error:
        answer = {"what": error.what, "where": error.where, "remedy": error.remedy}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
