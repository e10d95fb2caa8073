from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.train.options import Optimizer, TrainOptions
from toolkit.train.recipes import NAMES, find_recipe
from toolkit.train.settings import LEARNING_RATES, settle


def options(**choices: object) -> TrainOptions:
    return TrainOptions(data="x", output=Path("run"), **choices)  # type: ignore[arg-type]


def test_the_paper_recipe_is_adam_batch_32_ten_epochs_without_augmentation() -> None:
    settings = settle(options(), find_recipe("paper-cnn"))
    assert (settings.optimizer, settings.learning_rate) == (Optimizer.ADAM, 0.001)
    assert (settings.batch_size, settings.epochs) == (32, 10)
    assert (settings.dropout, settings.augment) == (0.0, False)


def test_what_the_user_says_wins_over_the_recipe() -> None:
    chosen = options(
        epochs=3, batch_size=8, optimizer=Optimizer.SGD, learning_rate=0.5, dropout=0.2, augment=True
    )
    settings = settle(chosen, find_recipe("paper-cnn"))
    assert (settings.epochs, settings.batch_size, settings.optimizer) == (3, 8, Optimizer.SGD)
    assert (settings.learning_rate, settings.dropout, settings.augment) == (0.5, 0.2, True)


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_another_optimiser_brings_its_own_learning_rate(optimizer: Optimizer) -> None:
    settings = settle(options(optimizer=optimizer), find_recipe("paper-cnn"))
    assert settings.learning_rate == LEARNING_RATES[optimizer]


@pytest.mark.parametrize(
    ("choice", "flag"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
        ({"dropout": 1.0}, "--dropout"),
        ({"validation_split": 1.0}, "--validation-split"),
        ({"limit": 0}, "--limit"),
        ({"image_size": -1}, "--image-size"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_a_value_out_of_range_names_its_flag(choice: dict[str, object], flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(**choice)
    assert caught.value.where == flag


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'paper-cnn'"):
        find_recipe("papercnn")


def test_every_recipe_states_its_claim_evidence_and_source() -> None:
    import importlib

    for name in NAMES:
        text = importlib.import_module(f"toolkit.train.recipes.{name.replace('-', '_')}").__doc__ or ""
        for word in ("Claim:", "Evidence:", "Method:", "Source:"):
            assert word in text, (name, word)
