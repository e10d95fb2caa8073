"""Numbers to 8 bits and back: scales, zero points, weights, biases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = 255  # steps between the smallest and the largest uint8

BIAS_LIMIT = 2**30  # of an int32, half left for the sum that it is added to

Floats = NDArray[np.floating]


def weight_limit(bits: int) -> int:
    """Return the largest stored weight of so many bits, its sign included."""
    return int(2 ** (bits - 1) - 1)


@dataclass(frozen=True)
class Range:
    """What values a tensor takes.

    Args:
        low: smallest.
        high: largest.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Scale:
    """How a uint8 tensor is read: real = scale * (stored - zero_point).

    Args:
        scale: real numbers a step; positive, exact in float32.
        zero_point: what stands for zero, 0 to 255.
    """

    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        """Smallest number that it can hold."""
        return -self.zero_point * self.scale

    @property
    def high(self) -> float:
        """Largest number that it can hold."""
        return (LEVELS - self.zero_point) * self.scale


PIXELS = Scale(1.0, 0)
"""A uint8 picture is a quantised tensor as it is."""


def activation_scale(found: Range) -> Scale:
    """Choose scale and zero point so that a range fits and zero is exact.

    Args:
        found: finite; a tensor that is always zero gets a scale of one step.

    Source: Jacob et al., Quantization and Training of Neural Networks (2018), section 2.1.
    """
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    if high - low < np.finfo(np.float32).tiny * LEVELS:
        return Scale(1.0, 0)
    scale = float(np.float32((high - low) / LEVELS))
    return Scale(scale, int(np.clip(np.rint(-low / scale), 0, LEVELS)))


def quantize_weights(
    weights: Floats,
    axis: int,
    *,
    input_scale: float,
    bias: Floats | None,
    limit: int,
    per_channel: bool = True,
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantise weights around zero, each output channel by itself or all at one scale.

    Args:
        weights: float32, any shape.
        axis: the one that counts output channels.
        input_scale: of the activations that the weights are multiplied by.
        bias: float32 [channels] or None; a channel whose weights are tiny beside its bias gets a scale at which
            the bias still fits into an int32.
        limit: largest stored number.
        per_channel: whether each channel has a scale of its own.

    Returns:
        int8 of the weights' shape; scales, float32 [channels], positive.

    Source: Jacob et al. (2018), section 2; the floor for biases: microsoft/onnxruntime#11415.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis)
    scales = np.maximum(weights.max(axis=others), -weights.min(axis=others)).astype(np.float64) / limit
    if not per_channel:
        scales = np.full_like(scales, scales.max(initial=0.0))
    if bias is not None:
        scales = np.maximum(scales, np.abs(bias.astype(np.float64)) / (input_scale * BIAS_LIMIT))
    scales = np.where(scales < np.finfo(np.float32).tiny, 1.0, scales).astype(np.float32)
    shape = [1] * weights.ndim
    shape[axis] = -1
    steps = weights / scales.reshape(shape)  # in float32 and in place: dense layers can be half a gigabyte
    np.rint(steps, out=steps)
    np.clip(steps, -limit, limit, out=steps)
    return steps.astype(np.int8), scales


def quantize_bias(bias: Floats, scales: NDArray[np.float32]) -> NDArray[np.int32]:
    """Quantise a bias to the scale of the sums that it is added to.

    Args:
        bias: float32 [channels].
        scales: of activations times weights, float32 [channels].
    """
    stored = np.rint(bias.astype(np.float64) / scales.astype(np.float64))
    return np.clip(stored, -(2**31) + 1, 2**31 - 1).astype(np.int32)
