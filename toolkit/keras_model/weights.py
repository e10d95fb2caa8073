"""One network's weights put into another of the same layers."""

from typing import Any

import numpy as np


def copy_weights(source: Any, target: Any) -> None:
    """Give a network the weights of another one, layer by layer, as loading a file would.

    `set_weights` isn't enough: an adapted Normalization layer computes with constants that it makes of its statistics,
    and would go on with those of the layer that was just built, which leave pixels as they are.

    Args:
        source: a Keras model.
        target: a Keras model of the same layers, built; floating-point weights are cast to its own precision.

    Raises:
        ValueError: the layers don't have the same weights.
    """
    for theirs, mine in zip(source._flatten_layers(), target._flatten_layers(), strict=True):
        weights: dict[str, Any] = {}
        theirs.save_own_variables(weights)
        if weights:
            mine.load_own_variables({name: _in_float32(value) for name, value in weights.items()})


def _in_float32(value: Any) -> Any:
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    # numpy has no kind of its own for bfloat16: it is "V", and "f" for the others.
    return array.astype(np.float32) if array.dtype.kind in "fV" else array
