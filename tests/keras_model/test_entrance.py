"""What range a model takes, told from what it makes of black and white, whatever it makes it with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.keras_model.entrance import entrance
from toolkit.keras_model.input_range import input_range

pytestmark = pytest.mark.keras

Build = Callable[[Any, Any], Any]
IMAGENET_MEAN, IMAGENET_DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def classifier(keras: Any, x: Any, *, name: str = "own") -> Any:
    """Something that computes: a convolution inside a nested model."""
    nested = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Conv2D(3, 3, name="Conv1"),
            keras.layers.GlobalAveragePooling2D(),
        ],
        name=name,
    )
    return keras.layers.Dense(4)(nested(x))


def reloaded(keras: Any, folder: Path, before: Build, *, name: str = "own") -> Any:
    """Build a model with `before` at its entrance, save it, and load it again as a user's file is."""
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, classifier(keras, before(keras, image), name=name))
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", safe_mode=False)


TAKES_BYTES: dict[str, Build] = {
    "a Rescaling layer": lambda k, x: k.layers.Rescaling(1 / 255)(x),
    "arithmetic on the input": lambda _, x: x / 127.5 - 1,
    "preprocess_input of MobileNetV2": lambda k, x: k.applications.mobilenet_v2.preprocess_input(x),
    "preprocess_input of VGG16": lambda k, x: k.applications.vgg16.preprocess_input(x),
    "preprocess_input of DenseNet": lambda k, x: k.applications.densenet.preprocess_input(x),
    "augmentation in a model of its own": lambda k, x: k.layers.Rescaling(1 / 255)(
        k.Sequential([k.layers.RandomFlip(), k.layers.RandomRotation(0.1)])(x)
    ),
    "scaling in a model of its own": lambda k, x: k.Sequential([k.layers.Rescaling(1 / 127.5, -1)])(x),
    "two layers": lambda k, x: k.layers.Normalization(mean=IMAGENET_MEAN, variance=[0.05] * 3)(
        k.layers.Rescaling(1 / 255)(x)
    ),
    "a Lambda": lambda k, x: k.layers.Lambda(lambda y: y / 255)(x),
    "padding": lambda k, x: k.layers.ZeroPadding2D(1)(k.layers.Rescaling(1 / 127.5, -1)(x)),
    "what only training does": lambda k, x: k.layers.Rescaling(1 / 255)(
        k.layers.ActivityRegularization(1e-4)(k.layers.AlphaDropout(0.1)(k.layers.Cropping2D(1)(x)))
    ),
    "a wrapped layer": lambda k, x: k.layers.TimeDistributed(k.layers.Rescaling(1 / 255))(x),
    "a wrapper behind it": lambda k, x: k.layers.TimeDistributed(k.layers.Conv1D(3, 1))(
        k.layers.Rescaling(1 / 255)(x)
    ),
    "the mean taken off": lambda k, x: k.layers.Rescaling(1.0, -127.0)(x),
}


@pytest.mark.parametrize("way", TAKES_BYTES)
# A name of keras.applications says nothing where pixels are scaled before it.
@pytest.mark.parametrize("name", ["own", "mobilenetv2_1.00_224"])
def test_a_model_that_scales_pixels_itself_is_given_them_as_they_are(
    keras: Any, tmp_path: Path, way: str, name: str
) -> None:
    model = reloaded(keras, tmp_path, TAKES_BYTES[way], name=name)
    assert input_range(model, None, "x").normalization.name == "none"
    with pytest.raises(UsageError, match="the model scales pixels itself"):
        input_range(model, "unit", "x")


@pytest.mark.parametrize(
    ("before", "made"),
    [
        (lambda k, x: k.layers.Rescaling(2.0, -1.0)(x), "-1 to 509"),
        (lambda _, x: x - 0.5, "-0.5 to 254"),
        (
            lambda k, x: k.layers.Normalization(
                mean=IMAGENET_MEAN, variance=np.square(IMAGENET_DEVIATION).tolist()
            )(x),
            "-2.12 to 1.11e",
        ),
    ],
)
def test_a_layer_made_for_another_range_is_no_reason_to_hand_it_bytes(
    keras: Any, tmp_path: Path, before: Build, made: str
) -> None:
    model = reloaded(keras, tmp_path, before)
    with pytest.raises(UsageError, match=f"the model makes {made}.* of pixels of 0 to 255") as caught:
        input_range(model, None, "x")
    assert "add --normalize imagenet, unit (0 to 1)" in caught.value.remedy
    assert input_range(model, "unit", "x").normalization.name == "unit"


def test_pixels_that_arrive_as_they_are_leave_the_question_open(keras: Any, tmp_path: Path) -> None:
    plain = reloaded(keras, tmp_path, lambda k, x: k.layers.RandomFlip()(k.layers.Rescaling(1.0)(x)))
    with pytest.raises(UsageError, match="no layer that scales pixels"):
        input_range(plain, None, "x")
    known = reloaded(keras, tmp_path, lambda k, x: k.layers.RandomFlip()(x), name="mobilenetv2_1.00_224")
    assert input_range(known, None, "x").normalization.name == "minus1to1"


def test_scaling_behind_a_layer_that_computes_is_not_denied(keras: Any) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(4)(x))
    with pytest.raises(UsageError, match="can't be told from its layers") as caught:
        input_range(model, None, "x")
    assert "none" in caught.value.remedy
    assert input_range(model, "none", "x").normalization.name == "none"


def test_a_subclassed_model_is_asked_in_the_order_of_its_call(keras: Any) -> None:
    class Subclassed(keras.Model):  # type: ignore[misc, name-defined]
        input_shape = (None, 8, 8, 3)  # as a loaded one has it

        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.flatten = keras.layers.Flatten(name="first")
            self.scale = keras.layers.Rescaling(1 / 255, name="scale")

        def call(self, x: Any) -> Any:
            return self.dense(self.flatten(self.scale(x)))

    found = entrance(Subclassed(), "x")
    assert found is not None
    assert (found.first, found.scaling, found.takes_bytes) == ("first", "scale", True)


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("shape", [(8, 8, 1), (3, 8, 8)])
def test_grey_channels_first_and_fixed_batches_are_understood(
    keras: Any, shape: tuple[int, ...], batch: int | None
) -> None:
    image = keras.Input(batch_shape=(batch, *shape))
    x = keras.layers.Flatten(name="flat")(keras.layers.Rescaling(1 / 255, name="scale")(image))
    found = entrance(keras.Model(image, keras.layers.Dense(2)(x)), "x")
    assert found is not None
    assert (found.first, found.scaling, round(1 / found.gain)) == ("flat", "scale", 255)
