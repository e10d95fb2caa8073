"""Distinct random pictures, prepared before the clock starts, and what the clock covers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.options import Scenario, Transfer
from toolkit.preprocess.normalization import NONE
from toolkit.preprocess.plan import Plan

MOST_BATCHES = 32
MOST_BYTES = 64 * 2**20  # of prepared inputs per case

TIMED = {
    Transfer.HOST_ARRAYS: ("inputs from host memory", "inference", "outputs to host memory"),
    Transfer.BOUND_COPIES: (
        "copy into a bound input", "inference", "synchronisation", "copy from a bound output"),
    Transfer.DEVICE_RESIDENT: ("inference on bound inputs and outputs", "synchronisation"),
}  # fmt: skip


def random_batches(plan: Plan, batch_size: int, seed: int, most: int = MOST_BATCHES) -> list[NDArray[Any]]:
    """Make different batches of noise, in the form that a model takes.

    One batch over and over would stay in the processor's cache, and a model that is fed zeros may be
    quicker than one that sees pictures.

    Args:
        plan: what the model wants.
        batch_size: pictures a batch.
        seed: of the noise.
        most: how many batches at most; large ones are fewer, but at least two.

    Returns:
        Arrays [batch_size, ...] of the model's type and layout.
    """
    generator = np.random.default_rng(seed)
    shape = (batch_size, plan.height, plan.width, 3)
    bytes_each = int(np.prod(shape)) * np.dtype(plan.dtype).itemsize
    count = min(most, max(2, MOST_BYTES // bytes_each))
    return [plan.model_input(generator.integers(0, 256, shape, np.uint8)) for _ in range(count)]


def timed_steps(scenario: Scenario, transfer: Transfer) -> tuple[str, ...]:
    """Name what the clock covers."""
    if scenario is Scenario.PIPELINE:
        return ("reading the file (from the system's cache)", "decoding", "resizing", "inference", "top-k")
    return TIMED[transfer]


def untimed_steps(plan: Plan, scenario: Scenario, transfer: Transfer) -> tuple[str, ...]:
    """Name what happens to a picture outside the clock, and is not in any figure."""
    if scenario is Scenario.PIPELINE:
        return ()
    steps: tuple[str, ...] = ("reading the file", "decoding", "resizing")
    if plan.normalization != NONE:
        steps += (f"normalisation ({plan.normalization.name})",)
    if (plan.layout, plan.dtype) != ("NHWC", "uint8"):
        steps += (f"conversion to {plan.dtype} {plan.layout}",)
    if transfer is Transfer.DEVICE_RESIDENT:
        steps += ("copies to the device and back",)
    return steps
