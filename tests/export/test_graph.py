"""Graph changes must not change any answer, and must do what they are for."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from toolkit.export.graph.draft import LARGE, Draft, assemble, take_apart
from toolkit.export.graph.flatten import FLATTEN
from toolkit.export.graph.fold_constants import FOLD_CONSTANTS
from toolkit.export.graph.fold_into_conv import FOLD_INTO_CONV
from toolkit.export.graph.fold_scaling import FOLD_SCALING
from toolkit.export.graph.missing_operators import write_with_others
from toolkit.export.step import Step, apply

SIDE = 6


def classifier(
    *,
    scale: object = None,
    shift: object = None,
    pads: int = 0,
    group: int = 1,
    swapped: bool = False,
    bias: bool = True,
    relu_between: bool = False,
    order: tuple[int, ...] | None = None,
) -> onnx.ModelProto:
    """image -> Cast [-> Mul] [-> Add] [-> Gather] -> Transpose -> Conv -> Transpose -> shapes, Reshape -> MatMul."""
    generator = np.random.default_rng(1)
    side = SIDE - 2 + 2 * pads
    constants = {
        "kernel": generator.normal(0, 0.3, (3, 3 // group, 3, 3)).astype(np.float32),
        "bias": generator.normal(0, 0.3, 3).astype(np.float32),
        "dense": generator.normal(0, 0.1, (side * side * 3, 4)).astype(np.float32),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "rest": np.array([-1], np.int64),
    }
    nodes = [helper.make_node("Cast", ["image"], ["x0"], to=TensorProto.FLOAT)]
    last = "x0"
    for operator, value in (("Mul", scale), ("Add", shift)):
        if value is not None:
            constants[operator] = np.asarray(value, np.float32)
            inputs = [operator, last] if swapped else [last, operator]
            nodes.append(helper.make_node(operator, inputs, [f"after_{operator}"]))
            last = f"after_{operator}"
    if order is not None:
        constants["order"] = np.array(order, np.int64)
        nodes.append(helper.make_node("Gather", [last, "order"], ["reordered"], axis=3))
        last = "reordered"
    if relu_between:
        nodes.append(helper.make_node("Relu", [last], ["positive"]))
        last = "positive"
    conv_inputs = ["nchw", "kernel", "bias"] if bias else ["nchw", "kernel"]
    nodes += [
        helper.make_node("Transpose", [last], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", conv_inputs, ["map"], kernel_shape=[3, 3], pads=[pads] * 4, group=group),
        helper.make_node("Transpose", ["map"], ["nhwc"], perm=[0, 2, 3, 1]),
        helper.make_node("Shape", ["nhwc"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["nhwc", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def answers(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3)).astype(np.uint8)
    return np.asarray(session.run(None, {"image": batch})[0])


def unchanged_answers(model: onnx.ModelProto, *steps: Step) -> onnx.ModelProto:
    before = answers(model)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    changed = assemble(apply(take_apart(copy), steps))
    # Below the smallest normal number float32 has fewer digits, down to none: there is nothing to agree on.
    tolerance = max(1e-4 * float(np.abs(before).max()), float(np.finfo(np.float32).smallest_normal))
    np.testing.assert_allclose(answers(changed), before, rtol=1e-4, atol=tolerance)
    return changed


NUMBER = st.floats(-2, 2, width=32)


@settings(max_examples=25)
@example(scale=1.4e-45, shift=None, pads=0, swapped=False, bias=False, relu_between=False, order=None)
@given(
    scale=st.none() | NUMBER | st.tuples(NUMBER, NUMBER, NUMBER),
    shift=st.none() | NUMBER | st.tuples(NUMBER, NUMBER, NUMBER),
    pads=st.integers(0, 1),
    swapped=st.booleans(),
    bias=st.booleans(),
    relu_between=st.booleans(),
    order=st.none() | st.permutations((0, 1, 2)).map(tuple) | st.just((2, -2, 0)) | st.just((1, 1, 0)),
)
def test_folding_the_scaling_never_changes_an_answer(**choices: object) -> None:
    unchanged_answers(classifier(**choices), FOLD_SCALING)  # type: ignore[arg-type]


def test_scale_and_shift_disappear_into_a_convolution_that_does_not_pad() -> None:
    changed = unchanged_answers(classifier(scale=1 / 255, shift=[-0.5, 0.1, 0.2]), FOLD_SCALING)
    assert operators(changed)[:3] == ["Cast", "Transpose", "Conv"]


def test_a_shift_stays_before_a_convolution_that_pads_but_a_scale_does_not() -> None:
    changed = unchanged_answers(classifier(scale=0.5, shift=1.0, pads=1), FOLD_SCALING)
    assert operators(changed)[:4] == ["Transpose", "Cast", "Add", "Conv"]
    assert "Mul" not in operators(unchanged_answers(classifier(scale=0.5, pads=1), FOLD_SCALING))


def test_a_shift_that_stays_is_added_to_whole_channels_not_to_pixels() -> None:
    uniform = unchanged_answers(classifier(scale=[0.5] * 3, shift=[1.0] * 3, pads=1), FOLD_SCALING)
    (by,) = [t for t in uniform.graph.initializer if t.name.endswith("__by")]
    assert list(by.dims) == []
    several = unchanged_answers(classifier(scale=0.5, shift=[1.0, 2.0, 3.0], pads=1), FOLD_SCALING)
    (by,) = [t for t in several.graph.initializer if t.name.endswith("__by")]
    assert list(by.dims) == [3, 1, 1]


@pytest.mark.parametrize("pads", [0, 1])
def test_the_order_of_the_channels_goes_into_the_weights(pads: int) -> None:
    bgr = classifier(scale=[1.0, 2.0, 3.0], shift=[-3.0, -2.0, -1.0], pads=pads, order=(2, 1, 0))
    assert "Gather" not in operators(unchanged_answers(bgr, FOLD_SCALING))
    twice_the_same = unchanged_answers(classifier(order=(1, 1, 0)), FOLD_SCALING)
    assert "Gather" in operators(twice_the_same)


def test_an_addition_that_is_alone_already_stays_as_it_is() -> None:
    model = classifier(shift=1.0, pads=1)
    assert operators(unchanged_answers(model, FOLD_SCALING))[:4] == ["Cast", "Add", "Transpose", "Conv"]


def test_per_channel_scaling_before_a_grouped_convolution_is_left_alone() -> None:
    changed = unchanged_answers(classifier(scale=[1.0, 2.0, 3.0], group=3), FOLD_SCALING)
    assert "Mul" in operators(changed)
    assert "Mul" not in operators(unchanged_answers(classifier(scale=0.5, group=3), FOLD_SCALING))


@pytest.mark.parametrize("empty", [False, True])
def test_a_bias_that_is_computed_is_not_lost_with_the_shift(empty: bool) -> None:
    model = classifier(scale=1 / 127.5, shift=-1.0)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    if empty:
        conv.input[2] = ""
    else:
        model.graph.node.insert(0, helper.make_node("Relu", ["bias"], ["computed"]))
        conv.input[2] = "computed"
    assert ("Add" in operators(unchanged_answers(model, FOLD_SCALING))) == (not empty)


def test_flattening_takes_one_node_and_no_transpose() -> None:
    changed = unchanged_answers(classifier(), FLATTEN)
    assert operators(changed) == ["Cast", "Transpose", "Conv", "Flatten", "MatMul"]
    names = {tensor.name for tensor in changed.graph.initializer}
    assert names == {"kernel", "bias", "dense"}


def test_a_map_that_has_another_user_keeps_its_order() -> None:
    model = classifier()
    model.graph.node.append(helper.make_node("MatMul", ["flat", "dense"], ["again"]))
    model.graph.output[0].name = "sum"
    model.graph.node.append(helper.make_node("Add", ["probabilities", "again"], ["sum"]))
    changed = unchanged_answers(model, FLATTEN)
    assert operators(changed).count("Transpose") == 2
    assert "Reshape" not in operators(changed)


def test_both_changes_work_one_after_the_other() -> None:
    changed = unchanged_answers(classifier(scale=1 / 127.5, shift=-1.0), FOLD_SCALING, FLATTEN)
    assert operators(changed) == ["Cast", "Transpose", "Conv", "Flatten", "MatMul"]


def chain(*nodes: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """image -> Cast -> Transpose -> nodes (from `nchw` to `map`) -> GlobalAveragePool -> Flatten."""
    frame = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["x"], ["nchw"], perm=[0, 3, 1, 2]),
        *nodes,
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        frame,
        "chain",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


@pytest.mark.parametrize("channels", [4, 200])
def test_batch_normalisation_written_as_scale_and_shift_goes_into_the_convolution(channels: int) -> None:
    model = chain(
        helper.make_node("Conv", ["nchw", "kernel", "bias"], ["a"]),
        helper.make_node("Mul", ["a", "scale"], ["b"]),
        helper.make_node("Add", ["shift", "b"], ["map"]),
        kernel=normal(channels, 3, 3, 3),
        bias=normal(channels, seed=1),
        scale=normal(channels, 1, 1, seed=2),
        shift=normal(1, channels, 1, 1, seed=3),
    )
    assert (normal(channels, 3, 3, 3).size >= LARGE) == (channels == 200)
    changed = unchanged_answers(model, FOLD_INTO_CONV)
    assert operators(changed) == ["Cast", "Transpose", "Conv", "GlobalAveragePool", "Flatten"]


@pytest.mark.parametrize(
    ("shape", "kernel"), [([0, 3, SIDE * SIDE], (4, 3, 3)), ([0, 3, 3, 2, SIDE], (4, 3, 2, 2, 2))]
)
@pytest.mark.parametrize("per_channel", [False, True])
def test_convolutions_of_one_and_three_dimensions_take_scale_and_shift_too(
    shape: list[int], kernel: tuple[int, ...], per_channel: bool
) -> None:
    ones = [1] * (len(kernel) - 2)
    model = chain(
        helper.make_node("Reshape", ["nchw", "shape"], ["line"]),
        helper.make_node("Conv", ["line", "kernel"], ["a"]),
        helper.make_node("Mul", ["a", "scale"], ["b"]),
        helper.make_node("Add", ["b", "shift"], ["map"]),
        shape=np.array(shape, np.int64),
        kernel=normal(*kernel),
        scale=normal(4, *ones, seed=2) if per_channel else normal(1, seed=2),
        shift=normal(1, 4, *ones, seed=3) if per_channel else normal(1, seed=3),
    )
    changed = unchanged_answers(model, FOLD_INTO_CONV)
    assert operators(changed) == ["Cast", "Transpose", "Reshape", "Conv", "GlobalAveragePool", "Flatten"]


def test_a_factor_that_gives_the_map_another_axis_stays() -> None:
    model = chain(
        helper.make_node("Conv", ["nchw", "kernel"], ["a"]),
        helper.make_node("Mul", ["a", "factor"], ["b"]),
        helper.make_node("Squeeze", ["b", "first"], ["map"]),
        kernel=normal(4, 3, 3, 3),
        factor=normal(1, 1, 1, 1, 1),
        first=np.array([0], np.int64),
    )
    assert "Mul" in operators(unchanged_answers(model, FOLD_INTO_CONV))


def test_a_factor_that_is_not_per_channel_stays_outside_the_convolution() -> None:
    model = chain(
        helper.make_node("Conv", ["nchw", "kernel"], ["a"]),
        helper.make_node("Mul", ["a", "columns"], ["map"]),
        kernel=normal(4, 3, 3, 3),
        columns=normal(4, seed=2),  # lines up with the last axis, the columns, not with the channels
    )
    assert "Mul" in operators(unchanged_answers(model, FOLD_INTO_CONV))


def test_a_kernel_that_two_convolutions_share_is_left_alone() -> None:
    model = chain(
        helper.make_node("Conv", ["nchw", "kernel"], ["a"]),
        helper.make_node("Mul", ["a", "scale"], ["b"]),
        helper.make_node("Conv", ["nchw", "kernel"], ["c"]),
        helper.make_node("Add", ["b", "c"], ["map"]),
        kernel=normal(4, 3, 3, 3),
        scale=normal(4, 1, 1, seed=2),
    )
    assert "Mul" in operators(unchanged_answers(model, FOLD_INTO_CONV))


@pytest.mark.parametrize("out", [4, 200])
def test_what_depends_on_constants_only_is_computed_once(out: int) -> None:
    model = chain(
        helper.make_node("Transpose", ["kernel_hwio"], ["kernel"], perm=[3, 2, 0, 1]),
        helper.make_node("Neg", ["bias"], ["minus"]),
        helper.make_node("Conv", ["nchw", "kernel", "minus"], ["map"]),
        kernel_hwio=normal(3, 3, 3, out),
        bias=normal(out, seed=1),
    )
    changed = unchanged_answers(model, FOLD_CONSTANTS)
    assert operators(changed) == ["Cast", "Transpose", "Conv", "GlobalAveragePool", "Flatten"]


@pytest.mark.parametrize("size", [2, 100])
def test_constants_are_not_computed_where_the_file_would_grow(size: int) -> None:
    """A wide sum of a row and a column, and a table of bytes made floats, stay as they are; small ones are folded."""
    model = chain(
        helper.make_node("Add", ["row", "column"], ["table"]),
        helper.make_node("Cast", ["bytes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["table", "numbers"], ["product"]),
        helper.make_node("ReduceSum", ["product"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["nchw", "sum"], ["map"]),
        row=normal(1, size),
        column=normal(size, 1, seed=1),
        bytes=np.random.default_rng(2).integers(0, 9, (size, size), np.uint8),
    )
    kept = {"Add", "Cast"} if size == 100 else set()
    found = unchanged_answers(model, FOLD_CONSTANTS)
    assert {node.op_type for node in found.graph.node if node.output[0] in ("table", "numbers")} == kept
    assert found.ByteSize() <= model.ByteSize()


def test_erfc_becomes_one_minus_erf() -> None:
    from math import erfc

    model = chain(helper.make_node("Erfc", ["nchw"], ["map"]))
    draft = Draft(model)
    write_with_others(draft)
    assert "Erf" in operators(draft.model)
    session = onnxruntime.InferenceSession(
        draft.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    image = np.full((1, SIDE, SIDE, 3), 1, np.uint8)
    np.testing.assert_allclose(session.run(None, {"image": image})[0], erfc(1), rtol=1e-5)


def test_taking_a_model_apart_and_putting_it_together_changes_nothing() -> None:
    model = chain(helper.make_node("Conv", ["nchw", "kernel"], ["map"]), kernel=normal(300, 3, 3, 3))
    draft = take_apart(model)
    assert set(draft.weights) == {"kernel"}
    assert [value.name for value in draft.inputs] == ["image"]
    again = assemble(draft)
    assert [value.name for value in again.graph.input] == ["image"]
    np.testing.assert_array_equal(numpy_helper.to_array(again.graph.initializer[0]), normal(300, 3, 3, 3))
