"""ONNX files that are exported again: names, precision, metadata and opset."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import CommandLine, colour_model, encoded, error_line

from toolkit.errors import OutputError, UsageError
from toolkit.export import job
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.models.open import open_model

SIDE = 32


def convolutions(*, opset: int = 17, output: str = "scores") -> onnx.ModelProto:
    """A foreign NCHW network whose first convolution pads: float32 [N, 3, 32, 32] -> 5 scores."""
    generator = np.random.default_rng(0)

    def constant(name: str, *shape: int, size: float = 0.3) -> onnx.TensorProto:
        return numpy_helper.from_array(generator.normal(0, size, shape).astype(np.float32), name)

    def conv(name: str, source: str, result: str, **more: object) -> onnx.NodeProto:
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return helper.make_node("Conv", inputs, [result], name=f"/{name}/Conv", pads=[1, 1, 1, 1], **more)

    nodes = [
        conv("conv1", "input", "one"),
        helper.make_node("Relu", ["one"], ["one_active"]),
        conv("conv2", "one_active", "two", strides=[2, 2]),
        helper.make_node("Relu", ["two"], ["two_active"]),
        helper.make_node("Flatten", ["two_active"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc.weight"], [output], name=output),
    ]
    constants = [
        constant("conv1.weight", 16, 3, 3, 3),
        constant("conv1.bias", 16),
        constant("conv2.weight", 32, 16, 3, 3),
        constant("conv2.bias", 32),
        constant("fc.weight", 32 * 16 * 16, 5, size=0.03),
    ]
    graph = helper.make_graph(
        nodes,
        "elsewhere",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 5])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An .npz file with pictures of noise and classes 0 to 4."""
    generator = np.random.default_rng(1)
    arrays = {}
    for split, count in (("train", 40), ("test", 10)):
        arrays[f"x_{split}"] = generator.integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
        arrays[f"y_{split}"] = np.arange(count) % 5
    np.savez(tmp_path / "pictures.npz", **arrays)
    return tmp_path / "pictures.npz"


def probabilities(path: Path, **choices: str) -> np.ndarray:
    return open_model(str(path), device="cpu", **choices).probabilities(generated_pictures(SIDE, SIDE))


def again(source: Path, **choices: object) -> Path:
    output = source.with_name(f"{source.stem}_again.onnx")
    job.run(ExportOptions(model=str(source), output=output, **choices))  # type: ignore[arg-type]
    return output


@pytest.mark.parametrize("output", ["scores", "probabilities", "image", "a__b"])
def test_a_file_made_from_a_foreign_one_can_be_exported_again_and_again(tmp_path: Path, output: str) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    onnx.save(convolutions(output=output), tmp_path / "foreign.onnx")
    first = again(tmp_path / "foreign.onnx", normalize="imagenet", labels_file=tmp_path / "labels.txt")
    second = again(first)
    third = again(second)
    expected = probabilities(tmp_path / "foreign.onnx", normalize="imagenet")
    np.testing.assert_allclose(probabilities(third), expected, atol=1e-5)
    assert open_model(str(third), device="cpu").labels == ("a", "b", "c", "d", "e")
    second_graph, third_graph = (onnx.load(path).graph for path in (second, third))
    assert len(third_graph.node) == len(second_graph.node)  # nothing piles up
    assert "/conv2/Conv" in {node.name for node in third_graph.node}


