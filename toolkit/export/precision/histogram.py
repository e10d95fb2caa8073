"""Counts of the values that a tensor takes, in constant memory, and the ranges that can be read from them."""

import numpy as np
from numpy.typing import NDArray

from toolkit.export.precision.scales import LEVELS, Range

Floats = NDArray[np.float32]

BINS = 4_096  # a multiple of 4
LEAST = 1e-30  # smallest limit of a histogram: bins must be numbers that float32 tells apart
PERCENTILE = 99.999
"""Share of values that a range keeps, in percent. Source: the default of onnxruntime.quantization."""

CANDIDATES = 128
"""Thresholds that are tried for a range of least entropy, evenly spaced up to the largest value: the best one is
met to 1 % or better."""

UNSEEN = 1e-9  # probability of a value that the quantised form never takes


class Histogram:
    """Counts of values around zero whose limits grow with the data: bins are joined in pairs, none is lost."""

    def __init__(self) -> None:
        self.counts = np.zeros(BINS, np.int64)
        self.limit = 0.0
        self.low, self.high = np.inf, -np.inf

    def add(self, data: Floats) -> None:
        """Count values, any shape; all finite."""
        if not data.size:
            return
        low, high = float(data.min()), float(data.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        largest = max(high, -low)
        if not self.limit and largest:
            self.limit = max(largest, LEAST)
        while self.limit and largest > self.limit:
            self._double()
        half = len(self.counts) // 2
        if not self.limit:  # nothing but zeros so far: they belong to the middle
            self.counts[half] += data.size
            return
        # Zero must be the lower edge of a bin to the last digit: what a Relu gives has no values below.
        places = np.floor(data.reshape(-1) * np.float32(half / self.limit)).astype(np.int64)
        np.clip(places, -half, half - 1, out=places)
        places += half
        self.counts += np.bincount(places, minlength=len(self.counts))

    def whole(self) -> Range:
        """Return the range of all values."""
        return Range(self.low, self.high) if self.counts.any() else Range(0.0, 0.0)

    def range(self, percent: float = PERCENTILE) -> Range:
        """Return the range that holds a share of the values, the rest cut off equally at both ends, percent."""
        total = self.counts.sum()
        if not total or not self.limit:
            return Range(0.0, 0.0)
        cut = total * (100 - percent) / 200
        reached = np.cumsum(self.counts)
        first = int(np.searchsorted(reached, cut, side="right"))
        last = int(np.searchsorted(reached, total - cut, side="left"))
        width = 2 * self.limit / len(self.counts)
        return self._held(-self.limit + first * width, -self.limit + (last + 1) * width)

    def entropy_range(self) -> Range:
        """Return the range whose quantised values are distributed most like the values themselves.

        A threshold T cuts sizes above it to T; those below share the steps of 8 bits (half of them on each side of
        zero, all of them where no value is negative). The T is chosen at which the Kullback-Leibler divergence of
        the values from what the steps can tell apart is least. Zeros, which every scale holds exactly, say nothing.

        Source: Migacz, 8-bit Inference with TensorRT, GTC 2017.
        """
        if not self.limit:
            return Range(0.0, 0.0)
        half = len(self.counts) // 2
        sizes = self.counts[half:] + self.counts[half - 1 :: -1]
        sizes[0] = sizes[1]
        steps = LEVELS + 1 if self.low >= 0 else (LEVELS + 1) // 2
        used = int(np.flatnonzero(sizes)[-1]) + 1 if sizes.any() else 0
        if used <= steps:
            return self.whole()
        candidates = np.unique(np.linspace(steps, used, CANDIDATES).astype(int))
        best = min(candidates, key=lambda bins: _divergence(sizes, int(bins), steps))
        threshold = self.limit * int(best) / half
        return self._held(-threshold, threshold)

    def _held(self, low: float, high: float) -> Range:
        """Keep a range within what was seen: an edge of a bin may lie beyond."""
        return Range(max(low, self.low), min(high, self.high))

    def _double(self) -> None:
        joined = self.counts.reshape(-1, 2).sum(axis=1)
        quarter = len(self.counts) // 4
        self.counts = np.concatenate([np.zeros(quarter, np.int64), joined, np.zeros(quarter, np.int64)])
        self.limit *= 2


def _divergence(sizes: NDArray[np.int64], bins: int, steps: int) -> float:
    """Compute the Kullback-Leibler divergence of sizes cut off after some bins from their quantised form."""
    kept = sizes[:bins].astype(np.float64)
    cut_off = kept.copy()
    cut_off[-1] += sizes[bins:].sum()
    step_of = np.arange(bins) * steps // bins
    filled = kept > 0
    sums = np.bincount(step_of, weights=kept, minlength=steps)
    shares = sums / np.maximum(np.bincount(step_of, weights=filled, minlength=steps), 1)
    quantized = np.where(filled, shares[step_of], 0.0)
    if not kept.any():
        return np.inf
    there = cut_off > 0
    real = cut_off[there] / cut_off.sum()
    seen = np.maximum(quantized[there] / quantized.sum(), UNSEEN)
    return float(np.sum(real * np.log(real / seen)))
