"""Half precision inside, the same border, and nothing that overflows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from toolkit.errors import ExportError
from toolkit.export.precision.fp16 import check_range, convert_fp16
from toolkit.export.precision.int8 import calibrated

Run = Callable[..., np.ndarray]


@pytest.mark.parametrize("name", ["paper", "mobile"])
@pytest.mark.parametrize("optimized", [True, False])
def test_answers_agree_to_half_precision_and_add_up_to_one(
    name: str, optimized: bool, request: pytest.FixtureRequest, held_out: np.ndarray, run: Run
) -> None:
    model = request.getfixturevalue(name)
    half = run(convert_fp16(model), held_out, optimized=optimized)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, run(model, held_out), atol=2e-2)
    np.testing.assert_allclose(half.sum(axis=1), 1, atol=1e-5)


def test_border_and_metadata_stay_and_the_full_check_passes(paper: onnx.ModelProto) -> None:
    half = convert_fp16(paper)
    onnx.checker.check_model(half, full_check=True)
    assert half.graph.input == paper.graph.input
    assert half.graph.output == paper.graph.output
    assert half.metadata_props == paper.metadata_props
    assert {t.data_type for t in half.graph.initializer} == {TensorProto.FLOAT16}
    assert half.ByteSize() < 0.6 * paper.ByteSize()


def test_nodes_are_sorted(mobile: onnx.ModelProto) -> None:
    half = convert_fp16(mobile)
    known = {half.graph.input[0].name, *(t.name for t in half.graph.initializer)}
    for node in half.graph.node:
        assert {name for name in node.input if name} <= known
        known.update(node.output)


def test_the_float_model_is_not_changed(paper: onnx.ModelProto) -> None:
    before = paper.SerializeToString()
    convert_fp16(paper)
    assert paper.SerializeToString() == before


def test_scales_of_a_resize_stay_in_float32(network: Any, held_out: np.ndarray, run: Run) -> None:
    net = network()
    factors = net.constant(np.array([1, 1, 0.5, 0.5], np.float32))
    net.add("Resize", [net.last, "", factors], mode="linear").conv(8, first=True).relu()
    model = net.classifier()
    half = convert_fp16(model)
    kinds = {t.name: t.data_type for t in half.graph.initializer}
    assert kinds[factors] == TensorProto.FLOAT
    np.testing.assert_allclose(run(half, held_out), run(model, held_out), atol=2e-2)


def test_a_constant_that_is_used_as_scale_and_as_number_has_both_types(network: Any) -> None:
    net = network()
    both = net.constant(np.array([1, 1, 1, 1], np.float32))
    net.add("Resize", [net.last, "", both], mode="nearest").conv(4, first=True)
    net.add("GlobalAveragePool").add("Flatten", axis=1).add("Mul", [net.last, both])
    half = convert_fp16(net.model())
    kinds = {t.name: t.data_type for t in half.graph.initializer}
    assert kinds[both] == TensorProto.FLOAT
    assert kinds[f"{both}__half"] == TensorProto.FLOAT16


def test_constants_inside_nodes_are_converted(network: Any, held_out: np.ndarray, run: Run) -> None:
    net = network()
    net.add("Constant", [], value=numpy_helper.from_array(np.float32(0.5)))
    half = net.last
    net.add("Constant", [], value_float=2.0)
    twice = net.last
    net.add("Mul", ["Transpose_1:0", half]).add("Mul", [net.last, twice]).conv(8, stride=2, first=True).relu()
    model = net.classifier()
    np.testing.assert_allclose(run(convert_fp16(model), held_out), run(model, held_out), atol=2e-2)


def test_zeros_around_a_max_pooling_of_negative_numbers_still_count(
    padded: onnx.ModelProto, held_out: np.ndarray, run: Run
) -> None:
    """A filler that half precision rounds to zero would be folded into the pooling by ONNX Runtime."""
    expected = run(padded, held_out, optimized=False)
    half = convert_fp16(padded)
    np.testing.assert_allclose(run(half, held_out), expected, atol=2e-2)
    for tensor in half.graph.initializer:
        if tensor.name.endswith("almost_zero"):
            tensor.CopyFrom(numpy_helper.from_array(np.zeros((), np.float16), tensor.name))
    assert np.abs(run(half, held_out) - expected).max() > 0.1, "this test could not fail"


@pytest.mark.parametrize("value", [1e-12, -1e-30, 0.0, 1e-5])
def test_a_number_by_itself_that_is_not_zero_does_not_become_zero(network: Any, value: float) -> None:
    net = network()
    name = net.constant(np.float32(value))
    half = convert_fp16(net.add("Add", [net.last, name]).conv(4, first=True).model())
    (found,) = (numpy_helper.to_array(t) for t in half.graph.initializer if t.name == name)
    assert found.dtype == np.float16
    assert np.sign(found) == np.sign(value)
    assert abs(float(found) - value) < 1e-7


def test_a_constant_beyond_half_precision_is_refused_by_name(network: Any) -> None:
    net = network()
    name = net.constant(np.float32(1e5))
    model = net.add("Mul", [net.last, name]).conv(4, first=True).model()
    with pytest.raises(ExportError, match=rf"'{name}' reaches 1e\+05"):
        convert_fp16(model)


def test_a_quantised_graph_is_refused(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    with pytest.raises(ExportError, match="DequantizeLinear, QuantizeLinear"):
        convert_fp16(calibrated(paper, calibration).int8())


# QNT-12: a run on the CPU proves nothing, ranges do


def test_ranges_of_an_ordinary_model_pass(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    found = check_range(paper, calibration)
    assert found["Cast_0:0"] == 255
    assert max(found.values()) < 6e4


def test_a_sum_over_a_white_picture_is_refused_although_the_pictures_given_are_dark(network: Any) -> None:
    net = network()
    axes = net.constant(np.array([2, 3], np.int64))
    model = net.add("ReduceSum", [net.last, axes], keepdims=0).model()
    dark = np.ones((2, 32, 32, 3), np.uint8)
    with pytest.raises(ExportError, match=r"\(ReduceSum\) reaches 2.61e\+05"):
        check_range(model, dark)


def test_a_mean_counts_by_the_sum_that_it_is_made_of(network: Any, calibration: np.ndarray) -> None:
    model = network().add("GlobalAveragePool").add("Flatten", axis=1).model()
    with pytest.raises(ExportError, match=r"\(GlobalAveragePool\) reaches 2.61e\+05"):
        check_range(model, calibration)
