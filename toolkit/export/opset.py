"""Which opset an export is written in, and why."""

from toolkit.errors import UsageError

DEFAULT = 17
"""The lowest opset in which everything that Keras classifiers use has an operator of its own (LayerNormalization
came last); every ONNX Runtime since 1.12 (2022) loads it.

Source: the operator changelog of ONNX, the compatibility table of ONNX Runtime."""

LOWEST, HIGHEST = 13, 18
"""What tf2onnx 1.17 writes, and what scales for each channel (13) need."""


def choose(wanted: int | None) -> int:
    """Return the opset to write.

    Raises:
        UsageError: it is outside what the converter can write.
    """
    if wanted is None:
        return DEFAULT
    if not LOWEST <= wanted <= HIGHEST:
        raise UsageError(
            f"opset {wanted} is out of range",
            where="--opset",
            remedy=f"use {LOWEST} to {HIGHEST}; default {DEFAULT}",
        )
    return wanted