def test_an_int8_file_comes_out_as_int8_with_what_it_says_of_itself(tmp_path: Path, pictures: Path) -> None:
    onnx.save(convolutions(output="probabilities"), tmp_path / "foreign.onnx")
    int8 = {"precision": Precision.INT8, "calibration": str(pictures), "min_agreement": 0.0}
    first = again(tmp_path / "foreign.onnx", normalize="imagenet", **int8)
    before, after = (open_model(str(path), device="cpu") for path in (first, again(first)))
    np.testing.assert_array_equal(*(m.probabilities(generated_pictures(SIDE, SIDE)) for m in (before, after)))
    assert before.card.precision == after.card.precision == "int8"
    for key in ("quantization", "weight_bits", "normalization"):
        assert after.card.extra[key] == before.card.extra[key]
    known = ExportOptions(model=str(first), output=tmp_path / "third.onnx", calibration=str(pictures),
                          precision=Precision.INT8)  # fmt: skip
    for precision in (Precision.INT8, Precision.FP16, Precision.AUTO):
        with pytest.raises(UsageError, match="is in int8 already"):
            job.run(replace(known, precision=precision))
    assert not (tmp_path / "third.onnx").exists()


def test_a_float_file_of_ours_can_become_int8_and_its_layers_keep_their_names(
    tmp_path: Path, pictures: Path
) -> None:
    onnx.save(convolutions(), tmp_path / "foreign.onnx")
    first = again(tmp_path / "foreign.onnx", normalize="imagenet")
    third = again(again(first), precision=Precision.INT8, calibration=str(pictures), min_agreement=0.0)
    names = {node.name for node in onnx.load(third).graph.node if node.op_type in ("Conv", "Gemm")}
    assert {"/conv1/Conv", "/conv2/Conv"} <= names


def test_a_half_precision_file_stays_one(tmp_path: Path, pictures: Path) -> None:
    onnx.save(convolutions(), tmp_path / "foreign.onnx")
    first = again(tmp_path / "foreign.onnx", normalize="unit", precision=Precision.FP16)
    second = again(first)
    assert open_model(str(second), device="cpu").card.precision == "fp16"
    with pytest.raises(UsageError, match="is in fp16 already"):
        again(second, precision=Precision.INT8, calibration=str(pictures))


def test_a_branch_still_finds_the_values_around_it(tmp_path: Path) -> None:
    """Both branches of an If use a constant and a value from outside, under names that are made here, too."""
    model = convolutions(output="image")
    graph = model.graph
    graph.output[0].name = "chosen__bias"

    def branch(name: str) -> onnx.GraphProto:
        node = helper.make_node("Add", ["image", "offset__by"], [f"{name}__sum"])
        value = helper.make_tensor_value_info(f"{name}__sum", TensorProto.FLOAT, ["N", 5])
        return helper.make_graph([node], name, [], [value])

    graph.initializer.append(numpy_helper.from_array(np.array(True), "always__"))
    graph.initializer.append(numpy_helper.from_array(np.arange(5, dtype=np.float32), "offset__by"))
    branches = {"then_branch": branch("yes"), "else_branch": branch("no")}
    graph.node.append(helper.make_node("If", ["always__"], ["chosen__bias"], **branches))
    onnx.save(model, tmp_path / "foreign.onnx")
    found = probabilities(again(again(tmp_path / "foreign.onnx", normalize="unit")))
    expected = probabilities(tmp_path / "foreign.onnx", normalize="unit")
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("own", "wanted"), [(13, 17), (17, 18), (18, 14)])
def test_another_opset_is_written_where_onnx_can_convert_to_it(tmp_path: Path, own: int, wanted: int) -> None:
    onnx.save(convolutions(opset=own), tmp_path / "foreign.onnx")
    written = again(tmp_path / "foreign.onnx", normalize="unit", opset=wanted)
    assert [entry.version for entry in onnx.load(written).opset_import] == [wanted]
    expected = probabilities(tmp_path / "foreign.onnx", normalize="unit")
    np.testing.assert_allclose(probabilities(written), expected, atol=1e-5)


@pytest.mark.parametrize(("own", "wanted", "version"), [(17, 17, 8), (17, 18, 8), (18, 14, 7), (13, 13, 7)])
def test_an_opset_that_was_asked_for_stands_in_a_file_that_old_libraries_open(
    tmp_path: Path, own: int, wanted: int, version: int
) -> None:
    model = convolutions(opset=own)
    model.ir_version = 11  # ONNX Runtime 1.17 of 2024 ends at 9
    onnx.save(model, tmp_path / "foreign.onnx")
    asked = again(tmp_path / "foreign.onnx", normalize="unit", opset=wanted)
    assert onnx.load(asked).ir_version == version
    assert onnx.load(again(tmp_path / "foreign.onnx", normalize="unit", force=True)).ir_version == 11


