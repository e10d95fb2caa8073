"""`--skip-broken`: the run goes on, what was left out is named, and the exit code says so."""

import json
import shutil
from pathlib import Path

import onnx
import pytest
from support import CommandLine, colour_model, error_line

LEFT_OUT = "1 broken picture was left out:"


@pytest.fixture
def broken(colour_folder: Path) -> Path:
    """train/ and test/ of the colours, with a broken picture in each."""
    root = colour_folder.with_name("broken")
    for split in ("train", "test"):
        shutil.copytree(colour_folder, root / split)
        (root / split / "red" / f"{split}.png").write_bytes(b"not a picture")
    return root


def test_verify_compares_the_others_and_ends_with_3(
    toolkit: CommandLine, tiny_model: Path, broken: Path
) -> None:
    arguments = ("verify", tiny_model, tiny_model, "--data", broken)
    assert "test.png" in error_line(toolkit(*arguments, check=1))
    done = toolkit(*arguments, "--skip-broken", "-q", check=3)
    heading, picture = done.stdout.splitlines()[-2:]
    assert heading == LEFT_OUT
    assert picture.startswith("  test/red/test.png: ")
    assert done.stderr == ""


def test_a_missed_gate_of_verify_stays_4_and_the_pictures_are_named(
    toolkit: CommandLine, tiny_model: Path, broken: Path, tmp_path: Path
) -> None:
    onnx.save(colour_model(labels=("green", "red", "blue")), tmp_path / "other.onnx")
    arguments = ("verify", tiny_model, "other.onnx", "--data", broken, "--skip-broken")
    done = toolkit(*arguments, "--min-agreement", "1", check=4)
    assert "gate not met: " in done.stderr
    assert LEFT_OUT in done.stdout
    toolkit(*arguments, "--min-agreement", "0", check=3)


def test_export_writes_the_file_and_ends_with_3(
    toolkit: CommandLine, tiny_model: Path, broken: Path, tmp_path: Path
) -> None:
    arguments = ("export", tiny_model, "--verify", broken, "--skip-broken")
    done = toolkit(*arguments, "-o", "out.onnx", "-q", check=3)
    heading, picture = done.stdout.splitlines()[-2:]
    assert heading == LEFT_OUT
    assert picture.startswith(f"  {broken}/test/red/test.png: ")
    assert (tmp_path / "out.onnx").is_file()


def test_broken_pictures_of_calibration_and_verification_are_named_once(
    toolkit: CommandLine, tiny_model: Path, broken: Path
) -> None:
    data = ("--calibration", broken, "--verify", broken)
    arguments = ("export", tiny_model, "-o", "half.onnx", "--precision", "fp16", *data, "--skip-broken")
    found = json.loads(toolkit(*arguments, "--json", check=3).stdout)
    wanted = [str(broken / split / "red" / f"{split}.png") for split in ("test", "train")]
    assert [each["path"] for each in found["skipped"]] == wanted
    shutil.rmtree(broken / "train")  # now both read the same pictures
    found = json.loads(toolkit(*arguments, "--json", "--force", check=3).stdout)
    assert [each["path"] for each in found["skipped"]] == wanted[:1]


def test_without_broken_pictures_the_option_changes_nothing(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    data = (colour_folder, "--skip-broken")
    assert "left out" not in toolkit("verify", tiny_model, tiny_model, "--data", *data).stdout
    assert "left out" not in toolkit("export", tiny_model, "-o", "out.onnx", "--verify", *data).stdout


@pytest.mark.keras
def test_a_training_ends_with_3_names_them_and_remembers_them(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(shapes_folder, data)
    (data / "train" / "cross" / "bad.jpg").write_text("not a picture")
    (data / "test" / "cross" / "worse.jpg").write_text("not a picture")
    arguments = ("train", "--data", data, "-o", "run", "--image-size", "18")
    line = error_line(toolkit(*arguments, "--epochs", "1", check=1))
    assert "bad.jpg" in line
    assert "--skip-broken" in line
    told = toolkit(*arguments, "--epochs", "1", "--skip-broken", "-q", check=3)
    assert told.stdout.splitlines()[0].startswith("Test accuracy: ")
    assert "2 broken pictures were left out:" in told.stdout
    assert "  test/cross/worse.jpg: " in told.stdout
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["skip_broken"] is True
    assert [each["path"] for each in record["skipped"]] == ["train/cross/bad.jpg", "test/cross/worse.jpg"]

    for key in ("skip_broken", "skipped"):  # a run from before these were written down
        del record[key]
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    done = toolkit(*arguments, "--epochs", "2", "--skip-broken", "--resume", "--json", check=3)
    assert "Resuming after epoch 1" in done.stderr
    assert [each["path"] for each in json.loads(done.stdout)["skipped"]] == [
        "train/cross/bad.jpg",
        "test/cross/worse.jpg",
    ]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["skip_broken"] is True


@pytest.mark.keras
def test_a_search_ends_with_3_and_its_command_leaves_them_out_too(
    toolkit: CommandLine, shapes_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    data = tmp_path / "data"
    shutil.copytree(shapes_folder, data)
    (data / "train" / "cross" / "bad.jpg").write_text("not a picture")
    short = ("--trials", "1", "--epochs", "1", "--image-size", "18")
    done = toolkit("tune", "paper-cnn", "--data", data, "-o", "search", *short, "--skip-broken", check=3)
    assert "  train/cross/bad.jpg: " in done.stdout
    assert "--skip-broken" in done.stderr.splitlines()[-1]


def test_a_missed_gate_of_evaluate_stays_4(toolkit: CommandLine, tiny_model: Path, broken: Path) -> None:
    arguments = ("evaluate", tiny_model, "--data", broken, "--split", "train", "--skip-broken")
    toolkit(*arguments, check=3)
    # Two classes change places, so that the pictures of each are taken for the other.
    shutil.move(broken / "train" / "red", broken / "train" / "grey")
    shutil.move(broken / "train" / "blue", broken / "train" / "red")
    shutil.move(broken / "train" / "grey", broken / "train" / "blue")
    done = toolkit(*arguments, "--min-accuracy", "0.9", check=4)
    assert "gate not met: " in done.stderr
