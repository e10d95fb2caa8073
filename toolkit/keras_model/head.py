"""What a Keras model's output is: probabilities, logits, or one sigmoid unit."""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.stats.classification import softmax


class Head(StrEnum):
    """What the last layer gives; only logits and one sigmoid unit need another step."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    SIGMOID = "sigmoid"


def head_of(model: Any, where: object) -> Head:
    """Tell what a model's output is from the activation of its last layer.

    Args:
        model: a Keras model.
        where: the file, for errors.

    Raises:
        ModelError: it has several outputs, or its output isn't [N, classes].
    """
    shape = getattr(model, "output_shape", None)
    if isinstance(shape, list | dict) or shape is None:
        count = len(shape) if shape is not None else "no single"
        raise ModelError(
            f"it has {count} outputs", where=where, remedy="give a model with one output of class scores"
        )
    if len(shape) != 2 or not shape[1]:
        raise ModelError(
            f"not an image classifier: its output is {list(shape)}",
            where=where,
            remedy="give a model whose output is [N, classes]",
        )
    activation = _last_activation(model)
    if activation == "softmax":
        return Head.PROBABILITIES
    if activation == "sigmoid":
        return Head.SIGMOID if shape[1] == 1 else Head.PROBABILITIES
    return Head.LOGITS


def to_probabilities(scores: NDArray[np.float32], head: Head) -> NDArray[np.float32]:
    """Turn a model's output into class probabilities.

    Args:
        scores: float32 [N, classes], or [N, 1] for one sigmoid unit.
        head: what they are.

    Returns:
        float32 [N, classes]; two classes for one sigmoid unit, the second being what it stands for.
    """
    if head is Head.LOGITS:
        return softmax(scores)
    if head is Head.SIGMOID:
        return np.concatenate([1 - scores, scores], axis=1)
    return scores


def _last_activation(model: Any) -> str:
    layers = getattr(model, "layers", [])
    last = layers[-1] if layers else None
    if last is None:
        return ""
    if getattr(last, "layers", None):
        return _last_activation(last)
    if type(last).__name__ == "Softmax":
        return "softmax"
    return getattr(getattr(last, "activation", None), "__name__", "")
