from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from training import PLAIN

from toolkit.keras_model.tensorflow import import_keras, import_tensorflow
from toolkit.train.loss import make_loss

pytestmark = pytest.mark.keras

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], np.float32)
LABELS = np.array([0, 1])
NO_TEACHER = np.zeros((2, 0), np.float16)


def loss(
    soft: np.ndarray = NO_TEACHER, weights: np.ndarray | None = None, mix: float = 1.0, **settings: Any
) -> float:
    tf, keras = import_tensorflow("test"), import_keras("test")
    made = make_loss(tf, keras, 3, replace(PLAIN, **settings), weights)
    value, right = made(tf.constant(LABELS), tf.constant(soft), tf.constant(PROBABILITIES), tf.constant(mix))
    assert float(right) == 1
    return float(value)


def cross_entropy(targets: np.ndarray, probabilities: np.ndarray = PROBABILITIES) -> np.ndarray:
    return -(targets * np.log(probabilities)).sum(axis=1)


def softened(values: np.ndarray, temperature: float) -> np.ndarray:
    raised = values ** (1 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def test_plain_is_the_mean_cross_entropy() -> None:
    assert loss() == pytest.approx(cross_entropy(np.eye(3)[LABELS]).mean(), rel=1e-5)


def test_smoothing_spreads_a_share_of_the_truth_over_all_classes() -> None:
    targets = 0.7 * np.eye(3)[LABELS] + 0.1
    assert loss(label_smoothing=0.3) == pytest.approx(cross_entropy(targets).mean(), rel=1e-5)


def test_mixed_pictures_have_mixed_labels() -> None:
    targets = 0.75 * np.eye(3)[LABELS] + 0.25 * np.eye(3)[LABELS[::-1]]
    assert loss(mixup=0.2, mix=0.75) == pytest.approx(cross_entropy(targets).mean(), rel=1e-5)


def test_class_weights_weigh_pictures_by_their_class() -> None:
    weights = np.array([2.0, 0.5, 1.0], np.float32)
    expected = (cross_entropy(np.eye(3)[LABELS]) * weights[LABELS]).mean()
    assert loss(weights=weights) == pytest.approx(expected, rel=1e-5)


def test_a_mixed_picture_weighs_what_its_two_classes_weigh_mixed() -> None:
    weights = np.array([2.0, 0.5, 1.0], np.float32)
    targets = 0.75 * np.eye(3)[LABELS] + 0.25 * np.eye(3)[LABELS[::-1]]
    mixed = 0.75 * weights[LABELS] + 0.25 * weights[LABELS[::-1]]
    expected = (cross_entropy(targets) * mixed).mean()
    assert loss(weights=weights, mixup=0.2, mix=0.75) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_teachers_share_is_the_cross_entropy_of_softened_probabilities_times_the_squared_temperature(
    temperature: float,
) -> None:
    teacher = np.array([[0.5, 0.4, 0.1], [0.05, 0.9, 0.05]], np.float32)
    to_teacher = cross_entropy(softened(teacher, temperature), softened(PROBABILITIES, temperature))
    to_labels = cross_entropy(np.eye(3)[LABELS])
    expected = (0.2 * to_labels + 0.8 * temperature**2 * to_teacher).mean()
    found = loss(np.log(teacher).astype(np.float16), teacher_weight=0.8, temperature=temperature)
    assert found == pytest.approx(expected, rel=1e-3)
