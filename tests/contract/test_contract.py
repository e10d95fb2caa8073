"""Names, columns, keys and exit codes that scripts elsewhere rely on: changed never, added to at most."""

import csv
import json
from pathlib import Path

import onnx
import pytest
from support import CommandLine, error_line

OPTIONS = {
    "train": "--data -o --epochs --batch-size --optimizer --learning-rate --dropout --augment --no-augment"
    " --image-size --seed --validation-split --resume --limit --list",
    "evaluate": "--data --split -o --min-accuracy",
    "export": "-o --precision --calibration --calibration-samples --opset --batch --labels --verify --tolerance"
    " --min-agreement",
    "verify": "--data --tolerance --min-agreement",
    "classify": "-m -o --report --top-k --min-confidence --batch-size --workers --labels-from-folders --sort-into"
    " --resume --engine --ray-address --device --threads --normalize --labels --resize --provider-option",
    "bench": "--device --batch-size --threads --scenario --rate --duration --min-queries --warmup --runs"
    " --target-latency --percentile -o --report --baseline --max-regression",
    "inspect": "--json",
    "models": "--json",
    "doctor": "--json",
    "demo": "",
}
VALUES = {
    "--optimizer": "adam",
    "--precision": "fp32",
    "--scenario": "offline",
    "--engine": "local",
    "--split": "test",
    "--device": "cpu",
    "--batch": "dynamic",
    "--normalize": "unit",
    "--resize": "crop",
}
FLAGS = {"--augment", "--no-augment", "--resume", "--list", "--labels-from-folders", "--json"}


@pytest.mark.parametrize(
    ("command", "option"), [(command, option) for command, text in OPTIONS.items() for option in text.split()]
)
def test_every_option_of_the_contract_is_known(toolkit: CommandLine, command: str, option: str) -> None:
    arguments = [option] if option in FLAGS else [option, VALUES.get(option, "1")]
    done = toolkit(command, *arguments, "--help")
    assert "No such option" not in done.stderr
    assert done.stdout.startswith("Usage:")


def test_the_csv_has_its_columns_in_order_and_a_row_for_every_input(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    (colour_folder / "red" / "broken.png").write_text("no picture")
    again = colour_folder / "blue" / "00.png"
    done = toolkit(
        "classify",
        colour_folder,
        again,
        again,
        "missing.png",
        "-m",
        tiny_model,
        "--top-k",
        "2",
        "-o",
        "r.csv",
        check=3,
    )
    assert done.stdout == ""
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "status", "label", "probability", "label_2", "probability_2", "error"]
    names = [Path(row["path"]).name for row in rows]
    per_class = ["00.png", "01.png", "02.png", "03.png"]
    assert names == [*per_class * 3, "broken.png", "00.png", "00.png", "missing.png"]
    assert [row["status"] for row in rows] == ["ok"] * 12 + ["error", "ok", "ok", "error"]
    assert [row["label"] for row in rows[:12]] == ["blue"] * 4 + ["green"] * 4 + ["red"] * 4
    assert all(len(row["probability"].split(".")[1]) == 6 for row in rows if row["status"] == "ok")
    assert all(row["error"] and not row["label"] for row in rows if row["status"] == "error")


def test_jsonl_and_parquet_hold_the_same_records(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet

    for name in ("r.jsonl", "r.parquet"):
        toolkit("classify", colour_folder, "missing.png", "-m", tiny_model, "-o", name, check=3)
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(lines[0])[:4] == ["path", "status", "predictions", "error"]
    assert lines[0]["error"] is None
    assert list(lines[0]["predictions"][0]) == ["label", "probability"]
    assert (lines[-1]["status"], lines[-1]["predictions"]) == ("error", [])
    table = pyarrow.parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert [row["path"] for row in table] == [line["path"] for line in lines]
    assert [row["status"] for row in table] == [line["status"] for line in lines]
    assert [p["label"] for row in table for p in row["predictions"]] == [
        p["label"] for line in lines for p in line["predictions"]
    ]


def test_the_benchmark_record_has_its_keys(toolkit: CommandLine, tiny_model: Path, tmp_path: Path) -> None:
    toolkit("bench", tiny_model, "--device", "cpu", "--duration", "0.2", "--warmup", "0.05", "-o", "b.json")
    record = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert record["schema"] == 1
    assert record["machine"]
    (result,) = record["results"]
    keys = (
        "model device provider precision batch_size threads scenario queries latency_ms throughput throughput_ci95"
        " load_ms first_inference_ms peak_rss_mb size_bytes warnings"
    )
    assert set(keys.split()) <= set(result)
    percentiles = "min p50 p90 p95 p99 p99.9 max mean std p50_ci95"
    assert set(percentiles.split()) <= set(result["latency_ms"])
    assert (result["device"], result["provider"], result["batch_size"]) == ("cpu", "CPUExecutionProvider", 1)


def test_the_shipped_model_is_in_the_promised_form() -> None:
    from toolkit.models.catalog import shipped_models

    for path in shipped_models().values():
        model = onnx.load(path)
        (image,) = model.graph.input
        (probabilities,) = model.graph.output
        assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
        assert (probabilities.name, probabilities.type.tensor_type.elem_type) == (
            "probabilities",
            onnx.TensorProto.FLOAT,
        )
        keys = "labels input_size recipe accuracy data toolkit_version source_sha256 precision"
        props = {entry.key: entry.value for entry in model.metadata_props}
        assert set(keys.split()) <= set(props)
        extents = [d.dim_value for d in image.type.tensor_type.shape.dim]
        assert extents[1:3] == json.loads(props["input_size"])
        assert probabilities.type.tensor_type.shape.dim[1].dim_value == len(json.loads(props["labels"]))


@pytest.mark.parametrize("what", ["folder", "list"])
def test_a_folder_or_list_without_a_picture_is_an_error(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path, what: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("")
    path = "empty" if what == "folder" else "empty.txt"
    assert path in error_line(toolkit("classify", path, "-m", tiny_model, check=1))


def test_an_existing_output_is_refused_unless_forced(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.csv").write_text("precious")
    arguments = ("classify", colour_folder, "-m", tiny_model, "-o", "r.csv")
    assert "exists already" in error_line(toolkit(*arguments, check=1))
    assert (tmp_path / "r.csv").read_text() == "precious"
    toolkit(*arguments, "--force")
    assert (tmp_path / "r.csv").read_text().startswith("path,status")
