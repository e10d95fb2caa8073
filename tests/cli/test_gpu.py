"""Commands on a real CUDA device; everywhere else these are skipped, with the reason."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import CommandLine, error_line

pytestmark = pytest.mark.gpu

MODEL = "edge-s"  # fp32
CUDA = "CUDAExecutionProvider"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """150 pictures, so that the last of three batches is short, and a broken one."""
    generator, root = np.random.default_rng(0), tmp_path / "pictures"
    root.mkdir()
    for number in range(150):
        coarse = generator.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((40, 32)).save(root / f"{number:03d}.jpg")
    (root / "broken.jpg").write_bytes(b"no picture")
    return root


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_classify_gives_the_rows_of_the_cpu(
    toolkit: CommandLine, folder: Path, tmp_path: Path, workers: str
) -> None:
    for device in ("cpu", "cuda"):
        done = toolkit(
            "classify", folder, "-m", MODEL, "--device", device, "--workers", workers, "-o", f"{device}.csv",
            "--json", check=3,
        )  # fmt: skip
        assert json.loads(done.stdout)["summary"]["device"] == ("cpu" if device == "cpu" else "cuda:0")
    cpu, cuda = rows(tmp_path / "cpu.csv"), rows(tmp_path / "cuda.csv")
    assert [(r["path"], r["status"], r["label"], r["error"]) for r in cpu] == [
        (r["path"], r["status"], r["label"], r["error"]) for r in cuda
    ]
    apart = [
        abs(float(a["probability"]) - float(b["probability"]))
        for a, b in zip(cpu, cuda, strict=True)
        if a["label"]
    ]
    assert len(apart) == 150
    assert max(apart) < 1e-3


@pytest.mark.parametrize(
    "extra",
    [
        (),
        ("--transfer", "bound-copies"),
        ("--transfer", "device-resident"),
        ("--transfer", "bound-copies", "--cuda-graph"),
        ("--transfer", "device-resident", "--cuda-graph"),
        ("--scenario", "offline", "--batch-size", "1,64"),
        ("--scenario", "server", "--rate", "200"),
        ("--scenario", "pipeline"),
    ],
    ids=" ".join,
)
def test_bench_measures_on_cuda_in_every_way(toolkit: CommandLine, extra: tuple[str, ...]) -> None:
    done = toolkit(
        "bench", MODEL, "--device", "cuda", "--duration", "0.3", "--runs", "2", *extra, "--json"
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["interrupted"] is False
    for result in document["results"]:
        assert result["provider"] == CUDA
        assert result["placement"][CUDA]["nodes"] > 0
        assert result["provider_options"]["use_tf32"] == "0"
    (gpu, *_) = document["machine"]["gpu"]
    assert gpu["name"]


def test_bench_compares_both_devices_in_turns(toolkit: CommandLine) -> None:
    done = toolkit(
        "bench", MODEL, "--device", "cpu", "--device", "cuda", "--duration", "0.3", "--runs", "2", "--report",
        "page.html", "--json",
    )  # fmt: skip
    assert [r["device"] for r in json.loads(done.stdout)["results"]] == ["cpu", "cuda:0"]


def test_verify_and_evaluate_run_on_cuda(toolkit: CommandLine, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    for label in ("cat", "ship"):
        (tmp_path / "data" / "test" / label).mkdir(parents=True)
        for number in range(5):
            coarse = generator.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(coarse).resize((32, 32)).save(
                tmp_path / "data" / "test" / label / f"{number}.png"
            )
    data = ("--data", "data", "--json")
    cpu, cuda = (
        json.loads(toolkit("evaluate", MODEL, *data, "--device", device).stdout) for device in ("cpu", "cuda")
    )
    assert cuda["accuracy"] == cpu["accuracy"]
    assert abs(cuda["loss"] - cpu["loss"]) < 1e-4
    same = json.loads(toolkit("verify", MODEL, MODEL, *data, "--device", "cuda", "--tolerance", 0).stdout)
    assert same["top1_agreement"] == 1


def test_a_device_that_is_not_there_is_one_line(toolkit: CommandLine, folder: Path) -> None:
    done = toolkit("classify", folder, "-m", MODEL, "--device", "cuda:99", check=1)
    assert "no such CUDA device" in error_line(done)


def test_a_device_that_is_hidden_is_told_from_a_driver_that_is_missing(
    toolkit: CommandLine, folder: Path
) -> None:
    done = toolkit(
        "classify", folder, "-m", MODEL, "--device", "cuda", check=1, env={"CUDA_VISIBLE_DEVICES": ""}
    )
    assert "shows this process no GPU" in error_line(done)


def test_doctor_starts_cuda(toolkit: CommandLine) -> None:
    findings = {f["check"]: f for f in json.loads(toolkit("doctor", "--json", check=None).stdout)["findings"]}
    assert findings["CUDA provider"]["finding"] == "starts, and computes a convolution rightly"
    assert findings["CUDA libraries"]["state"] == "ok"
