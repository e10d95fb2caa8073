"""Time several models against each other in this process, in turn, so that drift of the machine hits all alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.runtime.session import open_session

ROUNDS = 25
ROUND_S = 0.03  # seconds a model is run for in a round
LEAST_RUNS = 3


def race(
    paths: Sequence[Path], batch: NDArray[np.generic], *, threads: int | None = 1, rounds: int = ROUNDS
) -> list[float]:
    """Time models on the same batch.

    Args:
        paths: .onnx files with the same input.
        batch: what they take, such as uint8 [N, H, W, 3].
        threads: intra-op threads; None means as many as `default_threads` says.
        rounds: times that each model has its turn.

    Returns:
        Seconds a run of each: the median over the rounds of each round's median.
    """
    sessions = [open_session(path, device="cpu", threads=threads, spinning=True) for path in paths]
    for session in sessions:
        session.run(batch)
    medians: list[list[float]] = [[] for _ in sessions]
    for turn in range(rounds):
        order = [(turn + place) % len(sessions) for place in range(len(sessions))]
        for index in order:
            medians[index].append(_median_of_round(sessions[index].run, batch))
    return [statistics.median(times) for times in medians]


def _median_of_round(run: Callable[[NDArray[np.generic]], object], batch: NDArray[np.generic]) -> float:
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - started < ROUND_S:
        before = time.perf_counter()
        run(batch)
        times.append(time.perf_counter() - before)
    return statistics.median(times)
