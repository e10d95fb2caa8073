"""What a Keras model's output is: probabilities, logits, one unit, or a probability for each label by itself."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.errors import ModelError, UsageError
from toolkit.models.head import Head, Scores

SUM_TOLERANCE = 1e-3  # of probabilities from a half-precision softmax


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


def find_head(model: Any, wanted: Head | None, probe: Callable[[], Scores], where: object) -> Head:
    """Decide what a model's output is.

    Args:
        model: a Keras model with an output [N, units].
        wanted: LOGITS or PROBABILITIES where the user says so, else None. Which of the probabilities (one unit,
            one of several labels) is found out all the same.
        probe: gives what the model says to some pictures, float32 [N, units]; called only where its layers
            don't tell.
        where: the model, for errors.

    Raises:
        ModelError: its only unit is a softmax of one.
        UsageError: what the user says can't be, or nobody can tell.
    """
    units = classes_of(model, where)
    told = head_from_layers(model)
    if told is Head.PROBABILITIES and units == 1:
        raise ModelError(
            "its output is a softmax of one unit, which is always 1",
            where=where,
            remedy="end it in one sigmoid unit, or in a softmax of two or more",
        )
    if wanted is Head.LOGITS:
        return Head.LOGIT if units == 1 else Head.LOGITS
    if wanted is Head.PROBABILITIES:
        return told if told in (Head.MULTI_LABEL, Head.SIGMOID) else _which_probabilities(probe(), where)
    return told or head_from_scores(probe(), where)


def head_from_layers(model: Any) -> Head | None:
    """Tell what a model's output is from the activation of its last layer; None where the layers don't tell.

    The layers of a subclassed model stand in the order of its attributes, which says nothing.
    """
    if type(model).__name__ not in ("Sequential", "Functional"):
        return None
    activation, one = _last_activation(model), model.output_shape[1] == 1
    if activation == "softmax":
        return Head.PROBABILITIES
    if activation == "sigmoid":
        return Head.SIGMOID if one else Head.MULTI_LABEL
    if activation == "linear":
        return Head.LOGIT if one else Head.LOGITS
    return None


def head_from_scores(scores: Scores, where: object) -> Head:
    """Tell what a model's output is from what it gives for some pictures.

    Args:
        scores: float32 [N, units].
        where: the model, for errors.

    Raises:
        UsageError: the scores lie between 0 and 1 but don't add up to 1: they may be anything.
    """
    one = scores.shape[1] == 1
    if not _inside(scores):
        return Head.LOGIT if one else Head.LOGITS
    if not one and _add_up(scores):
        return Head.PROBABILITIES
    raise UsageError(
        "its output could be logits or probabilities: all scores lie between 0 and 1, and don't add up to 1",
        where=where,
        remedy="say which to toolkit export, with --from-logits or --from-probabilities; the other commands take the"
        " export",
    )


def _which_probabilities(scores: Scores, where: object) -> Head:
    """Tell one unit and labels by themselves from plain probabilities.

    Raises:
        UsageError: they can't be probabilities.
    """
    if not _inside(scores):
        raise UsageError(
            f"its output isn't probabilities: it goes from {scores.min():.3g} to {scores.max():.3g}",
            where=where,
            remedy="use --from-logits",
        )
    if scores.shape[1] == 1:
        return Head.SIGMOID
    return Head.PROBABILITIES if _add_up(scores) else Head.MULTI_LABEL


def _inside(scores: Scores) -> bool:
    return bool(np.all((scores >= -SUM_TOLERANCE) & (scores <= 1 + SUM_TOLERANCE)))


def _add_up(scores: Scores) -> bool:
    return bool(np.allclose(scores.sum(axis=1), 1, atol=SUM_TOLERANCE))


def _last_activation(model: Any, output: int = 0) -> str:
    """Return the name of the activation behind which nothing comes; empty where that can't be told."""
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return ""
    history = outputs[output]._keras_history
    last = history.operation  # of the list of layers, the last needn't be the last
    if getattr(last, "layers", None):
        # Of a nested model's outputs, the one that was chosen.
        return _last_activation(last, history.tensor_index)
    kind = type(last).__name__
    if kind in ("Softmax", "Sigmoid"):  # a layer, or an operation of keras.ops
        return kind.lower()
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    # A linear activation of its own only sets a type; what comes before it is what counts.
    return "" if kind == "Activation" and activation == "linear" else activation
