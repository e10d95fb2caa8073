"""The whole path through the real command line: train, resume, evaluate, export, verify, classify, bench."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import SHAPES, CommandLine, error_line

pytestmark = pytest.mark.keras

TRAIN = ("--epochs", "4", "--batch-size", "8", "--seed", "1", "--data-name", "Shapes")


@pytest.fixture(scope="module")
def run_folder(shapes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "train", "--data", str(shapes_folder), "-o", str(folder), *TRAIN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout, encoding="utf-8")
    (folder / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def exported(run_folder: Path) -> Path:
    output = run_folder.parent / "shapes.onnx"
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "export", str(run_folder), "-o", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


def test_train_prints_shapes_then_a_line_per_epoch_then_the_test_accuracy(run_folder: Path) -> None:
    lines = (run_folder / "stdout.txt").read_text(encoding="utf-8").splitlines()
    wanted = ["Train samples: (60, 48, 48, 3) (60, 1)", "Test samples: (24, 48, 48, 3) (24, 1)"]
    assert [line for line in lines if "samples:" in line] == wanted
    assert [line[:9] for line in lines if line.startswith("Epoch ")] == [f"Epoch {i}/4" for i in range(1, 5)]
    assert any(
        line.startswith("Test accuracy: ") and "Shapes, test split, 24 pictures" in line for line in lines
    )
    errors = (run_folder / "stderr.txt").read_text(encoding="utf-8")
    assert errors.splitlines()[-1].startswith("next: toolkit export")
    assert "absl" not in errors


def test_a_run_folder_holds_what_the_contract_names(run_folder: Path) -> None:
    for name in ("model.keras", "history.csv", "curves.png", "run.json"):
        assert (run_folder / name).stat().st_size > 0
    with (run_folder / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:6] == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert rows[0][6:] == ["learning_rate"]
    assert len(rows) == 5
    record = json.loads((run_folder / "run.json").read_text(encoding="utf-8"))
    assert record["classes"] == list(SHAPES)
    assert {"recipe", "settings", "versions", "data_digest", "seed", "duration_s"} <= set(record)


def test_export_verify_evaluate_classify_and_bench_run_on_the_result(
    toolkit: CommandLine, run_folder: Path, exported: Path, shapes_folder: Path
) -> None:
    done = toolkit("verify", run_folder, exported, "--data", shapes_folder, "--tolerance", "1e-5", "--json")
    compared = json.loads(done.stdout)
    assert (compared["pictures"], compared["missed"]) == (24, [])
    accuracies = [
        json.loads(toolkit("evaluate", model, "--data", shapes_folder, "--json").stdout)["accuracy"]
        for model in (run_folder, exported)
    ]
    assert accuracies[0] == accuracies[1] == compared["accuracy"]
    rows = list(csv.DictReader(_classified(toolkit, exported, shapes_folder).splitlines()))
    assert len(rows) == 24
    right = sum(Path(row["path"]).parent.name == row["label"] for row in rows)
    assert right / 24 == pytest.approx(accuracies[0])
    bench = json.loads(toolkit("bench", exported, "--duration", "0.2", "--warmup", "0.05", "--json").stdout)
    assert bench["results"][0]["latency_ms"]["p50"] > 0


def _classified(toolkit: CommandLine, model: Path, data: Path) -> str:
    output = model.parent / "rows.csv"
    toolkit("classify", data / "test", "-m", model, "-o", output, "--force")
    return output.read_text(encoding="utf-8")


def test_inspect_shows_the_same_layers_of_both_forms(
    toolkit: CommandLine, run_folder: Path, exported: Path
) -> None:
    keras = json.loads(toolkit("inspect", run_folder, "--json").stdout)
    onnx = json.loads(toolkit("inspect", exported, "--json").stdout)
    assert keras["parameters"] == onnx["parameters"]
    # The export leaves out pixels that no layer's output depends on.
    assert 0.8 * keras["macs"] < onnx["macs"] <= keras["macs"]


def test_a_gate_that_is_missed_ends_with_4_and_says_by_how_much(
    toolkit: CommandLine, run_folder: Path, exported: Path, shapes_folder: Path
) -> None:
    done = toolkit(
        "verify", run_folder, exported, "--data", shapes_folder, "--tolerance", "0", "--limit", "3", check=4
    )
    assert "gate not met: the largest difference" in done.stderr
    done = toolkit("export", run_folder, "-o", "strict.onnx", "--tolerance", "0", check=4)
    assert "gate not met" in done.stderr
    assert "not written: strict.onnx" in done.stdout


def test_an_export_never_replaces_a_file_unasked(
    toolkit: CommandLine, run_folder: Path, exported: Path
) -> None:
    before = exported.read_bytes()
    assert "exists already" in error_line(toolkit("export", run_folder, "-o", exported, check=1))
    assert exported.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_export_to_a_full_disk_is_one_line(toolkit: CommandLine, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "full.onnx").symlink_to("/dev/full")
    done = toolkit("export", run_folder, "-o", "full.onnx", check=1)
    assert "no space left on the disk" in error_line(done)


def test_a_run_killed_in_the_middle_goes_on_after_its_last_whole_epoch(
    toolkit: CommandLine, run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "toolkit",
        "train",
        "--data",
        str(shapes_folder),
        "-o",
        str(tmp_path / "run"),
    ]
    process = subprocess.Popen(
        [*command, *TRAIN, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Epoch 2/"):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait(timeout=30)
    assert any("nothing to resume in" in line for line in lines)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["finished"] is False
    done = toolkit("train", "--data", shapes_folder, "-o", tmp_path / "run", *TRAIN, "--resume")
    assert "Resuming after epoch" in done.stdout
    first, second = (
        list(csv.DictReader((folder / "history.csv").read_text().splitlines()))[-1]
        for folder in (run_folder, tmp_path / "run")
    )
    for row in (first, second):
        del row["seconds"]  # may be any
    assert [float(x) for x in second.values()] == pytest.approx(list(map(float, first.values())), rel=1e-4)


def test_a_finished_run_goes_on_with_more_epochs(
    toolkit: CommandLine, run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    done = toolkit("train", "--data", shapes_folder, *TRAIN, "--resume", "-o", "run", "--epochs", "5")
    assert "Resuming after epoch 4" in done.stdout
    assert "Test accuracy: " in done.stdout


def test_ctrl_c_in_a_training_keeps_the_last_whole_epoch(shapes_folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "toolkit",
        "train",
        "--data",
        str(shapes_folder),
        "-o",
        str(tmp_path / "run"),
    ]
    process = subprocess.Popen(
        [*command, "--epochs", "500"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Epoch "):
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert (tmp_path / "run" / "model.keras").is_file()
