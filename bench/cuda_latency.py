"""Claim: what a GPU brings over all cores of the machine it is in, by model and batch, and what it takes to get it.

Batches of 1, 16 and 256 pictures, three ways that take turns in one process: on the CPU with a thread per core, on CUDA
with arrays in host memory (what `toolkit classify` does), and on CUDA as a captured graph with bound buffers, copies to
the device and back included. Needs a CUDA device. Models are shipped ones, or files of ours, such as exports of larger
networks.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from evidence import write

from toolkit.errors import DeviceError
from toolkit.machine.cores import usable_cores
from toolkit.models.open import OpenModel, open_model
from toolkit.preprocess.transforms import Pixels
from toolkit.runtime.race import race_calls

BATCHES = (1, 16, 256)
MODELS = (
    "paper-cnn",
    "paper-cnn-int8",
    "edge-s",
    "edge-s-int8",
    "edge-m",
    "edge-m-int8",
    "edge-l",
    "edge-l-int8",
)
ROUNDS = 7
CPU, CUDA, GRAPH = "cpu", "cuda", "cuda_graph"


def measure(name: str) -> dict[str, dict[str, float]]:
    """Return the microseconds that a batch of each size takes each way."""
    cpu = open_model(name, device="cpu", threads=usable_cores(), spinning=True)
    cuda = open_model(name, device="cuda")
    height, width = cpu.input_size
    figures = {}
    for size in BATCHES:
        batch = np.random.default_rng(0).integers(0, 256, (size, height, width, 3), np.uint8)
        calls = {CPU: called(cpu, batch), CUDA: called(cuda, batch)}
        try:
            calls[GRAPH] = captured(name, batch)
        except DeviceError as error:
            print(f"{name}, batch {size}: {error}")
        seconds = dict(zip(calls, race_calls(list(calls.values()), rounds=ROUNDS), strict=True))
        figures[str(size)] = {way: round(1e6 * taken, 1) for way, taken in seconds.items()}
        print(
            f"{Path(name).stem}, batch {size}:", *(f"{way} {1e6 * t:,.0f} µs" for way, t in seconds.items())
        )
    return figures


def called(model: OpenModel, batch: Pixels) -> Callable[[], object]:
    """Return a call that runs the batch from host memory to host memory."""
    inputs = model.plan.model_input(batch)
    return lambda: model.session.run(inputs)


def captured(name: str, batch: Pixels) -> Callable[[], object]:
    """Return a call that replays a captured graph of the batch."""
    model = open_model(name, device="cuda", provider_options=("enable_cuda_graph=1",))
    inputs = model.plan.model_input(batch)
    try:
        run, (given,) = model.session.bound_run([inputs], copies=True)
        run(given)  # captures
    except Exception as error:  # ONNX Runtime raises nine classes of its own, and RuntimeError
        raise model.session.failure(error) from error
    return lambda: run(given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    figures = {Path(name).stem: measure(name) for name in parser.parse_args().models}
    write(
        "cuda_latency", "microseconds a batch on all cores, on CUDA, and on CUDA as a captured graph", figures
    )


if __name__ == "__main__":
    main()
