"""What range of values a Keras model expects at its input."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.keras_model.entrance import Entrance, entrance, scales_somewhere
from toolkit.keras_model.saved_model import SavedModelClassifier
from toolkit.preprocess.normalization import CAFFE, CHOICES, IMAGENET, MINUS1TO1, NONE, Normalization, parse

UNTOLD = (
    "what the model makes of pixels can't be told from its layers ('none' is for one that scales them itself)"
)
BRIGHTEST = 255
SAVED = "a SavedModel doesn't show whether it scales pixels itself ('none' is for one that does)"
FIRST = r"conv1(_conv|/conv)?$"
UNNAMED = r"conv2d(_\d+)?$"
APPLICATIONS = tuple(
    (re.compile(name), re.compile(first), normalization)
    for name, first, normalization in (
        (r"vgg1[69](_\d+)?$", r"block1_conv1$", CAFFE),
        (r"resnet(50|101|152)(_\d+)?$", FIRST, CAFFE),
        (r"resnet(50|101|152)v2", FIRST, MINUS1TO1),
        (r"mobilenet_\d\.\d\d_", FIRST, MINUS1TO1),
        (r"mobilenetv2_\d\.\d\d_", r"Conv1$", MINUS1TO1),
        (r"xception", r"block1_conv1$", MINUS1TO1),
        (r"inception_(resnet_v2|v3)", UNNAMED, MINUS1TO1),
        (r"nasnet", r"stem_conv1$", MINUS1TO1),
        (r"densenet(121|169|201)", FIRST, IMAGENET),
    )
)
"""Names that `keras.applications` gives its models and their first layers, and the range of their `preprocess_input`.

People call networks of their own `vgg16` and `resnet50`, too; the first layer's name tells the two apart.
EfficientNet, ConvNeXt and MobileNetV3 scale pixels themselves and are recognised by that.
Source: keras.applications, the `mode` that each module's preprocess_input passes on."""


@dataclass(frozen=True)
class InputRange:
    """How pixels are scaled before they enter a model, and how that is known.

    Args:
        normalization: the range.
        reason: in words.
    """

    normalization: Normalization
    reason: str


def input_range(model: Any, wanted: str | None, where: object) -> InputRange:
    """Decide how pixels are scaled before they enter the model.

    Args:
        model: a Keras model.
        wanted: what `--normalize` says, or None.
        where: the file, for errors.

    Raises:
        UsageError: the model scales pixels itself, or takes whole numbers, and something else was asked for; or
            nothing says what it expects: a wrong range would go unnoticed and cost most of the accuracy.
    """
    if kind := whole_numbers(model):
        return _of_bytes(kind, wanted)
    found = entrance(model, str(where))
    if wanted is not None:
        return _wanted(wanted, found)
    if found is not None and found.takes_bytes:
        return InputRange(NONE, f"the model scales pixels itself {found.place}")
    if found is not None and found.is_untouched:
        known = _application(found)
        if known is not None:
            return InputRange(known[1], f"as keras.applications does for '{known[0]}'")
    reason = SAVED if isinstance(model, SavedModelClassifier) else _unknown(model, found, str(where))
    raise UsageError(reason, where=where, remedy=f"add --normalize {CHOICES}, as in its training")


def whole_numbers(model: Any) -> str | None:
    """Return the type of a model's input where that holds nothing but whole numbers, pixels of 0 to 255 among them.

    Args:
        model: a Keras model, or what a SavedModel is opened as.
    """
    saved = isinstance(model, SavedModelClassifier)
    kinds = [model.input_dtype] if saved else [str(tensor.dtype) for tensor in model.inputs or ()]
    whole = kinds and "int" in kinds[0] and np.iinfo(kinds[0]).max >= BRIGHTEST
    return kinds[0] if whole else None


def _of_bytes(kind: str, wanted: str | None) -> InputRange:
    if wanted is not None and parse(wanted) != NONE:
        raise UsageError(
            f"the model takes whole numbers ({kind}), pixels of 0 to 255 as they are",
            where="--normalize",
            remedy="leave the option out",
        )
    return InputRange(NONE, f"as its {kind} input says")


def _unknown(model: Any, found: Entrance | None, where: str) -> str:
    # Behind a layer that computes, Flatten for one, a layer may scale pixels or what has been made of them.
    if found is None or (found.is_untouched and found.scaling is None and scales_somewhere(model, where)):
        return UNTOLD
    if found.is_untouched:
        return "the model has no layer that scales pixels, so the range that it expects is unknown"
    black, white = (float(values[0]) for values in (found.black, found.white))
    return (
        f"the model makes {black:.3g} to {white:.3g} of pixels of 0 to 255 {found.place}, so it was made for"
        " another range, and which is unknown"
    )


def _application(found: Entrance) -> tuple[str, Normalization] | None:
    """Return the name and range of the keras.applications model that pixels enter, or None."""
    for name in found.inside:
        for pattern, first, normalization in APPLICATIONS:
            if pattern.match(name) and first.match(found.first):
                return name, normalization
    return None


def _wanted(wanted: str, found: Entrance | None) -> InputRange:
    choice = parse(wanted)
    if found is not None and found.takes_bytes and choice != NONE:
        raise UsageError(
            f"the model scales pixels itself {found.place}",
            where="--normalize",
            remedy="leave the option out",
        )
    return InputRange(choice, "as --normalize says")
