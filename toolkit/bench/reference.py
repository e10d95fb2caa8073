"""How fast the machine is right now: a fixed piece of arithmetic, timed beside every round.

A machine's speed drifts by a per cent from minute to minute (frequency, neighbours on the host), and rounds of
one run don't see it. The same arithmetic timed in both runs does. It must not be ONNX Runtime's: else a slower
release of it would be taken for a slower machine.
"""

import time
from statistics import median

import numpy as np

DURATION_NS = 50_000_000
SIDE = 48  # of the matrices: below what BLAS would share among threads
ELEMENTS = 8192  # 32 KB, as large as a first-level cache


def reference_ns() -> float:
    """Return the median time of a small matrix product with an exponential, nanoseconds.

    Source: measured with 44 processes over 150 s on a shared machine of two cores: the correlation with the
    median latency of paper-cnn (one thread) was 0.84, and runs of five processes differed by 0.42 % with it
    and by 1.32 % without.
    """
    generator = np.random.default_rng(0)
    matrix = generator.random((SIDE, SIDE), np.float32)
    values = generator.random(ELEMENTS, np.float32)
    product, powers = np.empty_like(matrix), np.empty_like(values)
    times = []
    end = time.perf_counter_ns() + DURATION_NS
    while True:
        begun = time.perf_counter_ns()
        np.matmul(matrix, matrix, out=product)
        np.exp(values, out=powers)
        finished = time.perf_counter_ns()
        times.append(finished - begun)
        if finished >= end:
            return float(median(times))
