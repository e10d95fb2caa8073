"""ONNX classifiers from elsewhere, made in code: any layout, type, head and range."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from toolkit.errors import ModelError, UsageError
from toolkit.export import job
from toolkit.export.options import ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.models.open import open_model

SIDE = 6
CIFAR = "mean=0.4914,0.4822,0.4465,std=0.2470,0.2435,0.2616"
TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
}


def foreign(
    *,
    layout: str = "NCHW",
    dtype: str = "float32",
    channels: int = 3,
    head: str = "logits",
    name: str = "input.1",
    output: str = "output",
    opset: int = 13,
    batch: int | str = "N",
    trailing: bool = False,
) -> onnx.ModelProto:
    """A classifier as other tools write it: Flatten and Gemm, with the given border and head."""
    generator = np.random.default_rng(4)
    units = 1 if head == "sigmoid" else 4
    size = 0.02 if dtype == "uint8" else 0.3
    weights = generator.normal(0, size, (SIDE * SIDE * channels, units)).astype(np.float32)
    shape = [batch, channels, SIDE, SIDE] if layout == "NCHW" else [batch, SIDE, SIDE, channels]
    nodes = [
        helper.make_node("Cast", [name], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    last = "scores"
    if head in ("softmax", "sigmoid"):
        operator = {"softmax": "Softmax", "sigmoid": "Sigmoid"}[head]
        nodes.append(helper.make_node(operator, [last], ["activated"]))
        last = "activated"
    shape_out: list[int | str] = [batch, units]
    constants = [numpy_helper.from_array(weights, "weights")]
    if trailing:
        constants.append(numpy_helper.from_array(np.array([0, 0, 1, 1], np.int64), "target"))
        nodes.append(helper.make_node("Reshape", [last, "target"], [output]))
        shape_out += [1, 1]
    else:
        nodes.append(helper.make_node("Identity", [last], [output]))
    graph = helper.make_graph(
        nodes,
        "elsewhere",
        [helper.make_tensor_value_info(name, TYPES[dtype], shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape_out)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)


@settings(max_examples=15)
@example(
    layout="NCHW",
    dtype="float32",
    channels=1,
    head="sigmoid",
    normalize="none",
    names=("input.1", "output"),
    trailing=False,
)
@given(
    layout=st.sampled_from(["NCHW", "NHWC"]),
    dtype=st.sampled_from(sorted(TYPES)),
    channels=st.sampled_from([1, 3]),
    head=st.sampled_from(["logits", "softmax", "sigmoid"]),
    normalize=st.sampled_from(["imagenet", "unit", "minus1to1", "caffe", "none", CIFAR]),
    names=st.sampled_from([("input.1", "output"), ("image", "probabilities"), ("probabilities", "image")]),
    trailing=st.booleans(),
)
def test_any_classifier_comes_out_in_our_form_with_the_same_answers(
    tmp_path_factory: pytest.TempPathFactory,
    layout: str,
    dtype: str,
    channels: int,
    head: str,
    normalize: str,
    names: tuple[str, str],
    trailing: bool,
) -> None:
    folder = tmp_path_factory.mktemp("foreign")
    model = foreign(
        layout=layout,
        dtype=dtype,
        channels=channels,
        head=head,
        name=names[0],
        output=names[1],
        trailing=trailing,
    )
    onnx.save(model, folder / "in.onnx")
    chosen = "none" if dtype == "uint8" else normalize
    result = job.run(
        ExportOptions(model=str(folder / "in.onnx"), output=folder / "out.onnx", normalize=chosen)
    )
    assert result.agreement["top1_agreement"] == 1
    pictures = generated_pictures(SIDE, SIDE)
    before = open_model(str(folder / "in.onnx"), device="cpu", normalize=chosen).probabilities(pictures)
    after = open_model(str(folder / "out.onnx"), device="cpu")
    np.testing.assert_allclose(after.probabilities(pictures), before, atol=1e-5)
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-4)
    proto = onnx.load(folder / "out.onnx")
    assert [v.name for v in proto.graph.input] == ["image"]
    assert [v.name for v in proto.graph.output] == ["probabilities"]
    assert after.session.signature.dtype == "uint8"
    assert after.session.signature.layout == "NHWC"


def test_a_model_in_half_precision_may_round_as_half_precision_does(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    constants = {"weights": generator.normal(0, 0.5, (SIDE * SIDE * 3, 4)), "bias": generator.normal(0, 1, 4)}
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["in"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["out"]),
        ],
        "half",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT16, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT16, ["N", 4])],
        [numpy_helper.from_array(value.astype(np.float16), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "in.onnx")
    options = ExportOptions(model=str(tmp_path / "in.onnx"), output=tmp_path / "out.onnx", normalize="unit")
    result = job.run(options)
    assert result.precision == "fp16"
    assert 1e-3 < result.agreement["max_logit_difference"] < 0.05


def test_a_float_model_without_a_range_is_refused(tmp_path: Path) -> None:
    onnx.save(foreign(), tmp_path / "in.onnx")
    with pytest.raises(UsageError, match="--normalize"):
        job.run(ExportOptions(model=str(tmp_path / "in.onnx"), output=tmp_path / "out.onnx"))


def test_the_batch_size_of_a_finished_file_is_not_changed(tmp_path: Path) -> None:
    onnx.save(foreign(batch=4), tmp_path / "in.onnx")

    def options(**choices: object) -> ExportOptions:
        known = {"model": str(tmp_path / "in.onnx"), "output": tmp_path / "out.onnx", "normalize": "unit"}
        return ExportOptions(**{**known, **choices})  # type: ignore[arg-type]

    with pytest.raises(UsageError, match="has batch size 4"):
        job.run(options(batch=2))
    job.run(options())
    assert open_model(str(tmp_path / "out.onnx"), device="cpu").session.signature.batch == 4


def test_what_is_no_classifier_or_no_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(foreign().SerializeToString()[:500])
    with pytest.raises(ModelError, match="not a valid ONNX file"):
        job.run(
            ExportOptions(model=str(tmp_path / "cut.onnx"), output=tmp_path / "out.onnx", normalize="unit")
        )
    assert not (tmp_path / "out.onnx").exists()


def test_a_model_of_links_as_in_a_cache_is_exported(tmp_path: Path) -> None:
    for folder in ("whole", "blobs", "snapshot"):
        (tmp_path / folder).mkdir()
    onnx.save(foreign(), tmp_path / "whole" / "m.onnx", save_as_external_data=True, location="m.data")
    for number, name in enumerate(("m.onnx", "m.data")):
        (tmp_path / "whole" / name).rename(tmp_path / "blobs" / str(number))
        (tmp_path / "snapshot" / name).symlink_to(Path("..", "blobs", str(number)))
    output = tmp_path / "out.onnx"
    job.run(ExportOptions(model=str(tmp_path / "snapshot" / "m.onnx"), output=output, normalize="unit"))
    assert open_model(str(output), device="cpu").labels == ("0", "1", "2", "3")


def test_our_own_file_goes_in_and_comes_out_with_its_card(tiny_model: Path, tmp_path: Path) -> None:
    job.run(ExportOptions(model=str(tiny_model), output=tmp_path / "out.onnx"))
    before, after = (open_model(str(p), device="cpu") for p in (tiny_model, tmp_path / "out.onnx"))
    assert after.labels == before.labels
    assert after.card.accuracy == before.card.accuracy


def test_of_several_outputs_the_one_that_is_named_is_exported(tmp_path: Path) -> None:
    model = foreign()
    graph = model.graph
    generator = np.random.default_rng(5)
    weights = generator.normal(size=(3 * SIDE * SIDE, 4)).astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(weights, "other.weights"))
    graph.node.append(helper.make_node("Flatten", [graph.input[0].name], ["other.flat"]))
    graph.node.append(helper.make_node("MatMul", ["other.flat", "other.weights"], ["other"]))
    graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["N", 4]))
    onnx.save(model, tmp_path / "two.onnx")
    options = ExportOptions(model=str(tmp_path / "two.onnx"), output=tmp_path / "m.onnx", normalize="unit")
    with pytest.raises(ModelError, match="it has 2 outputs of"):
        job.run(options)
    job.run(replace(options, output_name="other"))
    assert len(open_model(str(tmp_path / "m.onnx"), device="cpu").labels) == 4


@pytest.mark.parametrize("from_logits", [True, False])
def test_the_user_s_word_on_the_output_counts(tmp_path: Path, from_logits: bool) -> None:
    onnx.save(foreign(head="logits"), tmp_path / "f.onnx")
    options = ExportOptions(
        model=str(tmp_path / "f.onnx"), output=tmp_path / "m.onnx", normalize="unit", from_logits=from_logits
    )
    job.run(options)
    pictures = generated_pictures(SIDE, SIDE)
    found = open_model(str(tmp_path / "m.onnx"), device="cpu").probabilities(pictures)
    sums_to_one = bool(np.allclose(found.sum(axis=1), 1, atol=1e-5))
    assert sums_to_one is from_logits


def test_a_file_of_ours_knows_its_output_better(tmp_path: Path) -> None:
    onnx.save(foreign(), tmp_path / "f.onnx")
    job.run(ExportOptions(model=str(tmp_path / "f.onnx"), output=tmp_path / "m.onnx", normalize="unit"))
    with pytest.raises(UsageError, match="the file says itself that its output is probabilities"):
        job.run(ExportOptions(model=str(tmp_path / "m.onnx"), output=tmp_path / "n.onnx", from_logits=True))
