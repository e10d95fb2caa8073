"""A disturbance that comes back in equal intervals, found in a series of latencies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 1024  # of equal time that a series is averaged in
FEWEST_BINS = 64
FEWEST_PERIODS = 6  # that a series must hold before a period is believed
CLIP_SD = 6.0  # beyond that many robust deviations a spike counts no more: one alone must not decide
HIGH = 0.99  # quantile of the bins that stands for the height of a disturbance
NEARLY = 0.9  # of the highest correlation


@dataclass(frozen=True)
class Period:
    """A period in a series.

    Args:
        interval_ns: from one disturbance to the next, nanoseconds.
        correlation: of the series with itself shifted by the interval, 0 to 1.
        amplitude: how far what comes back rises above the median, as a share of it.
    """

    interval_ns: float
    correlation: float
    amplitude: float


def strongest_period(moments_ns: NDArray[np.int64], values_ns: NDArray[np.int64]) -> Period | None:
    """Find the interval at which a series resembles itself most.

    Args:
        moments_ns: when each value was taken, int64 [N], ascending, nanoseconds.
        values_ns: latencies, int64 [N], nanoseconds.

    Returns:
        None where the series is too short, is constant, or only drifts.

    Source: Box & Jenkins, Time Series Analysis (1970), chapter 2: the autocorrelation function, here of means
    over bins of equal time, computed by Fourier transform (Wiener-Khinchin). Lags before it first falls
    below zero tell of drift and are left out.
    """
    series = _even(moments_ns, values_ns)
    if series is None:
        return None
    means, bin_ns = series
    deviation = 1.4826 * float(np.median(np.abs(means - np.median(means)))) or float(means.std())
    if deviation == 0:
        return None
    clipped = np.clip(means - np.median(means), -CLIP_SD * deviation, CLIP_SD * deviation)
    clipped -= clipped.mean()
    correlation = _autocorrelation(clipped)
    last = len(clipped) // FEWEST_PERIODS
    below = np.flatnonzero(correlation[1 : last + 1] < 0)
    if not len(below) or below[0] + 2 > last:
        return None
    start = int(below[0]) + 1
    highest = float(correlation[start : last + 1].max())
    # Multiples of a period correlate nearly as well; the first of the near equals is the period.
    best = start + int(np.argmax(correlation[start : last + 1] >= NEARLY * highest))
    strength = float(correlation[best])
    amplitude = float(np.quantile(means, HIGH)) / float(np.median(means)) - 1
    return Period(best * bin_ns, strength, amplitude)


def _even(
    moments_ns: NDArray[np.int64], values_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float] | None:
    bins = min(BINS, len(values_ns))
    if bins < FEWEST_BINS or moments_ns[-1] <= moments_ns[0]:
        return None
    edges = np.linspace(moments_ns[0], moments_ns[-1], bins + 1)
    place = np.clip(np.searchsorted(edges, moments_ns, side="right") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=values_ns.astype(np.float64), minlength=bins)
    filled = counts > 0
    means = np.interp(np.arange(bins), np.flatnonzero(filled), sums[filled] / counts[filled])
    return means, float(edges[1] - edges[0])


def _autocorrelation(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the autocorrelation at lags 0, 1, ..., each divided by the number of pairs it rests on."""
    count = len(series)
    spectrum = np.fft.rfft(series, 2 * count)
    products = np.fft.irfft(spectrum * np.conj(spectrum), 2 * count)[:count]
    return np.asarray(products / (count - np.arange(count)) / (products[0] / count))
