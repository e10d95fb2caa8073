"""What a Keras model makes of pixels before its first layer that computes with them, measured on the model itself.

Its list of layers doesn't tell: `x / 127.5 - 1` on a symbolic input is no layer, layers of a subclassed model stand
in no order, and what a Rescaling layer multiplies by decides what it is given.
"""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.keras_model.tensorflow import import_keras
from toolkit.runtime.signature import CHANNEL_COUNTS

KEEPS_RANGE = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "AugMix",
        "AutoContrast",
        "CenterCrop",
        "Cropping2D",
        "CutMix",
        "Dropout",
        "Equalization",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "InputLayer",
        "MixUp",
        "Pipeline",
        "RandAugment",
        "Resizing",
        "Solarization",
        "SpatialDropout2D",
        "ZeroPadding2D",
    }
)
AUGMENTATION = "Random"  # how the names of Keras's other augmentation layers begin
SCALES = frozenset({"Rescaling", "Normalization", "Lambda"})

MOST_GAIN = 0.5
"""Steps of a pixel that are made smaller than this come from 0 to 255: ImageNet's deviations are 0.017 of it."""

LEAST_SHIFT = 16.0
"""Pixels that are shifted by more without being scaled come from 0 to 255: ImageNet's mean is above 100."""


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """What happens to pixels before the first layer that computes with them.

    Args:
        first: name of that layer.
        inside: names of the models that it is in, outermost first.
        scaling: name of the last Rescaling or Normalization layer before it, or None.
        black: value of a pixel of 0 there, float64 [channels].
        white: value of a pixel of 255 there, float64 [channels].
    """

    first: str
    inside: tuple[str, ...]
    scaling: str | None
    black: NDArray[np.float64]
    white: NDArray[np.float64]

    @property
    def gain(self) -> float:
        """What one step of a pixel becomes, in the channel where that is most."""
        return float(np.abs(self.white - self.black).max() / 255)

    @property
    def is_untouched(self) -> bool:
        """Whether pixels arrive there as they are."""
        return bool(np.allclose(self.black, 0) and np.allclose(self.white, 255))

    @property
    def takes_bytes(self) -> bool:
        """Whether the model brings pixels of 0 to 255 to its own range."""
        shifted = self.gain <= 1 + MOST_GAIN and float(np.abs(self.black).max()) >= LEAST_SHIFT
        return self.gain <= MOST_GAIN or shifted

    @property
    def place(self) -> str:
        """Where in the model that happens, in words."""
        return f"in its layer '{self.scaling}'" if self.scaling else f"before its layer '{self.first}'"


class _Reached(BaseException):  # not an Exception: Keras would put words of its own around it
    """Ends a run of the model at its first layer that computes.

    Args:
        first: name of that layer.
        inside: names of the models that it is in, outermost first.
        scaling: name of the last layer before it that scales, or None.
        values: what it is given.
    """

    def __init__(self, first: str, inside: tuple[str, ...], scaling: str | None, values: Any) -> None:
        self.first = first
        self.inside = inside
        self.scaling = scaling
        self.values = values


def entrance(model: Any, where: str) -> Entrance | None:
    """Find out what a model makes of pixels before its first layer that computes with them.

    Args:
        model: a Keras model of one input, [N, height, width, 1 or 3] or [N, 1 or 3, height, width].
        where: the command that needs it.

    Returns:
        None for a SavedModel, and where pixels aren't pixels of one place any more when they get there.
    """
    keras = import_keras(where)
    if not isinstance(model, keras.layers.Layer):
        return None
    batch, *extents = model.input_shape
    black, white = (_reach(keras, model, np.full((batch or 1, *extents), v, np.float32)) for v in (0, 255))
    if black is None or white is None:
        return None
    channels_first = extents[0] in CHANNEL_COUNTS
    pixels = [_centre(each.values, channels_first=channels_first) for each in (black, white)]
    if any(len(pixel) not in CHANNEL_COUNTS for pixel in pixels):
        return None
    return Entrance(
        first=black.first, inside=black.inside, scaling=black.scaling, black=pixels[0], white=pixels[1]
    )


def _reach(keras: Any, model: Any, picture: NDArray[np.float32]) -> _Reached | None:
    """Run a model as far as its first layer that computes."""
    inside: list[str] = []
    scaling: list[str] = []

    def call(original: Any, layer: Any, *arguments: Any, **keywords: Any) -> Any:
        kind, name = type(layer).__name__, str(layer.name)
        if kind in SCALES:
            scaling.append(name)
        elif kind in KEEPS_RANGE or kind.startswith(AUGMENTATION):
            pass
        elif _holds_layers(keras, layer):
            inside.append(name)
            result = original(layer, *arguments, **keywords)
            inside.pop()
            return result
        elif hasattr(values := _first(arguments), "numpy"):  # else only shapes are tried, to build the model
            raise _Reached(name, tuple(inside), scaling[-1] if scaling else None, values)
        return original(layer, *arguments, **keywords)

    try:
        with _calls_through(keras.layers.Layer, call), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the structure that a list of one input has
            model(picture, training=False)
    except _Reached as reached:
        return reached
    except Exception:  # noqa: BLE001 - whatever the model raises, it raises again when it is used
        return None
    return None


def _holds_layers(keras: Any, layer: Any) -> bool:
    """Tell whether a layer is a model: what it is given is what the layers in it are given.

    A wrapper such as TimeDistributed gives the layer in it a part of that. So it counts as a layer itself, unless the
    one in it only scales pixels or leaves them as they are.
    """
    if isinstance(layer, keras.layers.Wrapper):
        kind = type(layer.layer).__name__
        return kind in SCALES or kind in KEEPS_RANGE or kind.startswith(AUGMENTATION)
    return bool(getattr(layer, "layers", None) or getattr(layer, "_layers", None))


def scales_somewhere(model: Any, where: str) -> bool:
    """Tell whether a layer that scales stands anywhere in a Keras model, be it behind others that compute.

    Args:
        model: a Keras model, or what a SavedModel is opened as.
        where: the command that needs it.
    """
    keras = import_keras(where)
    layers = model._flatten_layers() if isinstance(model, keras.layers.Layer) else ()
    return any(type(layer).__name__ in SCALES for layer in layers)


@contextlib.contextmanager
def _calls_through(kind: Any, call: Any) -> Iterator[None]:
    """Let every call of a layer go through a function of ours for a while: Keras has no hook for it."""
    original = kind.__call__

    def through(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        return call(original, layer, *arguments, **keywords)

    kind.__call__ = through
    try:
        yield
    finally:
        kind.__call__ = original


def _first(arguments: Any) -> Any:
    while isinstance(arguments, (tuple, list)) and arguments:
        arguments = arguments[0]
    return arguments


def _centre(values: Any, *, channels_first: bool) -> NDArray[np.float64]:
    """Return the pixel in the middle of the first picture, away from any padding; empty where it is no picture."""
    array = np.asarray(values, np.float64)
    if array.ndim != 4:
        return np.empty(0)
    picture = array[0].transpose(1, 2, 0) if channels_first else array[0]
    return np.asarray(picture[picture.shape[0] // 2, picture.shape[1] // 2])
