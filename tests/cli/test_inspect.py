import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from terminal import shown_on_a_terminal

CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pooled(tmp_path: Path) -> Path:
    """A small network whose pooling drops a row and a column: 9×9 → Conv 3×3 → 7×7 → pool → 3×3 → 2."""
    weights = [
        numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w"),
        numpy_helper.from_array(np.ones((36, 2), np.float32), "dense_w"),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], "scope/conv"),
        helper.make_node("MaxPool", ["a"], ["b"], "scope/pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["b"], ["c"], "scope/flat"),
        helper.make_node("MatMul", ["c", "dense_w"], ["scores"], "scope/inner/deep/dense"),
    ]
    graph = helper.make_graph(
        nodes,
        "pooled",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 9, 9])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 2])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"labels": '["cat", "dog"]', "long": "x" * 500})
    onnx.save(model, tmp_path / "pooled.onnx")
    return tmp_path / "pooled.onnx"


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


def test_the_page_shows_tensors_totals_layers_and_what_is_dropped(toolkit: CommandLine, pooled: Path) -> None:
    done = toolkit("inspect", pooled)
    assert done.stderr == ""
    head, table, *rest = done.stdout.split("\n\n")
    facts = dict(line.split(maxsplit=1) for line in head.splitlines())
    assert facts["format"] == "ONNX, opset 17, IR version 8"
    assert facts["input"] == "image  float32 [batch, 3, 9, 9]"
    assert facts["output"] == "scores  float32 [batch, 2]"
    assert facts["parameters"] == "180"
    assert facts["MACs"] == "5,364 for one picture"
    assert facts["labels"] == "cat, dog"
    assert facts["long"] == "x" * 500
    assert [line.split() for line in table.splitlines()[2:]] == [
        ["conv", "Conv", "N×4×7×7", "108", "5,292"],
        ["pool", "MaxPool", "[1]", "N×4×3×3"],
        ["flat", "Flatten", "N×36"],
        ["inner/deep/dense", "MatMul", "N×2", "72", "72"],
    ]
    assert rest[0] == "[1] drops 1 row and 1 column at the border"
    assert "(H + 2P − F)/S + 1" in rest[1]
    assert max(len(line) for line in (*table.splitlines(), *rest[1].splitlines())) <= 80


def test_on_a_terminal_long_names_and_values_are_shortened(pooled: Path) -> None:
    shown = shown_on_a_terminal([sys.executable, "-m", "toolkit", "inspect", str(pooled)], 80)
    head, table, *_ = shown.replace("\r\n", "\n").split("\n\n")
    facts = dict(line.split(maxsplit=1) for line in head.splitlines())
    assert facts["long"] == "x" * 120 + "… (--json shows all of it)"
    assert table.splitlines()[-1].split() == ["inner/…/dense", "MatMul", "N×2", "72", "72"]


def test_what_the_graph_tells_is_not_told_again_from_the_metadata(toolkit: CommandLine, pooled: Path) -> None:
    model = onnx.load(pooled)
    for key in ("parameters", "macs"):
        model.metadata_props.add(key=key, value="17")
    onnx.save(model, pooled)
    head = toolkit("inspect", pooled).stdout.split("\n\n")[0].splitlines()
    (line,) = [line for line in head if line.startswith("parameters")]
    assert line.split(maxsplit=1)[1] == "180; 17 in the model it was made from"
    assert not any(line.startswith("macs") for line in head)
    assert json.loads(toolkit("inspect", pooled, "--json").stdout)["metadata"]["parameters"] == "17"


@pytest.mark.parametrize(
    ("verified", "told"),
    [
        ('{"pictures": 1, "on": "x", "top1_agreement": 1.0}', "1 picture, x: top-1 agreement 1.0000"),
        ('{"pictures": null, "on": "x", "small_margin": []}', "pictures, x:"),
        ('{"pictures": "y"}', "pictures, :"),
    ],
)
def test_a_certificate_is_shown_as_far_as_it_can_be_read(
    toolkit: CommandLine, pooled: Path, verified: str, told: str
) -> None:
    model = onnx.load(pooled)
    model.metadata_props.add(key="verified", value=verified)
    onnx.save(model, pooled)
    (line,) = [row for row in toolkit("inspect", pooled).stdout.splitlines() if row.startswith("verified")]
    assert line.split(maxsplit=1)[1].strip() == told


def test_json_has_every_field(toolkit: CommandLine, pooled: Path) -> None:
    document = json.loads(toolkit("inspect", pooled, "--json").stdout)
    assert document == {
        "path": str(pooled),
        "format": "onnx",
        "size_bytes": pooled.stat().st_size,
        "opset": 17,
        "ir_version": 8,
        "inputs": [{"name": "image", "dtype": "float32", "shape": ["batch", 3, 9, 9]}],
        "outputs": [{"name": "scores", "dtype": "float32", "shape": ["batch", 2]}],
        "metadata": {"labels": '["cat", "dog"]', "long": "x" * 500},
        "parameters": 180,
        "macs": 5364,
        "layers": [
            layer("scope/conv", "Conv", [None, 4, 7, 7], 108, 5292),
            layer("scope/pool", "MaxPool", [None, 4, 3, 3], note="drops 1 row and 1 column at the border"),
            layer("scope/flat", "Flatten", [None, 36]),
            layer("scope/inner/deep/dense", "MatMul", [None, 2], 72, 72),
        ],
    }


def layer(
    name: str, operator: str, shape: list[int | None], parameters: int = 0, macs: int = 0, note: str = ""
) -> dict[str, object]:
    return {
        "name": name,
        "operator": operator,
        "output_shape": shape,
        "parameters": parameters,
        "macs": macs,
        "note": note,
    }


def test_a_model_that_drops_nothing_gets_no_lecture(toolkit: CommandLine, tiny_model: Path) -> None:
    assert "(H + 2P" not in toolkit("inspect", tiny_model).stdout


def test_control_characters_in_a_file_do_not_reach_the_terminal(toolkit: CommandLine, pooled: Path) -> None:
    model = onnx.load(pooled)
    model.metadata_props.add(key="evil\x1b[2J", value="\x1b[31mred")
    model.graph.node[0].name = "bell\x07"
    onnx.save(model, pooled)
    shown = toolkit("inspect", pooled).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert r"evil\x1b[2J" in shown


def test_a_missing_file_a_shortened_one_and_a_text_are_one_line_each(
    toolkit: CommandLine, pooled: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.onnx").write_bytes(pooled.read_bytes()[:300])
    (tmp_path / "text.onnx").write_text("not a model")
    words = "it is cut short, damaged, or another format"
    assert error_of(toolkit("inspect", "none.onnx", check=1)).startswith("error: no such model file")
    assert f"(300 bytes): {words} (" in error_of(toolkit("inspect", tmp_path / "cut.onnx", check=1))
    assert f"(11 bytes): {words} (" in error_of(toolkit("inspect", tmp_path / "text.onnx", check=1))


def test_a_missing_argument_is_bad_usage(toolkit: CommandLine) -> None:
    assert "MODEL" in error_of(toolkit("inspect", check=2))


def test_metadata_that_is_no_number_and_no_json_is_shown_as_it_is(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    model = onnx.load(tiny_model)
    for key, value in (("parameters", "9" * 5000), ("deep", "[" * 100_000)):
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, tmp_path / "odd.onnx")
    shown = toolkit("inspect", tmp_path / "odd.onnx").stdout
    assert "[" * 100_000 in shown
