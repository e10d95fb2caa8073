"""What range of values a Keras model expects at its input."""

from typing import Any

from toolkit.errors import UsageError
from toolkit.preprocess.transforms import Normalization

PASS_THROUGH = frozenset(
    {
        "InputLayer",
        "RandomFlip",
        "RandomTranslation",
        "RandomRotation",
        "RandomZoom",
        "RandomContrast",
        "RandomBrightness",
        "RandomCrop",
        "RandomErasing",
        "Resizing",
        "CenterCrop",
        "ZeroPadding2D",
        "Identity",
    }
)
SCALES_ITSELF = frozenset({"Rescaling", "Normalization"})


def input_range(model: Any, wanted: str | None, where: object) -> Normalization:
    """Decide how pixels are scaled before they enter the model.

    Args:
        model: a Keras model.
        wanted: what `--normalize` says, or None.
        where: the file, for errors.

    Returns:
        NONE for a model that scales pixels itself, else what was asked for.

    Raises:
        UsageError: the model scales pixels itself and something else was asked for; or it doesn't and
            nothing was: a wrong range would go unnoticed and cost most of the accuracy.
    """
    scales = scaling_layer(model)
    if wanted is None:
        if scales is not None:
            return Normalization.NONE
        raise UsageError(
            "the model has no Rescaling or Normalization layer, so the range of pixels it expects is unknown",
            where=where,
            remedy="add --normalize unit (0 to 1), minus1to1, imagenet, or none (0 to 255), as in its training",
        )
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
    return choice


def scaling_layer(model: Any) -> str | None:
    """Return the name of the layer that scales pixels at the model's entrance, or None.

    Only what comes before the first layer of another kind counts; nested models are looked into.
    """
    for layer in getattr(model, "layers", []):
        kind = type(layer).__name__
        if kind in SCALES_ITSELF:
            return str(layer.name)
        if kind in PASS_THROUGH:
            continue
        return scaling_layer(layer) if getattr(layer, "layers", None) else None
    return None
