"""Keep ONNX Runtime from folding a padding by zeros into a max pooling of numbers that may be negative.

A pooling pads with what is smaller than any number. Where all that a window sees is negative, zero is the largest and
must come out; ONNX Runtime (1.31, its optimiser `Pad_Fusion`) folds all the same, and ResNet50V2 and its relatives
give other answers. It looks for zero; the smallest number that every arithmetic keeps is none, and no answer differs.
"""

import numpy as np
import onnx

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.fold_pad import zeros_around
from toolkit.export.step import Step

ALMOST_ZERO = np.array(1e-37, np.float32)
"""Ten times the smallest normal float32: smaller ones may be flushed to zero. In half precision it is the smallest
number that isn't zero, see precision/fp16.py."""


def _change(draft: Draft) -> None:
    index = Index(draft)
    for pad in draft.graph.node:
        if _foldable_by_mistake(index, pad):
            value = f"{pad.output[0]}__almost_zero"
            draft.set_constant(value, ALMOST_ZERO)
            pad.input[:] = [*pad.input[:2], value]


def _foldable_by_mistake(index: Index, pad: onnx.NodeProto) -> bool:
    if pad.op_type != "Pad" or zeros_around(index, pad) is None:
        return False
    return any(user.op_type == "MaxPool" for user in index.users(pad.output[0]))


def _none_left(draft: Draft) -> str | None:
    index = Index(draft)
    left = [node.name for node in draft.graph.node if _foldable_by_mistake(index, node)]
    return f"{left[0]} pads a max pooling with zeros" if left else None


KEEP_PAD = Step(name="keep paddings", change=_change, after=_none_left)
