"""`toolkit export` through the real command: what it says of a file, and `toolkit inspect` of it afterwards."""

import json
from pathlib import Path

import onnx
import pytest
from support import CommandLine, colour_model, error_line


def test_the_agreement_is_told_whole_and_again_by_inspect(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    shown = toolkit("export", tiny_model, "-o", "out.onnx").stdout.splitlines()
    rows = {line.strip()[:20].rstrip(): line.strip()[21:] for line in shown if line.startswith("  ")}
    assert shown[0].startswith("verified on 96 pictures (generated")
    assert {"largest difference", "mean difference"} < rows.keys()
    assert rows["top-1 agreement"] == "1.0000"
    assert rows["batch sizes"] == "1, 2, 7, 64"
    document = json.loads(toolkit("export", tiny_model, "-o", "out2.onnx", "--json").stdout)
    assert document["agreement"]["batch_sizes"] == [1, 2, 7, 64]
    inspected = toolkit("inspect", "out.onnx").stdout.splitlines()
    (certificate,) = [line for line in inspected if line.startswith("verified ")]
    for what, value in rows.items():
        assert f"{what} {value}" in certificate
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "out.onnx").metadata_props}
    assert json.loads(metadata["verified"])["batch_sizes"] == [1, 2, 7, 64]


def test_the_resize_that_the_model_is_fed_by_is_written_down(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    toolkit("export", tiny_model, "-o", "out.onnx")
    shown = [line.split() for line in toolkit("inspect", "out.onnx").stdout.splitlines()]
    assert ["resize_filter", "bilinear"] in shown
    assert ["resize_antialias", "true"] in shown


def test_a_fixed_batch_size_is_the_only_one_that_was_tried(toolkit: CommandLine, tmp_path: Path) -> None:
    onnx.save(colour_model(batch=4), tmp_path / "four.onnx")
    document = json.loads(toolkit("export", "four.onnx", "-o", "out.onnx", "--json").stdout)
    assert document["agreement"]["batch_sizes"] == [4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--normalize", "mean=125,123,114,std=63,62,67"], "mean 125 is out of range (--normalize)"),
        (["--normalize", "cifar"], "'cifar' is not a choice (--normalize)"),
        (["--calibration-samples", "2"], "2 is out of range (--calibration-samples): use 3 or more"),
        (["--limit", "5"], "it limits the pictures of --verify, which isn't given (--limit): leave it out"),
    ],
)
def test_what_is_wrong_is_one_line(
    toolkit: CommandLine, tmp_path: Path, arguments: list[str], words: str
) -> None:
    model = colour_model()
    del model.metadata_props[:]
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    onnx.save(model, tmp_path / "foreign.onnx")
    line = error_line(toolkit("export", "foreign.onnx", "-o", "out.onnx", *arguments, check=2))
    assert line.startswith(f"error: {words}")
