from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.train.options import Optimizer, TrainOptions
from toolkit.train.recipe import Flip, Schedule
from toolkit.train.recipes import NAMES, find_recipe
from toolkit.train.settings import LEARNING_RATES, TEACHER_WEIGHT, TEMPERATURE, settle


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
        ({"seed": 2**32}, "--seed"),
    ],
)
def test_a_value_out_of_range_names_its_flag(choice: dict[str, object], flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(**choice)
    assert caught.value.where == flag


def test_any_setting_is_chosen_by_its_name_and_keeps_its_type() -> None:
    texts = ("label-smoothing=0.2", "schedule=cosine", "views=3", "whole_batches=yes", "flip=none")
    settings = settle(options(overrides=texts), find_recipe("edge-l"))
    assert (settings.label_smoothing, settings.schedule) == (0.2, Schedule.COSINE)
    assert (settings.whole_batches, settings.flip) == (True, Flip.NONE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lable_smoothing=0.1", "did you mean 'label_smoothing'"),
        ("label_smoothing=much", "use a number"),
        ("views=1.5", "use a whole number"),
        ("whole_batches=perhaps", "use true or false"),
        ("schedule=sine", "use constant, triangular, cosine"),
        ("label_smoothing=1", "0 or more, below 1"),
        ("temperature=0", "a number above 0"),
        ("weight_decay=-1", "0 or more"),
        ("cutout=nan", "0 to 1"),
        ("head_epochs=2", "add --from MODEL"),
    ],
)
def test_a_setting_that_makes_no_sense_says_what_does(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settle(options(overrides=(text,)), find_recipe("edge-l"))


def test_a_recipe_made_for_a_teacher_is_trained_on_labels_alone_where_there_is_none() -> None:
    alone = settle(options(), find_recipe("edge-s"))
    taught = settle(options(teachers=("edge-l",)), find_recipe("edge-s"))
    assert (alone.teacher_weight, alone.views) == (0.0, 0)
    assert (taught.teacher_weight, taught.views) == (0.9, 15)


def test_any_recipe_can_have_a_teacher() -> None:
    settings = settle(options(teachers=("edge-l",)), find_recipe("paper-cnn"))
    assert (settings.teacher_weight, settings.temperature) == (TEACHER_WEIGHT, TEMPERATURE)


def test_a_trained_model_means_the_recipe_for_fine_tuning_unless_another_is_named() -> None:
    assert options().recipe_name == "paper-cnn"
    assert options(start_from="edge-l").recipe_name == "fine-tune"
    assert options(start_from="edge-l", recipe="edge-s").recipe_name == "edge-s"


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'paper-cnn'"):
        find_recipe("papercnn")


def test_every_recipe_states_its_claim_evidence_and_source() -> None:
    import importlib

    for name in NAMES:
        text = importlib.import_module(f"toolkit.train.recipes.{name.replace('-', '_')}").__doc__ or ""
        for word in ("Claim:", "Evidence:", "Method:", "Source:"):
            assert word in text, (name, word)


def test_a_setting_that_is_given_twice_and_differs_is_refused() -> None:
    with pytest.raises(UsageError, match="epochs is 1 here and 2 in --set"):
        settle(options(epochs=1, overrides=("epochs=2",)), find_recipe("paper-cnn"))
    assert settle(options(epochs=2, overrides=("epochs=2",)), find_recipe("paper-cnn")).epochs == 2
