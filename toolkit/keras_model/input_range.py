"""What range of values a Keras model expects at its input."""

import re
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.preprocess.transforms import Normalization

PASS_THROUGH = frozenset(
    {
        "AugMix",
        "AutoContrast",
        "CenterCrop",
        "CutMix",
        "Equalization",
        "Identity",
        "InputLayer",
        "MixUp",
        "Pipeline",
        "RandAugment",
        "Resizing",
        "Solarization",
        "ZeroPadding2D",
    }
)
SCALES_ITSELF = frozenset({"Rescaling", "Normalization"})

AUGMENTATION = "Random"  # how the names of Keras's other augmentation layers begin

APPLICATIONS = (
    (re.compile(r"(vgg1[69]|resnet(50|101|152))(_\d+)?$"), Normalization.CAFFE),
    (re.compile(r"resnet(50|101|152)v2"), Normalization.MINUS1TO1),
    (re.compile(r"mobilenet(v2)?_\d\.\d\d_"), Normalization.MINUS1TO1),
    (re.compile(r"(xception|inception_v3|inception_resnet_v2|nasnet)"), Normalization.MINUS1TO1),
    (re.compile(r"densenet(121|169|201)"), Normalization.IMAGENET),
)
"""Names that `keras.applications` gives its models, and the range of their `preprocess_input`.

EfficientNet, ConvNeXt and MobileNetV3 scale pixels themselves and are recognised by their layers.
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
        UsageError: the model scales pixels itself and something else was asked for; or nothing says what
            it expects: a wrong range would go unnoticed and cost most of the accuracy.
    """
    scales = scaling_layer(model)
    if wanted is not None:
        return _wanted(wanted, scales)
    if scales is not None:
        return InputRange(Normalization.NONE, f"the model scales pixels itself in its layer '{scales}'")
    known = application(model)
    if known is not None:
        return InputRange(known[1], f"as keras.applications does for '{known[0]}'")
    raise UsageError(
        "the model has no Rescaling or Normalization layer, so the range of pixels it expects is unknown",
        where=where,
        remedy="add --normalize unit (0 to 1), minus1to1, imagenet, caffe, or none (0 to 255), as in its training",
    )


def scaling_layer(model: Any) -> str | None:
    """Return the name of the layer that scales pixels at the model's entrance, or None.

    Only what comes before the first layer of another kind counts; nested models are looked into.
    """
    for layer in getattr(model, "layers", []):
        kind = type(layer).__name__
        if kind in SCALES_ITSELF:
            return str(layer.name)
        if _keeps_range(layer):
            continue
        return scaling_layer(layer) if getattr(layer, "layers", None) else None
    return None


def _keeps_range(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind in PASS_THROUGH or kind.startswith(AUGMENTATION)


def application(model: Any) -> tuple[str, Normalization] | None:
    """Return the name and range of the keras.applications model that this is or begins with, or None."""
    names = [str(getattr(model, "name", ""))]
    for layer in getattr(model, "layers", []):
        if not _keeps_range(layer):
            names += [str(layer.name)] if getattr(layer, "layers", None) else []
            break
    for name in names:
        for pattern, normalization in APPLICATIONS:
            if pattern.match(name):
                return name, normalization
    return None


def _wanted(wanted: str, scales: str | None) -> InputRange:
    try:
        choice = Normalization(wanted)
    except ValueError:
        raise UsageError(
            f"'{wanted}' is not a choice", where="--normalize", remedy=f"use {', '.join(Normalization)}"
        ) from None
    if scales is not None and choice is not Normalization.NONE:
        raise UsageError(
            f"the model scales pixels itself (layer '{scales}')",
            where="--normalize",
            remedy="leave the option out",
        )
    return InputRange(choice, "as --normalize says")
