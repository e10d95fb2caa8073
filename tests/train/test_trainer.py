from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from training import PLAIN, SIDE, tiny_network

from toolkit.keras_model.tensorflow import import_keras, import_tensorflow
from toolkit.train.options import Optimizer
from toolkit.train.recipe import Arithmetic, Decay
from toolkit.train.trainer import Trainer

pytestmark = pytest.mark.keras

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (8, SIDE, SIDE, 3)).astype(np.uint8)
LABELS = GENERATOR.integers(0, 3, 8)
SOFT = np.zeros((8, 0), np.float16)
NOTHING_COUNTS = np.zeros(3, np.float32)  # class weights of 0: no gradient from the loss


def make(class_weights: np.ndarray | None = None, **choices: Any) -> Trainer:
    tf, keras = import_tensorflow("test"), import_keras("test")
    keras.utils.set_random_seed(0)
    settings = replace(PLAIN, **choices)
    return Trainer(tf, keras, tiny_network((SIDE, SIDE, 3), 3, settings), settings, class_weights)


def step(trainer: Trainer, rate: float = 0.1, head_only: bool = False) -> np.ndarray:
    with trainer.fast_arithmetic():
        return np.asarray(trainer.step(IMAGES, LABELS, SOFT, rate, 1.0, head_only=head_only))


def named(trainer: Trainer) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy().copy() for variable in trainer.network.trainable_variables}


@pytest.mark.parametrize("decay", list(Decay))
def test_decay_shrinks_kernels_and_leaves_biases_and_batch_normalisation_alone(decay: Decay) -> None:
    trainer = make(NOTHING_COUNTS, optimizer=Optimizer.SGD, weight_decay=0.5, decay=decay)
    before = named(trainer)
    step(trainer, rate=0.1)
    for name, after in named(trainer).items():
        factor = 0.95 if name.endswith("kernel") else 1.0
        np.testing.assert_allclose(after, factor * before[name], rtol=1e-5, err_msg=name)


def test_the_norm_of_a_steps_gradient_is_limited() -> None:
    trainer = make(optimizer=Optimizer.SGD, clip_norm=1e-3)
    before = named(trainer)
    step(trainer, rate=1.0)
    moved = sum(((after - before[name]) ** 2).sum() for name, after in named(trainer).items()) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-2)


def test_only_the_last_layer_changes_while_it_is_trained_alone() -> None:
    trainer = make()
    before = [w.numpy().copy() for w in trainer.network.weights]
    step(trainer, head_only=True)
    changed = [not np.array_equal(w, b) for w, b in zip(trainer.network.weights, before, strict=True)]
    assert changed == [False] * (len(before) - 2) + [True, True]


def test_the_average_follows_the_weights_and_the_statistics_of_batch_normalisation() -> None:
    trainer = make(averaging=0.9)
    expected = [w.numpy().copy() for w in trainer.network.weights]
    for number in range(1, 4):
        step(trainer)
        decay = min(0.9, (1 + number) / (10 + number))
        expected = [
            decay * e + (1 - decay) * w.numpy().copy()
            for e, w in zip(expected, trainer.network.weights, strict=True)
        ]
    for found, wanted in zip(trainer.weights_to_use(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_state_goes_to_another_trainer_also_at_another_picture_size() -> None:
    first, second = make(averaging=0.9), make(averaging=0.9)
    step(first)
    second.load_state(first.state())
    assert int(second.optimizer.iterations.numpy()) == 1
    np.testing.assert_array_equal(step(first), step(second))
    for one, two in zip(first.state(), second.state(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_bfloat16_convolutions_leave_the_weights_in_float32_and_near_those_of_float32() -> None:
    exact, fast = make(), make(arithmetic=Arithmetic.BFLOAT16)
    np.testing.assert_allclose(step(exact), step(fast), rtol=0.02)
    assert {str(w.dtype) for w in fast.network.weights} == {"float32"}


def test_a_rate_is_set_on_the_optimiser_itself() -> None:
    trainer = make()
    step(trainer, rate=0.025)
    assert float(trainer.optimizer.learning_rate) == pytest.approx(0.025)
