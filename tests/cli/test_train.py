"""`toolkit train` and `toolkit tune` as a user runs them."""

import json
from pathlib import Path

import pytest
from support import CommandLine, error_line

from toolkit.cli.train import Curves
from toolkit.train.run_folder import Epoch, write_history

pytestmark = pytest.mark.keras

SHORT = ("--epochs", "1", "--limit", "24", "--image-size", "18")


def test_quiet_prints_the_test_accuracy_and_nothing_else(toolkit: CommandLine, shapes_folder: Path) -> None:
    done = toolkit("train", "--data", shapes_folder, "-o", "run", *SHORT, "-q")
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("Test accuracy: ")


def test_curves_are_drawn_in_the_terminal_on_request_and_as_a_picture_always(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    done = toolkit(
        "train",
        "paper-cnn",
        "--data",
        shapes_folder,
        "-o",
        "run",
        *SHORT,
        "--curves",
        "--set",
        "batch-size=8",
    )
    assert "loss, nats" in done.stdout
    assert "accuracy" in done.stdout
    assert "\x1b" not in done.stdout
    assert (tmp_path / "run" / "curves.png").stat().st_size > 0


def test_curves_are_drawn_while_a_run_goes_on_where_that_takes_a_hundredth_of_the_time(
    tmp_path: Path,
) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.25  # between the two looks at the clock around a drawing
        return now[0]

    rows = [
        Epoch(epoch=number, loss=1, accuracy=0.5, val_loss=None, val_accuracy=None, seconds=1)
        for number in (1, 2)
    ]
    write_history(tmp_path, rows)
    drawn, picture = Curves(tmp_path, clock), tmp_path / "curves.png"
    for seconds, there in ((99, False), (2, True), (20, False), (10, True)):
        picture.unlink(missing_ok=True)
        now[0] += seconds
        drawn.epoch_done(rows[-1])
        assert picture.is_file() == there, (seconds, now)


def test_a_failed_training_leaves_no_folder_and_one_line(toolkit: CommandLine, tmp_path: Path) -> None:
    assert "missing" in error_line(toolkit("train", "--data", "missing", "-o", "run", check=1))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_a_number_is_one_line(toolkit: CommandLine, shapes_folder: Path) -> None:
    options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--batch-size", "4")
    line = error_line(toolkit("train", "--data", shapes_folder, "-o", "run", *SHORT, *options, check=1))
    assert (
        line == "error: the loss is nan (epoch 1): lower --learning-rate; epochs that were finished are kept"
    )


def test_a_setting_that_does_not_exist_is_wrong_usage(toolkit: CommandLine, shapes_folder: Path) -> None:
    done = toolkit("train", "--data", shapes_folder, "-o", "run", "--set", "shedule=cosine", check=2)
    assert "did you mean 'schedule'" in error_line(done)


def test_the_recipes_are_listed_with_every_setting(toolkit: CommandLine) -> None:
    listed = {entry["name"]: entry for entry in json.loads(toolkit("train", "--list", "--json").stdout)}
    assert {"paper-cnn", "edge-s", "edge-m", "edge-l", "fine-tune"} <= set(listed)
    assert listed["edge-l"]["defaults"]["schedule"] == "triangular"
    assert "edge-m" in toolkit("train", "--list").stdout


def test_fine_tuning_from_a_shipped_model_needs_no_recipe(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    done = toolkit("train", "--data", shapes_folder, "-o", "run", "--from", "paper-cnn", "--epochs", "6")
    assert "Model: fine-tune from paper-cnn" in done.stdout
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"]["image_size"] == [32, 32]
    assert record["start"]["model"] == "paper-cnn"


def test_a_search_prints_its_trials_and_the_command_of_the_best(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    done = toolkit("tune", "paper-cnn", "--data", shapes_folder, "-o", "search", "--trials", "1", *SHORT)
    assert done.stderr.splitlines()[-1].startswith("next: toolkit train paper-cnn --data")
    assert (tmp_path / "search" / "trials.png").stat().st_size > 0
    line = error_line(toolkit("tune", "fine-tune", "--data", shapes_folder, "-o", "other", check=2))
    assert "add --from MODEL" in line


def test_a_search_of_which_no_trial_was_completed_fails(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    done = toolkit(
        "tune", "paper-cnn", "--data", shapes_folder, "-o", "search", "--trials", "1", *SHORT,
        "--set", "learning_rate=1e30", check=1,
    )  # fmt: skip
    assert "no trial was completed" in error_line(done)
    assert (tmp_path / "search" / "trials.csv").is_file()


def test_a_search_without_its_library_says_what_to_install(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'optuna' else find(name, *a)\n"
    )
    done = toolkit(
        "tune", "edge-s", "--data", shapes_folder, "-o", "search", check=1, env={"PYTHONPATH": str(tmp_path)}
    )
    assert "pip install '.[tune]' in the checkout" in error_line(done)