def test_an_old_file_whose_constants_are_inputs_is_brought_to_a_newer_opset(tmp_path: Path) -> None:
    """Version 3 of the file format knows no other constants."""
    model = convolutions(opset=9)
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims))
    model.ir_version = 3
    model.graph.node[-1].input.append("zero")  # opset 9 has no Gemm without C
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(5, np.float32), "zero"))
    model.graph.input.append(helper.make_tensor_value_info("zero", TensorProto.FLOAT, [5]))
    onnx.save(model, tmp_path / "foreign.onnx")
    written = again(tmp_path / "foreign.onnx", normalize="unit", opset=13)
    expected = probabilities(tmp_path / "foreign.onnx", normalize="unit")
    np.testing.assert_allclose(probabilities(written), expected, atol=1e-5)


def test_an_opset_that_cannot_be_converted_to_is_refused_in_one_clear_line(
    toolkit: CommandLine, tmp_path: Path
) -> None:
    onnx.save(convolutions(opset=17), tmp_path / "foreign.onnx")
    arguments = ("export", "foreign.onnx", "-o", "out.onnx", "--normalize", "unit", "--opset", "13")
    line = error_line(toolkit(*arguments, check=2))
    assert line == (
        "error: the file has opset 17, and ONNX can't convert it to 13: No Adapter From Version 14 for Relu (--opset): "
        "leave the option out"
    )
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("spelling", ["in.onnx", "./in.onnx", "folder/../in.onnx", "link.onnx", "hard.onnx"])
def test_an_export_never_replaces_its_own_source(toolkit: CommandLine, tmp_path: Path, spelling: str) -> None:
    source = tmp_path / "in.onnx"
    onnx.save(colour_model(), source)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.onnx").symlink_to(source)
    (tmp_path / "hard.onnx").hardlink_to(source)
    before = source.read_bytes()
    line = error_line(toolkit("export", "in.onnx", "-o", spelling, "--force", check=1))
    assert line.startswith(f"error: the output is the model that is exported ({Path(spelling)})")
    assert source.read_bytes() == before


@pytest.mark.parametrize("argument", ["model.keras", "run"])
def test_nor_a_keras_source(tmp_path: Path, argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    source = tmp_path / ("run/model.keras" if argument == "run" else argument)
    source.write_bytes(b"PK\x03\x04")
    (tmp_path / "link.onnx").symlink_to(source)
    with pytest.raises(OutputError, match="is the model that is exported"):
        job.run(ExportOptions(model=argument, output=Path("link.onnx"), force=True))


def test_a_missed_gate_stays_4_where_broken_pictures_were_left_out(
    toolkit: CommandLine, tmp_path: Path
) -> None:
    onnx.save(convolutions(), tmp_path / "foreign.onnx")
    for picture, label in zip(generated_pictures(SIDE, SIDE)[:5], "01234", strict=True):
        folder = tmp_path / "data" / "test" / label
        folder.mkdir(parents=True)
        (folder / "whole.png").write_bytes(encoded(picture))
    (folder / "bad.png").write_bytes(b"not a picture")
    arguments = ("export", "foreign.onnx", "-o", "out.onnx", "--normalize", "unit", "--precision", "fp16")
    data = ("--verify", "data", "--skip-broken")
    done = toolkit(*arguments, *data, "--tolerance", "0", check=4)
    assert "gate not met" in done.stderr
    assert "  data/test/4/bad.png: " in done.stdout
    assert not (tmp_path / "out.onnx").exists()
    toolkit(*arguments, *data, "--tolerance", "1", check=3)
