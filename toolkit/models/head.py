"""What the output of a classifier is, how that is found in an ONNX graph, and the way from it to probabilities."""

from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.models.onnx_file import load_onnx
from toolkit.stats.classification import softmax
from toolkit.stats.logistic import sigmoid

Scores = NDArray[np.float32]

ROUNDING = 0.02  # how far sums of probabilities that were rounded to 8 bits may be from 1


class Head(StrEnum):
    """What the last layer gives, and so what has to be done to it."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"  # a softmax is added
    SIGMOID = "sigmoid"  # one unit: it becomes two classes
    LOGIT = "logit"  # one unit before its sigmoid: both are added
    MULTI_LABEL = "multi-label"  # several sigmoid units: kept as they are

    @property
    def classes(self) -> int | None:
        """How many classes it stands for; None where each unit is one."""
        return 2 if self in (Head.SIGMOID, Head.LOGIT) else None

    @property
    def exported(self) -> "Head":
        """What an export of it gives: everything but labels by themselves becomes probabilities of classes."""
        return self if self is Head.MULTI_LABEL else Head.PROBABILITIES

    def told(self, units: int) -> str:
        """Say in words what the output is and what is done to it; empty for plain probabilities."""
        match self:
            case Head.LOGITS:
                return f"{units} logits; a softmax is added"
            case Head.SIGMOID:
                return (
                    "one sigmoid unit; it becomes the probabilities of two classes, its own being the second"
                )
            case Head.LOGIT:
                return "one logit; a sigmoid is added and makes two classes of it, its own being the second"
            case Head.MULTI_LABEL:
                return (
                    f"{units} sigmoid units (multi-label): each is the probability of one label by itself, kept as"
                    " it is; they don't add up to 1"
                )
            case _:
                return ""


def multi_label_notice(name: str, head: Head) -> str:
    """Say of a model whose probabilities are of labels by themselves that they are; empty for any other.

    Args:
        name: of the model, as the user knows it.
        head: what its output is.
    """
    if head is not Head.MULTI_LABEL:
        return ""
    return (
        f"{name} is a multi-label model: each probability is that of one label by itself, and they don't add up"
        " to 1"
    )


PASSES_VALUES_ON = frozenset(
    [
        "Identity",
        "Cast",
        "Reshape",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Transpose",
        "QuantizeLinear",
        "DequantizeLinear",
        "Mean",
        "ReduceMean",
    ]
)
"""Operators whose result is of the same kind: a mean of probabilities, as ensembles give it, is one too."""


def head_of(path: Path, output_name: str, classes: int | None) -> Head:
    """Tell what an output holds from the operator that makes it.

    Args:
        path: an .onnx file.
        output_name: the output with the classes.
        classes: how many; None where unknown.

    Returns:
        PROBABILITIES after a softmax, SIGMOID after a sigmoid of one unit and MULTI_LABEL after one of several,
        LOGIT where one unit has no sigmoid, else LOGITS.

    Raises:
        ModelError: the file can't be parsed.
    """
    graph = load_onnx(path).graph
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output_name)
    while node is not None and node.op_type in PASSES_VALUES_ON:
        node = makers.get(node.input[0])
    operator = node.op_type if node is not None else ""
    if operator == "Sigmoid":
        return Head.SIGMOID if classes == 1 else Head.MULTI_LABEL
    if operator == "Softmax":
        return Head.PROBABILITIES
    return Head.LOGIT if classes == 1 else Head.LOGITS


def are_probabilities(scores: Scores) -> bool:
    """Tell whether scores are probabilities already: none below 0, and a sum of 1 for every picture.

    Args:
        scores: float32 [N, classes]; rounding as of int8 is allowed for.
    """
    return bool(scores.min() >= -ROUNDING and np.abs(scores.sum(axis=1) - 1).max() <= ROUNDING)


def to_probabilities(scores: Scores, head: Head) -> Scores:
    """Turn a model's output into probabilities.

    Args:
        scores: float32 [N, classes], or [N, 1] for one unit.
        head: what they are.

    Returns:
        float32 [N, classes]; two classes for one unit, the second being what it stands for.
    """
    if head is Head.LOGITS:
        return softmax(scores)
    if head is Head.LOGIT:
        scores = sigmoid(scores)
    if head.classes == 2:
        return np.concatenate([1 - scores, scores], axis=1)
    return scores
