"""What a model's output is, from its layers, from its scores, and from what the user says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import ModelError, UsageError
from toolkit.keras_model.choices import KerasChoices, head_choice
from toolkit.keras_model.head import head_from_scores
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.head import Head, to_probabilities

pytestmark = pytest.mark.keras

Save = Callable[..., Path]

UNIT_SCORES = np.array([[0.2], [0.9]], np.float32)
CLASSES = np.array([[0.2, 0.8], [0.5, 0.5]], np.float32)
LABELS = np.array([[0.9, 0.8], [0.1, 0.2]], np.float32)
LOGITS = np.array([[-3.0, 2.0], [0.5, 0.7]], np.float32)


def opened(path: Path, from_logits: bool | None = None) -> Any:
    choices = KerasChoices(normalize="unit", head=head_choice(from_logits))
    return keras_predictor(str(path), where="test", choices=choices)


def dense(keras: Any, units: int, activation: str | None) -> list[Any]:
    return [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)]


@pytest.mark.parametrize(
    ("units", "activation", "from_logits", "head"),
    [
        (4, "softmax", False, Head.PROBABILITIES),
        (4, "sigmoid", False, Head.MULTI_LABEL),
        (1, "sigmoid", False, Head.SIGMOID),
        (1, None, True, Head.LOGIT),
        (4, None, True, Head.LOGITS),
        (1, "sigmoid", None, Head.SIGMOID),
        (1, None, None, Head.LOGIT),
    ],
)
def test_what_the_user_says_is_told_apart_further(
    keras: Any, saved: Save, units: int, activation: str | None, from_logits: bool | None, head: Head
) -> None:
    assert opened(saved(*dense(keras, units, activation)), from_logits).head is head


def test_one_unit_before_and_after_its_sigmoid_give_the_same_two_classes(keras: Any, saved: Save) -> None:
    layers = dense(keras, 1, None)
    bare = opened(saved(*layers, name="bare.keras"))
    with_sigmoid = opened(saved(*layers, keras.layers.Activation("sigmoid"), name="sigmoid.keras"))
    batch = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    answers = bare.probabilities(batch)
    assert answers.shape == (5, 2)
    assert answers.std() > 0
    np.testing.assert_allclose(answers, with_sigmoid.probabilities(batch), atol=1e-6)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_a_softmax_of_one_unit_is_refused(keras: Any, saved: Save) -> None:
    with pytest.raises(ModelError, match="softmax of one unit, which is always 1"):
        opened(saved(*dense(keras, 1, "softmax")))


def test_logits_that_are_called_probabilities_are_refused(keras: Any, saved: Save) -> None:
    path = saved(
        keras.layers.Flatten(), keras.layers.Dense(3, kernel_initializer="ones", bias_initializer="ones")
    )
    with pytest.raises(UsageError, match=r"isn't probabilities: it goes from .* --from-logits"):
        opened(path, from_logits=False)


@pytest.mark.parametrize(("scores", "head"), [(CLASSES, Head.PROBABILITIES), (LOGITS, Head.LOGITS)])
def test_scores_tell_where_layers_do_not(scores: np.ndarray, head: Head) -> None:
    assert head_from_scores(scores, "m") is head


def test_one_unit_outside_0_to_1_is_a_logit() -> None:
    assert head_from_scores(np.array([[-3.0], [2.0]], np.float32), "m") is Head.LOGIT


@pytest.mark.parametrize("scores", [LABELS, UNIT_SCORES])
def test_scores_between_0_and_1_that_do_not_add_up_are_left_to_the_user(scores: np.ndarray) -> None:
    with pytest.raises(UsageError, match="--from-logits or --from-probabilities"):
        head_from_scores(scores, "m")


def test_labels_by_themselves_are_kept_as_they_are() -> None:
    assert to_probabilities(LABELS, Head.MULTI_LABEL) is LABELS


@pytest.mark.parametrize("head", list(Head))
def test_every_head_but_plain_probabilities_is_told_in_words(head: Head) -> None:
    assert bool(head.told(3)) == (head is not Head.PROBABILITIES)


@pytest.mark.parametrize(
    ("tail", "head"),
    [
        (lambda k, x: k.ops.softmax(k.layers.Dense(4)(x)), Head.PROBABILITIES),
        (lambda k, x: k.ops.sigmoid(k.layers.Dense(4)(x)), Head.MULTI_LABEL),
        (lambda k, x: k.ops.sigmoid(k.layers.Dense(1)(x)), Head.SIGMOID),
        (
            lambda k, x: k.layers.Activation("linear", dtype="float32")(
                k.layers.Dense(4, activation="softmax")(x)
            ),
            Head.PROBABILITIES,
        ),
        (lambda k, x: k.layers.Activation("linear")(k.layers.Dense(4)(x)), Head.LOGITS),
        (lambda k, x: 3.0 * k.layers.Dense(4)(x), Head.LOGITS),
    ],
)
def test_an_operation_behind_the_last_layer_counts(
    keras: Any, tmp_path: Path, tail: Callable[[Any, Any], Any], head: Head
) -> None:
    image = keras.Input((8, 8, 3))
    keras.Model(image, tail(keras, keras.layers.Flatten()(image))).save(tmp_path / "model.keras")
    assert opened(tmp_path / "model.keras").head is head
