"""What a model from elsewhere makes of pixels stays as it is when a run starts from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.train.recipes import find_recipe
from toolkit.train.start import build, open_start

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:.*:UserWarning")]

PIXELS = np.random.default_rng(3).integers(0, 256, (16, 8, 8, 3), np.uint8)


def test_an_adapted_normalization_goes_on_as_it_was(tmp_path: Path) -> None:
    import keras

    normal = keras.layers.Normalization(name="normal")
    normal.adapt((PIXELS / 255).astype("float32"))
    pixels = keras.Input((8, 8, 3))
    x: Any = normal(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x)))
    model.save(tmp_path / "m.keras")
    start = open_start(str(tmp_path / "m.keras"), where="test")
    network = build(keras, find_recipe("fine-tune"), find_recipe("fine-tune").defaults, (8, 8, 3), 2, start)
    values = keras.Model(network.inputs, network.get_layer("normal").output).predict(PIXELS, verbose=0)
    assert abs(float(values.mean())) < 0.01
    assert abs(float(values.std()) - 1) < 0.01
