"""What is random in an epoch: new in each, other in each layer, and the same for the same seed."""

from typing import Any

import numpy as np
import pytest

from toolkit.train.fit import _reset_randomness

pytestmark = pytest.mark.keras


def test_dropout_draws_anew_in_every_epoch_step_and_layer_and_the_same_for_the_same_seed(keras: Any) -> None:
    pixels = keras.Input((400,))
    layers = [keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)]
    network = keras.Model(pixels, [layer(pixels) for layer in layers])
    ones = np.ones((1, 400), np.float32)

    def masks(seed: int, epoch: int) -> list[bytes]:
        _reset_randomness(network, seed, epoch)
        return [np.asarray(mask).tobytes() for _ in range(3) for mask in network(ones, training=True)]

    epochs = [masks(seed, epoch) for seed in (0, 1) for epoch in range(3)]
    drawn = [mask for epoch in epochs for mask in epoch]
    assert len(set(drawn)) == len(drawn)
    assert masks(0, 1) == epochs[1]
