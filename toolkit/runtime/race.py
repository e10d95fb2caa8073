"""Time several models against each other in this process, in turn, so that drift of the machine hits all alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.runtime.session import open_session

ROUNDS = 25
ROUND_S = 0.03  # seconds a model is run for in a round
LEAST_RUNS = 3


def race(paths: Sequence[Path], batch: NDArray[np.generic], *, rounds: int = ROUNDS) -> list[float]:
    """Time models on the same batch, on one thread of the CPU.

    Args:
        paths: .onnx files with the same input.
        batch: what they take, such as uint8 [N, H, W, 3].
        rounds: times that each model has its turn.

    Returns:
        Seconds a run of each: the median over the rounds of each round's median.
    """
    sessions = [open_session(path, device="cpu", threads=1, spinning=True) for path in paths]
    return race_calls([partial(session.run, batch) for session in sessions], rounds=rounds)


def race_calls(calls: Sequence[Callable[[], object]], *, rounds: int = ROUNDS) -> list[float]:
    """Time calls of any kind in turn; each is made once before the clock runs.

    Args:
        calls: that run something and come back when it is done.
        rounds: times that each has its turn.

    Returns:
        Seconds of each: the median over the rounds of each round's median.
    """
    for call in calls:
        call()
    medians: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        for place in range(len(calls)):
            index = (turn + place) % len(calls)
            medians[index].append(_median_of_round(calls[index]))
    return [statistics.median(times) for times in medians]


def _median_of_round(call: Callable[[], object]) -> float:
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - started < ROUND_S:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return statistics.median(times)
