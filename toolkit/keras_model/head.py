"""What a Keras model's output is: probabilities, logits, or one sigmoid unit."""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError, UsageError
from toolkit.stats.classification import softmax

SUM_TOLERANCE = 1e-3  # of probabilities from a half-precision softmax


class Head(StrEnum):
    """What the last layer gives; only logits and one sigmoid unit need another step."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    SIGMOID = "sigmoid"


def classes_of(model: Any, where: object) -> int:
    """Return the number of a model's output units.

    Raises:
        ModelError: its output isn't [N, units].
    """
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or not shape[1]:
        shown = list(shape) if isinstance(shape, tuple) else shape
        raise ModelError(
            f"not an image classifier: its output is {shown}",
            where=where,
            remedy="give a model whose output is [N, classes]",
        )
    return int(shape[1])


def head_from_layers(model: Any) -> Head | None:
    """Tell what a model's output is from the activation of its last layer; None where the layers don't tell.

    The layers of a subclassed model stand in the order of its attributes, which says nothing.
    """
    if type(model).__name__ not in ("Sequential", "Functional"):
        return None
    activation = _last_activation(model)
    if activation == "softmax":
        return Head.PROBABILITIES
    if activation == "sigmoid":
        return Head.SIGMOID if model.output_shape[1] == 1 else Head.PROBABILITIES
    return Head.LOGITS if activation == "linear" else None


def head_from_scores(scores: NDArray[np.float32], where: object) -> Head:
    """Tell what a model's output is from what it gives for some pictures.

    Args:
        scores: float32 [N, units].
        where: the model, for errors.

    Raises:
        UsageError: the scores lie between 0 and 1 but don't add up to 1: they may be anything.
    """
    inside = bool(np.all((scores >= 0) & (scores <= 1)))
    if inside and np.allclose(scores.sum(axis=1), 1, atol=SUM_TOLERANCE):
        return Head.PROBABILITIES
    if inside:
        raise UsageError(
            "its output could be logits or probabilities: all scores lie between 0 and 1, and don't add up to 1",
            where=where,
            remedy="add --from-logits or --from-probabilities",
        )
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
