"""The layout for int8 changes no answer, and is what int8 kernels want."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from toolkit.export.graph.block_columns import BLOCK_COLUMNS
from toolkit.export.graph.crop_unused import CROP_UNUSED
from toolkit.export.graph.dense import DENSE
from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.drop_reshapes import DROP_RESHAPES
from toolkit.export.graph.flatten_nhwc import FLATTEN_NHWC
from toolkit.export.graph.fold_pad import FOLD_PAD
from toolkit.export.precision.layers import tensors_to_calibrate
from toolkit.export.precision.layout import laid_out
from toolkit.export.step import Step, apply

Run = Callable[..., np.ndarray]


def changed(model: onnx.ModelProto, *steps: Step) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return assemble(apply(take_apart(copy), steps))


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def pictures(height: int, width: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


def test_cropping_keeps_every_bit_of_the_answer_and_computes_on_fewer_pixels(
    paper: onnx.ModelProto, run: Run
) -> None:
    cropped = changed(paper, CROP_UNUSED)
    images = pictures(32, 32)
    np.testing.assert_array_equal(run(cropped, images), run(paper, images))
    shapes = onnx.shape_inference.infer_shapes(cropped).graph.value_info
    first = next(v for v in shapes if v.name == "image__cropped").type.tensor_type.shape.dim
    assert [dim.dim_value for dim in first[1:3]] == [30, 30]


def test_cropped_pixels_had_no_influence(paper: onnx.ModelProto, run: Run) -> None:
    images = pictures(32, 32)
    other = images.copy()
    other[:, 30:], other[:, :, 30:] = 255, 255
    np.testing.assert_array_equal(run(paper, images), run(paper, other))


def test_a_cropped_graph_is_not_cropped_again(paper: onnx.ModelProto) -> None:
    once = changed(paper, CROP_UNUSED)
    assert operators(changed(once, CROP_UNUSED)) == operators(once)


@settings(max_examples=40)
@given(
    height=st.integers(14, 29),
    width=st.integers(14, 29),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    begin=st.integers(0, 2),
    end=st.integers(0, 2),
    average=st.booleans(),
)
def test_cropping_and_blocking_change_no_answer_whatever_the_windows(
    network: Any,
    run: Run,
    height: int,
    width: int,
    kernel: int,
    stride: int,
    begin: int,
    end: int,
    average: bool,
) -> None:
    net = network(height=height, width=width)
    pads = (begin, begin, end, end)
    net.conv(4, kernel, stride=stride, pads=pads, first=True).relu()
    if average:
        net.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    else:
        net.pool()
    net.conv(4, (2, 1)).relu()
    model, images = net.model(), pictures(height, width)
    model.graph.output[0].name = net.last
    for steps in ([CROP_UNUSED], [BLOCK_COLUMNS], [CROP_UNUSED, BLOCK_COLUMNS]):
        np.testing.assert_allclose(
            run(changed(model, *steps), images), run(model, images), rtol=1e-4, atol=1e-5
        )


def test_columns_are_taken_in_blocks_of_twelve_channels(paper: onnx.ModelProto, run: Run) -> None:
    blocked = changed(paper, CROP_UNUSED, BLOCK_COLUMNS)
    conv = next(node for node in blocked.graph.node if node.op_type == "Conv")
    kernel = next(t for t in blocked.graph.initializer if t.name == conv.input[1])
    assert list(kernel.dims) == [4 * 16, 4 * 3, 3, 2]
    images = pictures(32, 32)
    np.testing.assert_allclose(run(blocked, images), run(paper, images), atol=1e-5)


def test_the_crop_of_a_blocked_graph_cuts_rows_only(paper: onnx.ModelProto) -> None:
    blocked = changed(paper, CROP_UNUSED, BLOCK_COLUMNS)
    crop = next(node for node in blocked.graph.node if node.op_type == "Slice")
    values = {t.name: onnx.numpy_helper.to_array(t).tolist() for t in blocked.graph.initializer}
    assert [values[name] for name in crop.input[1:]] == [[0], [30], [1]]


def test_a_crop_is_known_by_what_it_does_not_by_its_name(paper: onnx.ModelProto, run: Run) -> None:
    """Files that were written before, or are exported again, call it otherwise."""
    cropped = changed(paper, CROP_UNUSED)
    next(node for node in cropped.graph.node if node.op_type == "Slice").name = "crop_unused"
    blocked = changed(cropped, BLOCK_COLUMNS)
    assert "image__cropped__blocks" in {name for node in blocked.graph.node for name in node.output}
    # With AVX2 ONNX Runtime adds the two up in another order.
    np.testing.assert_allclose(run(blocked, pictures(32, 32)), run(paper, pictures(32, 32)), atol=1e-5)


def test_pixels_that_a_crop_left_out_do_not_come_back_where_zeros_stand_for_them(
    network: Any, run: Run
) -> None:
    net = network()
    starts, ends, axes = (net.constant(np.array([value], np.int64)) for value in (0, net.width - 2, 2))
    slice_ = helper.make_node("Slice", ["image", starts, ends, axes], ["left"], name="crop_unused")
    net.nodes[0].input[0] = "left"
    net.nodes.insert(0, slice_)
    model = net.conv(16, (3, 4), pads=(1, 0, 1, 1), first=True).relu().conv(16, stride=2).relu().classifier()
    images = pictures(net.height, net.width)
    np.testing.assert_allclose(run(changed(model, BLOCK_COLUMNS), images), run(model, images), atol=1e-6)


@pytest.mark.parametrize("width", [30, 31])
def test_a_width_that_does_not_divide_into_blocks_is_left_alone(network: Any, width: int) -> None:
    model = network(width=width).conv(4, first=True).relu().model()
    assert operators(changed(model, BLOCK_COLUMNS)) == operators(model)


def test_a_convolution_of_normalised_pixels_is_left_alone(network: Any) -> None:
    net = network()
    net.add("Mul", [net.last, net.constant(np.float32(0.5))]).conv(4, first=True)
    assert operators(changed(net.model(), BLOCK_COLUMNS)) == operators(net.model())


def test_a_dense_layer_becomes_one_node(paper: onnx.ModelProto, run: Run) -> None:
    model = changed(paper, DENSE)
    assert operators(model).count("Gemm") == 2
    assert "MatMul" not in operators(model)
    np.testing.assert_allclose(run(model, pictures(32, 32)), run(paper, pictures(32, 32)), atol=1e-5)


def test_a_matmul_whose_sum_is_used_twice_stays(network: Any) -> None:
    net = network().conv(4, first=True)
    net.add("GlobalAveragePool").add("Flatten", axis=1)
    net.add("MatMul", [net.last, net.constant(np.ones((4, 3), np.float32))])
    product = net.last
    net.add("Add", [product, net.constant(np.ones(3, np.float32))]).add("Mul", [net.last, product])
    assert "MatMul" in operators(changed(net.model(), DENSE))


def test_flattening_in_nhwc_permutes_the_weights_to_match(paper: onnx.ModelProto, run: Run) -> None:
    model = changed(paper, FLATTEN_NHWC)
    place = operators(model).index("Flatten")
    assert operators(model)[place - 1] == "Transpose"
    np.testing.assert_allclose(run(model, pictures(32, 32)), run(paper, pictures(32, 32)), atol=1e-5)


def test_padding_goes_into_convolution_and_pooling(network: Any, run: Run) -> None:
    net = network()
    amounts = net.constant(np.array([0, 0, 0, 1, 0, 0, 2, 1], np.int64))
    net.add("Pad", [net.last, amounts]).conv(4, pads=(1, 0, 0, 0), first=True).relu()
    ones = net.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    net.add("Pad", [net.last, ones]).pool()
    model = net.model()
    folded = changed(model, FOLD_PAD)
    assert "Pad" not in operators(folded)
    np.testing.assert_array_equal(run(folded, pictures(32, 32)), run(model, pictures(32, 32)))


def test_padding_of_values_that_may_be_negative_stays_before_a_pooling(network: Any) -> None:
    net = network().conv(4, first=True)
    ones = net.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    net.add("Pad", [net.last, ones]).pool()
    assert "Pad" in operators(changed(net.model(), FOLD_PAD))


@pytest.mark.parametrize(("mode", "value"), [("reflect", 0.0), ("constant", 1.0)])
def test_padding_by_anything_but_zeros_stays(network: Any, mode: str, value: float) -> None:
    net = network()
    ones = net.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    inputs = [net.last, ones, net.constant(np.float32(value))]
    model = net.add("Pad", inputs, mode=mode).conv(4, first=True).model()
    assert "Pad" in operators(changed(model, FOLD_PAD))


@pytest.mark.parametrize("name", ["paper", "mobile"])
def test_a_laid_out_model_gives_the_same_answers(
    name: str, request: pytest.FixtureRequest, run: Run, held_out: np.ndarray
) -> None:
    model = request.getfixturevalue(name)
    before = model.SerializeToString()
    np.testing.assert_allclose(
        run(assemble(laid_out(model)), held_out), run(model, held_out), rtol=1e-4, atol=1e-5
    )
    assert model.SerializeToString() == before


def test_a_first_convolution_that_stays_in_float_is_not_taken_in_blocks(paper: onnx.ModelProto) -> None:
    first = next(node.name for node in paper.graph.node if node.op_type == "Conv")
    draft = laid_out(paper, keep_float=[first])
    assert not any("__blocks" in node.output[0] for node in draft.graph.node)


def test_reshapes_that_lead_back_are_dropped(network: Any, run: Run) -> None:
    net = network().conv(8, first=True)
    whole = net.last
    net.add("GlobalAveragePool")
    net.add("Squeeze", [net.last, net.constant(np.array([2, 3], np.int64))])
    net.add("Reshape", [net.last, net.constant(np.array([-1, 8, 1, 1], np.int64))])
    net.add("Mul", [whole, net.last]).add("Flatten", axis=1)
    model = net.model()
    dropped = changed(model, DROP_RESHAPES)
    assert not {"Squeeze", "Reshape"} & set(operators(dropped))
    assert operators(dropped).count("Flatten") == 1
    np.testing.assert_array_equal(run(dropped, pictures(32, 32)), run(model, pictures(32, 32)))


def test_a_reshape_to_another_order_of_the_same_extents_stays(network: Any) -> None:
    net = network().conv(8, first=True).add("GlobalAveragePool")
    net.add("Reshape", [net.last, net.constant(np.array([-1, 1, 1, 8], np.int64))])
    assert "Reshape" in operators(changed(net.model(), DROP_RESHAPES))


def test_values_of_other_types_are_not_calibrated(network: Any, calibration: np.ndarray) -> None:
    net = network().conv(32, 7, stride=4).relu()
    maps = net.last
    net.add("Shape", [maps]).add("Concat", [net.last, net.constant(np.array([1], np.int64))], axis=0)
    net.add("Reshape", [maps, net.last]).add("GlobalAveragePool").add("Flatten", axis=1)
    names = tensors_to_calibrate(take_apart(net.model()))
    assert names
    assert not any("Concat" in name for name in names)
