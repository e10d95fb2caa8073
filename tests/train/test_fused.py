"""Batch normalisation as one operation computes what Keras' own does."""

from typing import Any

import numpy as np
import pytest
from training import PLAIN

from toolkit.train.blocks import classes, convolution, image, residual
from toolkit.train.fused import fused
from toolkit.train.trainer import Trainer

pytestmark = pytest.mark.keras

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (8, 8, 8, 3)).astype(np.uint8)
LABELS = GENERATOR.integers(0, 3, 8)


def network(keras: Any, seed: int = 0) -> Any:
    keras.utils.set_random_seed(seed)
    pixels, x = image((8, 8, 3))
    return keras.Model(pixels, classes(residual(convolution(x, 8), 12, 2), 3, 0.0))


def fused_layers(model: Any) -> int:
    return sum(type(layer).__name__ == "Fused" for layer in model.layers)


def test_steps_change_weights_and_statistics_as_those_of_keras_do(tf: Any, keras: Any) -> None:
    plain = network(keras)
    quick = fused(tf, keras, network(keras))
    assert fused_layers(quick) == 4
    assert [(w.name, w.shape) for w in quick.weights] == [(w.name, w.shape) for w in plain.weights]
    quick.set_weights(plain.get_weights())
    before = plain.get_weights()
    soft = np.zeros((8, 0), np.float16)
    for model in (plain, quick):
        trainer = Trainer(tf, keras, model, PLAIN)
        for _ in range(3):
            trainer.step(IMAGES, LABELS, soft, 0.1, 1.0, head_only=False)
    for variable, was, wanted, got in zip(
        plain.weights, before, plain.get_weights(), quick.get_weights(), strict=True
    ):
        assert not np.array_equal(was, wanted), variable.path
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4, err_msg=variable.path)


def test_in_use_it_is_keras_own(tf: Any, keras: Any) -> None:
    plain = network(keras)
    quick = fused(tf, keras, plain)
    weights = [GENERATOR.uniform(0.5, 1, w.shape).astype(np.float32) for w in plain.weights]
    for model in (plain, quick):
        model.set_weights(weights)
    values = IMAGES.astype(np.float32)
    np.testing.assert_array_equal(quick(values, training=False), plain(values, training=False))
    for layer in quick.layers:
        layer.trainable = False  # frozen layers keep their statistics, in training too
    np.testing.assert_array_equal(quick(values, training=True), plain(values, training=False))
    np.testing.assert_array_equal(quick.get_weights()[1], weights[1])


@pytest.mark.parametrize(
    "options", [{"axis": 1}, {"scale": False}, {"center": False}, {"dtype": "mixed_bfloat16"}], ids=str
)
def test_what_the_operation_cannot_do_is_left_to_keras(tf: Any, keras: Any, options: dict[str, Any]) -> None:
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(**options)(pixels)
    kept = keras.Model(pixels, x)
    assert fused(tf, keras, kept) is kept
    both = keras.Model(pixels, keras.layers.BatchNormalization()(x))
    assert fused_layers(fused(tf, keras, both)) == 1


def test_a_network_with_a_layer_that_is_not_keras_own_is_not_copied(tf: Any, keras: Any) -> None:
    class Mine(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    pixels = keras.Input((8, 8, 3))
    kept = keras.Model(pixels, Mine()(keras.layers.BatchNormalization()(pixels)))
    assert fused(tf, keras, kept) is kept
