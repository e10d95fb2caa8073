"""Real trainings on small pictures, in this process."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from support import encoded, picture
from training import Lines, weights

from toolkit.errors import DataError, OutputError, TrainingError, UsageError
from toolkit.train import job
from toolkit.train.options import Optimizer, TrainOptions

pytestmark = pytest.mark.keras


def options(folder: Path, output: Path, **choices: object) -> TrainOptions:
    known: dict[str, object] = {"epochs": 2, "batch_size": 8, "seed": 3}
    return TrainOptions(data=str(folder), output=output, **{**known, **choices})  # type: ignore[arg-type]


def test_the_paper_network_has_122570_parameters_for_cifar_pictures() -> None:
    from toolkit.keras_model.tensorflow import import_keras
    from toolkit.train.recipes.paper_cnn import RECIPE

    import_keras("test")
    model = RECIPE.build((32, 32, 3), 10, RECIPE.defaults)
    assert model.count_params() == 122_570
    kernels = [
        (layer.kernel_size, layer.filters, layer.padding) for layer in model.layers if "conv" in layer.name
    ]
    assert kernels == [((3, 3), 32, "valid"), ((3, 3), 64, "valid"), ((3, 3), 64, "valid")]
    assert [layer.output.shape[1:] for layer in model.layers][-1] == (10,)


def test_three_classes_of_48_pixel_pictures_train_and_leave_a_whole_run_folder(
    shapes_folder: Path, tmp_path: Path
) -> None:
    seen = Lines()
    result = job.run(options(shapes_folder, tmp_path / "run", epochs=6, validation_split=0.2), seen)
    assert "Train samples: (60, 48, 48, 3) (60, 1)" in seen.lines
    assert "Test samples: (24, 48, 48, 3) (24, 1)" in seen.lines
    assert sum(line.startswith("Epoch ") for line in seen.lines) == 6
    assert result.test_accuracy is not None
    assert result.test_accuracy > 0.8
    assert {p.name for p in (tmp_path / "run").iterdir()} == {"model.keras", "history.csv", "run.json"}
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert all(0 <= float(row["val_accuracy"]) <= 1 for row in rows)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["classes"] == ["circle", "cross", "stripe"]
    assert record["test_accuracy"] == result.test_accuracy
    assert (record["finished"], record["epochs_done"]) == (True, 6)


@pytest.mark.parametrize("extra", [{}, {"dropout": 0.5, "augment": True, "optimizer": Optimizer.MOMENTUM}])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    shapes_folder: Path, tmp_path: Path, extra: dict[str, object]
) -> None:
    job.run(options(shapes_folder, tmp_path / "whole", epochs=3, **extra))
    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_folder, tmp_path / "parts", epochs=3, **extra), Lines(stop_after=1))
    seen = Lines()
    result = job.run(options(shapes_folder, tmp_path / "parts", epochs=3, resume=True, **extra), seen)
    assert "Resuming after epoch 1" in seen.lines
    assert [epoch.epoch for epoch in result.history] == [1, 2, 3]
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    shapes_folder: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        job.run(options(shapes_folder, tmp_path / name, epochs=1, limit=12, seed=seed))
    first, same, other = (weights(tmp_path / name) for name in "abc")
    for one, two in zip(first, same, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.allclose(first[0], other[0])


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_every_optimiser_trains_and_its_state_can_be_saved(
    shapes_folder: Path, tmp_path: Path, optimizer: Optimizer
) -> None:
    result = job.run(options(shapes_folder, tmp_path / "run", epochs=1, limit=12, optimizer=optimizer))
    assert np.isfinite(result.history[0].loss)


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_whole_epoch(
    shapes_folder: Path, tmp_path: Path
) -> None:
    job.run(options(shapes_folder, tmp_path / "run", epochs=1, limit=12))
    kept = (tmp_path / "run" / "model.keras").read_bytes()
    with pytest.raises(TrainingError, match="lower --learning-rate"):
        job.run(
            options(shapes_folder, tmp_path / "hot", optimizer=Optimizer.SGD, learning_rate=1e30, limit=12)
        )
    assert not (tmp_path / "hot" / "model.keras").exists()
    assert (tmp_path / "run" / "model.keras").read_bytes() == kept


def test_resuming_with_nothing_to_resume_simply_starts(shapes_folder: Path, tmp_path: Path) -> None:
    result = job.run(options(shapes_folder, tmp_path / "run", epochs=1, limit=12, resume=True))
    assert len(result.history) == 1


def test_resuming_with_other_options_is_refused(shapes_folder: Path, tmp_path: Path) -> None:
    job.run(options(shapes_folder, tmp_path / "run", epochs=1, limit=12))
    with pytest.raises(UsageError, match="another batch size"):
        job.run(options(shapes_folder, tmp_path / "run", epochs=2, limit=12, batch_size=4, resume=True))
    with pytest.raises(UsageError, match="contradicts --resume"):
        options(shapes_folder, tmp_path / "run", resume=True, force=True)


def test_a_run_folder_that_holds_something_is_refused_before_any_work(
    shapes_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="isn't empty"):
        job.run(options(shapes_folder, tmp_path / "run"))


def test_pictures_that_are_too_small_for_the_recipe_name_the_size_that_works(
    shapes_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--image-size 18 or more"):
        job.run(options(shapes_folder, tmp_path / "run", image_size=16))


def test_the_smallest_size_of_the_recipe_really_works(shapes_folder: Path, tmp_path: Path) -> None:
    result = job.run(options(shapes_folder, tmp_path / "run", epochs=1, limit=12, image_size=18))
    assert result.parameters > 0


def test_missing_data_is_an_error_about_data_and_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        job.run(options(tmp_path / "nothing", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_papers_recipe_computes_bit_for_bit_what_keras_own_loop_does(
    shapes_folder: Path, tmp_path: Path
) -> None:
    import keras
    import tensorflow as tf

    from toolkit.data.resolve import load_data
    from toolkit.train.fit import prepare
    from toolkit.train.recipes.paper_cnn import RECIPE
    from toolkit.train.views import epoch_order

    job.run(options(shapes_folder, tmp_path / "run", validation_split=0.0))
    train = load_data(str(shapes_folder)).split("train")
    prepare(tf, keras, 3)
    model = RECIPE.build((48, 48, 3), 3, RECIPE.defaults)  # type: ignore[misc]
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for epoch in range(2):
        order = epoch_order(len(train), 3, epoch)
        model.fit(train.images[order], train.labels[order], batch_size=8, shuffle=False, verbose=0)
    for expected, found in zip(model.get_weights(), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_class_is_nothing_to_learn(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "only"
    folder.mkdir(parents=True)
    for number in range(8):
        (folder / f"{number}.png").write_bytes(encoded(picture((number, 0, 0))))
    with pytest.raises(DataError, match="there is only one class, 'only', so that there is nothing to learn"):
        job.run(options(tmp_path / "data", tmp_path / "run"))
