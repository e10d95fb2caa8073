"""A model of another precision is rebuilt with all that its layers know."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.keras_model.choices import KerasChoices, load_custom_objects
from toolkit.keras_model.load import load_keras
from toolkit.keras_model.weights import copy_weights

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:.*:UserWarning")]

PIXELS = np.random.default_rng(3).integers(0, 256, (16, 8, 8, 3), np.uint8)
MODULE = """
import keras

@keras.saving.register_keras_serializable()
class Half(keras.layers.Layer):
    def call(self, x):
        return x / 2
"""


@pytest.fixture
def policy(keras: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def adapted(keras: Any) -> Any:
    """Return a network whose Normalization took its statistics from pixels."""
    normal = keras.layers.Normalization()
    normal.adapt((PIXELS / 255).astype("float32"))
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            normal,
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, dtype="float32"),
        ]
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"], indirect=True)
def test_an_adapted_normalization_keeps_its_statistics(keras: Any, tmp_path: Path, policy: str) -> None:
    model = adapted(keras)
    model.save(tmp_path / "m.keras")
    expected = model.predict(PIXELS, verbose=0)
    keras.config.set_dtype_policy("float32")  # as it is where nobody sets it
    loaded = load_keras(str(tmp_path / "m.keras"), where="test").model
    assert loaded.layers[2].compute_dtype == "float32"
    found = loaded.predict(PIXELS, verbose=0)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_own_classes_and_code_are_rebuilt_where_they_are_allowed(
    keras: Any, tmp_path: Path, policy: str
) -> None:
    (tmp_path / "own.py").write_text(textwrap.dedent(MODULE))
    choices = KerasChoices(custom_objects=str(tmp_path / "own.py"), allow_code=True)
    half = load_custom_objects(choices.custom_objects)["Half"]
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), half(), keras.layers.Lambda(lambda x: x / 4), keras.layers.Flatten()]
    )
    model.save(tmp_path / "m.keras")
    keras.config.set_dtype_policy("float32")
    loaded = load_keras(str(tmp_path / "m.keras"), where="test", choices=choices).model
    assert loaded.compute_dtype == "float32"
    assert np.allclose(loaded.predict(PIXELS, verbose=0), PIXELS.reshape(16, -1) / 8)


def test_weights_of_other_layers_are_refused(keras: Any) -> None:
    one, other = (keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)]) for units in (2, 3))
    with pytest.raises(ValueError, match="shape"):
        copy_weights(one, other)
