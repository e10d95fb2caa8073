"""What long runs need: averages, schedules, early stopping, uneven classes, growing pictures; all of it resumed."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import SHAPES
from training import Lines, options, weights

from toolkit.errors import TrainingError, UsageError
from toolkit.machine.cores import usable_cores
from toolkit.train import job
from toolkit.train.makes import Makes
from toolkit.train.recipe import Arithmetic, Flip, Recipe, Schedule

pytestmark = pytest.mark.keras

Tiny = Callable[..., Recipe]
LONG = {
    "epochs": 4,
    "schedule": Schedule.TRIANGULAR,
    "warmup": 0.25,
    "augment": True,
    "flip": Flip.ALTERNATING,
    "cutout": 0.25,
    "dropout": 0.2,
}


@pytest.mark.parametrize(
    ("stops", "extra"),
    [
        ((1, 2), {}),
        ((1,), {"averaging": 0.9, "mixup": 0.3, "arithmetic": Arithmetic.BFLOAT16, "whole_batches": True}),
        ((2,), {"averaging": 0.9, "small_size": 8, "small_share": 0.5, "cutmix": 1.0}),
        ((2,), {"patience": 3}),
    ],
    ids=["schedule", "average", "growing", "patience"],
)
def test_a_run_that_is_stopped_after_any_epoch_ends_with_the_weights_of_one_that_never_was(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, stops: tuple[int, ...], extra: dict[str, Any]
) -> None:
    tiny(**LONG, **extra)
    whole = job.run(options(shapes_file, tmp_path / "whole"))
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            job.run(options(shapes_file, tmp_path / "parts", resume=True), Lines(stop_after=stop))
    parts = job.run(options(shapes_file, tmp_path / "parts", resume=True))
    assert [row.loss for row in parts.history] == pytest.approx([row.loss for row in whole.history], rel=1e-5)
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_finished_run_holds_nothing_but_its_results_and_is_loaded_by_keras_alone(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    import keras

    tiny(**LONG, averaging=0.9)
    result = job.run(options(shapes_file, tmp_path / "run"))
    assert {p.name for p in (tmp_path / "run").iterdir()} == {"model.keras", "history.csv", "run.json"}
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.count_params() == result.parameters
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["finished"] is True
    assert record["cores"] == usable_cores()
    assert record["given"] == {"image_size": None, "class_weights": None}
    assert 0 <= record["input_wait_share"] < 1


def test_an_interrupted_run_says_that_it_is_not_finished(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(**LONG)
    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_file, tmp_path / "run"), Lines(stop_after=1))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["finished"], record["epochs_done"], record["settings"]["epochs"]) == (False, 1, 4)


def test_the_history_tells_the_learning_rate_of_each_epochs_last_step(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(**LONG, learning_rate=1.0)
    job.run(options(shapes_file, tmp_path / "run"))
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    found = [float(row["learning_rate"]) for row in rows]
    assert found[1:] == sorted(found[1:], reverse=True)
    assert found[-1] < 0.2


def test_other_epochs_are_refused_where_the_learning_rate_goes_by_them(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(**LONG)
    job.run(options(shapes_file, tmp_path / "run"))
    with pytest.raises(UsageError, match="another epochs: 4, not 9"):
        job.run(options(shapes_file, tmp_path / "run", epochs=9, resume=True))
    again = job.run(options(shapes_file, tmp_path / "run", resume=True))
    assert len(again.history) == 4


def test_a_run_without_progress_stops_and_keeps_its_best_epoch(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(epochs=30, learning_rate=1e-9)  # nothing is learnt: only the statistics move
    seen = Lines()
    result = job.run(options(shapes_file, tmp_path / "run", patience=3), seen)
    best = min(result.history, key=lambda row: row.val_loss or 0)
    assert result.kept_epoch == best.epoch
    assert len(result.history) == min(30, best.epoch + 3)
    assert any(f"kept epoch {best.epoch}" in line for line in seen.lines)
    rerun = job.run(options(shapes_file, tmp_path / "other", epochs=best.epoch, patience=30))
    assert rerun.history[-1].val_accuracy == best.val_accuracy
    for expected, found in zip(weights(tmp_path / "other"), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_stopping_early_needs_held_out_pictures(shapes_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="held-out"):
        job.run(options(shapes_file, tmp_path / "run", patience=3, validation_split=0.0))


@pytest.mark.parametrize("side", [20, 8], ids=["another number of weights", "too small"])
def test_a_network_that_cannot_begin_with_small_pictures_is_refused_before_anything_is_written(
    shapes_folder: Path, tmp_path: Path, side: int
) -> None:
    small = (f"small_size={side}", "small_share=0.5")
    with pytest.raises(UsageError, match=f"can't begin with pictures of {side}×{side} pixels") as caught:
        job.run(options(shapes_folder, tmp_path / "run", recipe="paper-cnn", overrides=small))
    assert caught.value.where == "setting small_size"
    assert not (tmp_path / "run").exists()


def test_small_pictures_keep_the_shape_of_the_large_ones(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    trainer = Makes.trainer
    monkeypatch.setattr(Makes, "trainer", lambda makes, shape: seen.append(shape) or trainer(makes, shape))
    arrays = {
        name: np.repeat(values, 2, axis=2) if name.startswith("x") else values
        for name, values in np.load(shapes_file).items()
    }
    np.savez(tmp_path / "wide.npz", **arrays)
    tiny(**LONG | {"epochs": 2}, small_size=8, small_share=0.5)
    job.run(options(tmp_path / "wide.npz", tmp_path / "run"))
    assert seen == [(8, 16), None]


@pytest.fixture
def uneven_file(shapes_file: Path, tmp_path: Path) -> Path:
    data = dict(np.load(shapes_file))
    kept = np.r_[0:24, 24:29, 48:72]
    np.savez(
        tmp_path / "uneven.npz",
        **{**data, "x_train": data["x_train"][kept], "y_train": data["y_train"][kept]},
    )
    return tmp_path / "uneven.npz"


@pytest.mark.parametrize(("wanted", "weighs"), [(None, True), (True, True), (False, False)])
def test_very_uneven_classes_are_weighed_unless_told_otherwise(
    tiny: Tiny, uneven_file: Path, tmp_path: Path, wanted: bool | None, weighs: bool
) -> None:
    tiny(epochs=1)
    seen = Lines()
    job.run(options(uneven_file, tmp_path / "run", class_weights=wanted), seen)
    told = any("--no-class-weights" in line for line in seen.lines)
    assert told == (wanted is None)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["class_weights"] == weighs


def test_even_classes_are_left_as_they_are(tiny: Tiny, shapes_file: Path, tmp_path: Path) -> None:
    tiny(epochs=1)
    job.run(options(shapes_file, tmp_path / "run"))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["class_weights"] is False


def test_a_loss_that_is_not_a_number_ends_the_run_with_one_sentence(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(learning_rate=1e30, averaging=0.9)
    with pytest.raises(TrainingError, match="lower --learning-rate"):
        job.run(options(shapes_file, tmp_path / "run"))
    assert not (tmp_path / "run" / "model.keras").exists()


def test_a_validation_loss_that_is_not_a_number_ends_the_run_as_well(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    def network(input_shape: tuple[int, int, int], classes: int, settings: Any) -> Any:
        """In training the statistics of the batch are used; those kept for use are no numbers."""
        pixels = keras.Input(input_shape)
        nothing = keras.initializers.Constant(float("nan"))
        x = keras.layers.BatchNormalization(moving_variance_initializer=nothing)(pixels)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(pixels, keras.layers.Dense(classes, "softmax")(x))

    recipe = replace(tiny(patience=3), build=network)
    monkeypatch.setattr("toolkit.train.job.find_recipe", lambda name: recipe)
    with pytest.raises(TrainingError) as caught:
        job.run(options(shapes_file, tmp_path / "run"))
    assert str(caught.value).startswith("val_loss is nan")
    assert caught.value.where == "epoch 1"
    assert not (tmp_path / "run" / "model.keras").exists()


def test_the_test_split_is_read_only_where_it_is_asked_for(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(epochs=1)
    assert job.run(options(shapes_file, tmp_path / "run", reads_test=False)).test_accuracy is None


def test_the_classes_of_the_shapes_are_learnt_from_views_of_them(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(**{**LONG, "epochs": 30, "dropout": 0.0}, averaging=0.9, label_smoothing=0.1)
    result = job.run(options(shapes_file, tmp_path / "run"))
    assert result.test_accuracy is not None
    assert result.test_accuracy > 1.5 / len(SHAPES)
