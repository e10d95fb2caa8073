"""The mean of a picture and its mirror image, inside the graph."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import CommandLine, error_line

from toolkit.errors import ExportError
from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.mirror import MIRROR
from toolkit.export.step import apply
from toolkit.models.open import open_model

SIDE, CLASSES = 8, 4


def sided(opset: int = 17, batch: int | str = "batch") -> onnx.ModelProto:
    """A classifier that tells left from right: each pixel has weights of its own."""
    weights = np.random.default_rng(0).normal(0, 0.02, (SIDE * SIDE * 3, CLASSES)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["values"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "sided",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.fixture
def pictures() -> np.ndarray:
    """Pictures of noise, uint8 [7, 8, 8, 3]."""
    return np.random.default_rng(1).integers(0, 256, (7, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("opset", [13, 17, 18])
def test_the_answer_is_the_mean_of_a_picture_and_its_mirror_image(
    tmp_path: Path, pictures: np.ndarray, opset: int
) -> None:
    plain, both = tmp_path / "plain.onnx", tmp_path / "both.onnx"
    onnx.save(sided(opset), plain)
    onnx.save(assemble(apply(take_apart(sided(opset)), [MIRROR])), both)
    single = open_model(str(plain), device="cpu")
    straight, mirrored = single.probabilities(pictures), single.probabilities(pictures[:, :, ::-1].copy())

    answers = open_model(str(both), device="cpu").probabilities(pictures)

    assert np.abs(straight - mirrored).max() > 0.1  # else any mean would do
    np.testing.assert_allclose(answers, (straight + mirrored) / 2, atol=1e-6)


def test_a_branch_that_looks_at_the_picture_sees_both_images(tmp_path: Path, pictures: np.ndarray) -> None:
    def branch(name: str) -> onnx.GraphProto:
        cast = helper.make_node("Cast", ["image"], [name], to=TensorProto.FLOAT)
        return helper.make_graph(
            [cast], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
        )

    model = sided()
    branches = {"then_branch": branch("yes"), "else_branch": branch("no")}
    model.graph.node[0].CopyFrom(helper.make_node("If", ["always"], ["values"], **branches))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "always"))
    onnx.save(assemble(apply(take_apart(model), [MIRROR])), tmp_path / "branches.onnx")
    onnx.save(assemble(apply(take_apart(sided()), [MIRROR])), tmp_path / "plain.onnx")
    found, expected = (
        open_model(str(tmp_path / name), device="cpu").probabilities(pictures)
        for name in ("branches.onnx", "plain.onnx")
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_fixed_batch_size_is_refused() -> None:
    with pytest.raises(ExportError, match="batch size is fixed to 4"):
        apply(take_apart(sided(batch=4)), [MIRROR])


def test_the_command_writes_a_file_that_answers_so_and_says_so(
    toolkit: CommandLine, tmp_path: Path, pictures: np.ndarray
) -> None:
    onnx.save(sided(), tmp_path / "plain.onnx")
    labels = "\n".join("abcd")
    (tmp_path / "labels.txt").write_text(labels)
    np.savez(tmp_path / "data.npz", x_test=pictures, y_test=np.arange(len(pictures)) % CLASSES)

    toolkit("export", "plain.onnx", "-o", "both.onnx", "--mirror", "--labels", "labels.txt")

    both = open_model(str(tmp_path / "both.onnx"), device="cpu")
    assert both.card.extra["mirror"] == "mean of both"
    compared = ("verify", "plain.onnx", "both.onnx", "--data", "data.npz", "--labels", "labels.txt")
    done = toolkit(*compared, "--tolerance", 1e-6)
    assert (
        "both.onnx takes the mean of a picture and its mirror image: plain.onnx is asked for both"
        in done.stderr
    )
    again = toolkit("export", "both.onnx", "-o", "again.onnx", "--mirror", check=1 + 1)
    assert error_line(again) == "error: the file does that already (--mirror): leave the option out"


def test_a_fixed_batch_size_and_int8_of_a_mirrored_file_are_wrong_usage(
    toolkit: CommandLine, tmp_path: Path, pictures: np.ndarray
) -> None:
    onnx.save(sided(), tmp_path / "plain.onnx")
    onnx.save(sided(batch=4), tmp_path / "fixed.onnx")
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcd"))
    np.savez(tmp_path / "data.npz", x_train=pictures, y_train=np.arange(len(pictures)) % CLASSES)

    def refused(*arguments: object) -> str:
        return error_line(toolkit("export", *arguments, "--labels", labels, check=2))

    assert "--batch" in refused("plain.onnx", "-o", "new.onnx", "--mirror", "--batch", "4")
    assert "batch size is fixed to 4 (--mirror)" in refused("fixed.onnx", "-o", "new.onnx", "--mirror")
    toolkit("export", "plain.onnx", "-o", "both.onnx", "--mirror", "--labels", labels)
    int8 = ("--precision", "int8", "--calibration", "data.npz")
    assert "with --mirror" in refused("both.onnx", "-o", "new.onnx", *int8)
    assert not (tmp_path / "new.onnx").exists()
