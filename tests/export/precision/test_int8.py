"""int8 files: they load, run, agree with float32, and hit the kernels that they were made for."""

import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from toolkit.errors import ExportError
from toolkit.export.precision.int8 import calibrated
from toolkit.export.precision.ranges import Method

Run = Callable[..., np.ndarray]


def quantize_int8(
    model: onnx.ModelProto, images: np.ndarray, *, keep_float: Collection[str] = (), **choices: Any
) -> onnx.ModelProto:
    return calibrated(model, images, **choices).int8(keep_float)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean(first.argmax(axis=1) == second.argmax(axis=1)))


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def scales(model: onnx.ModelProto) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scale and zero point that each QuantizeLinear and DequantizeLinear uses, by its output."""
    values = constants(model)
    return {
        node.output[0]: (values[node.input[1]], values[node.input[2]])
        for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
    }


def trained_on(model: onnx.ModelProto, images: np.ndarray, run: Run) -> np.ndarray:
    answers = run(model, images)
    assert len(np.unique(answers.argmax(axis=1))) == 3, "a test of agreement needs a model that decides"
    return answers


# QNT-02, QNT-14: load, run and check before success


@pytest.mark.parametrize("name", ["paper", "mobile"])
@pytest.mark.parametrize("method", list(Method))
def test_an_int8_model_passes_the_full_check_and_runs_in_every_batch_size(
    name: str,
    method: Method,
    request: pytest.FixtureRequest,
    calibration: np.ndarray,
    held_out: np.ndarray,
    run: Run,
) -> None:
    model = quantize_int8(request.getfixturevalue(name), calibration, method=method)
    onnx.checker.check_model(model, full_check=True)
    whole = run(model, held_out[:64])
    assert np.isfinite(whole).all()
    for size in (1, 2, 7):
        np.testing.assert_allclose(run(model, held_out[:size]), whole[:size], atol=1e-6)


def test_border_and_metadata_stay(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    model = quantize_int8(paper, calibration)
    assert model.graph.input == paper.graph.input
    assert model.graph.output == paper.graph.output
    assert model.metadata_props == paper.metadata_props
    assert model.opset_import == paper.opset_import


def test_the_float_model_is_not_changed(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    before = paper.SerializeToString()
    quantize_int8(paper, calibration)
    assert paper.SerializeToString() == before


def test_only_standard_operators_are_used(mobile: onnx.ModelProto, calibration: np.ndarray) -> None:
    model = quantize_int8(mobile, calibration)
    assert {node.domain for node in model.graph.node} == {""}
    assert {entry.domain for entry in model.opset_import} == {""}


# QNT-01, QNT-03, QNT-15: agreement, with ONNX Runtime's optimisation and without


@pytest.mark.parametrize("name", ["paper", "mobile"])
@pytest.mark.parametrize("weight_bits", [7, 8])
@pytest.mark.parametrize("optimized", [True, False])
def test_int8_agrees_with_float_whatever_the_optimisation_level(
    name: str,
    weight_bits: int,
    optimized: bool,
    request: pytest.FixtureRequest,
    calibration: np.ndarray,
    held_out: np.ndarray,
    run: Run,
) -> None:
    model = request.getfixturevalue(name)
    expected = trained_on(model, held_out, run)
    int8 = quantize_int8(model, calibration, weight_bits=weight_bits)
    assert agreement(expected, run(int8, held_out, optimized=optimized)) >= 0.95


def test_opset_13_and_a_fixed_batch_are_quantised_too(
    network: Any, calibration: np.ndarray, held_out: np.ndarray, run: Run
) -> None:
    net = network(opset=13, batch=4)
    model = net.conv(16, first=True).relu().pool().model()
    net.batch = "batch"  # the last layer is fitted to more pictures than four
    model = net.conv(16).relu().classifier(hidden=64)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    int8 = quantize_int8(model, calibration[:10])
    assert agreement(run(model, held_out[:4]), run(int8, held_out[:4])) == 1


# The kernels that ONNX Runtime takes


def test_every_layer_of_the_papers_network_runs_in_int8_without_a_transpose(
    paper: onnx.ModelProto, calibration: np.ndarray, really_run: Callable[..., list[str]], tmp_path: Path
) -> None:
    operators = really_run(quantize_int8(paper, calibration), tmp_path)
    assert operators.count("QLinearConv") == 3
    assert operators.count("NhwcMaxPool") == 2
    assert operators.count("QGemm") == 1
    assert not {"Transpose", "MaxPool", "QuantizeLinear", "Cast", "Relu", "Conv"} & set(operators)


def test_after_a_float_convolution_the_pooling_stays_in_float(
    paper: onnx.ModelProto, calibration: np.ndarray, really_run: Callable[..., list[str]], tmp_path: Path
) -> None:
    first = next(node.name for node in paper.graph.node if node.op_type == "Conv")
    operators = really_run(quantize_int8(paper, calibration, keep_float=[first]), tmp_path)
    assert operators.index("MaxPool") < operators.index("QuantizeLinear")
    assert operators.count("QLinearConv") == 2


def test_the_picture_is_taken_as_the_quantised_tensor_that_it_is(
    paper: onnx.ModelProto, calibration: np.ndarray
) -> None:
    model = quantize_int8(paper, calibration)
    nodes = [node.op_type for node in model.graph.node]
    assert nodes.index("DequantizeLinear") < nodes.index("QuantizeLinear")
    scale, zero = next(iter(scales(model).values()))
    assert (float(scale), int(zero), zero.dtype) == (1.0, 0, np.uint8)


def test_a_residual_sum_runs_in_int8(
    mobile: onnx.ModelProto, calibration: np.ndarray, really_run: Callable[..., list[str]], tmp_path: Path
) -> None:
    operators = really_run(quantize_int8(mobile, calibration), tmp_path)
    assert operators.count("QLinearAdd") == 1
    assert "Clip" not in operators


# QNT-08: the same preprocessing, because it is the same graph


def test_the_first_scale_is_that_of_the_normalised_picture(
    network: Any, calibration: np.ndarray, run: Run
) -> None:
    net = network()
    net.add("Mul", [net.last, net.constant(np.float32(1 / 127.5))])
    net.add("Sub", [net.last, net.constant(np.float32(1))])
    normalised = net.last
    net.conv(32, 7, pads=(3, 3, 3, 3), stride=4).relu()
    model = net.classifier()
    int8 = quantize_int8(model, calibration)
    scale, _ = scales(int8)[f"{normalised}__u8"]
    pixels = calibration / 127.5 - 1
    assert float(scale) == pytest.approx((pixels.max() - pixels.min()) / 255, rel=1e-5)
    assert len(np.unique(run(int8, calibration).argmax(axis=1))) == 3


# QNT-06: ranges


@pytest.mark.parametrize("method", list(Method))
def test_a_tensor_that_never_changes_gets_a_usable_scale(
    network: Any, calibration: np.ndarray, held_out: np.ndarray, run: Run, method: Method
) -> None:
    net = network().conv(16, stride=2, first=True).relu()
    alive = net.last
    zero = net.constant(np.zeros((16, 16, 3, 3), np.float32))
    net.add("Conv", [alive, zero], kernel_shape=[3, 3], pads=[1, 1, 1, 1]).relu()
    net.add("Add", [net.last, alive]).pool()
    model = net.classifier()
    int8 = quantize_int8(model, calibration, method=method)
    for scale, _ in scales(int8).values():
        assert np.isfinite(scale).all()
        assert (scale > 0).all()
    assert agreement(run(model, held_out), run(int8, held_out)) >= 0.95


def test_the_same_picture_again_and_again_is_enough_to_get_a_file(
    paper: onnx.ModelProto, run: Run, held_out: np.ndarray
) -> None:
    black = np.zeros((3, 32, 32, 3), np.uint8)
    assert np.isfinite(run(quantize_int8(paper, black), held_out)).all()


def test_values_that_are_not_finite_are_refused_by_name(network: Any, calibration: np.ndarray) -> None:
    net = network()
    net.add("Div", [net.last, net.constant(np.float32(1e-38))]).add("Mul", [net.last, net.last])
    culprit = net.last
    model = net.conv(32, 7).relu().model()
    with pytest.raises(ExportError, match="not finite") as caught:
        quantize_int8(model, calibration)
    assert culprit in str(caught.value) or "Conv" in str(caught.value)


def test_no_picture_an_old_opset_and_nothing_to_quantise_are_one_clear_line(
    network: Any, paper: onnx.ModelProto, calibration: np.ndarray
) -> None:
    with pytest.raises(ExportError, match="no picture to calibrate on"):
        quantize_int8(paper, calibration[:0])
    old = onnx.ModelProto()
    old.CopyFrom(paper)
    old.opset_import[0].version = 12
    with pytest.raises(ExportError, match="opset 12"):
        quantize_int8(old, calibration)
    with pytest.raises(ExportError, match="no convolution or dense layer"):
        quantize_int8(network().add("Relu").model(), calibration)


# QNT-05: channels of very different scale


def test_depthwise_channels_of_very_different_scale_keep_their_numbers(
    network: Any, calibration: np.ndarray, run: Run
) -> None:
    factors = 10.0 ** np.linspace(-4, 0, 16)
    net = network().conv(16, stride=2, first=True).relu()
    net.conv(16, pads=(1, 1, 1, 1), group=16, scale=factors).relu()
    depthwise = net.last
    net.add("Mul", [depthwise, net.constant((1 / factors).astype(np.float32).reshape(1, 16, 1, 1))]).pool()
    model = net.classifier()
    int8 = quantize_int8(model, calibration)
    weights = next(v for k, v in constants(int8).items() if k.endswith("weights__stored") and v.shape[1] == 1)
    assert (np.abs(weights.reshape(16, -1)).max(axis=1) == 63).all()
    assert np.isfinite(run(int8, calibration)).all()


def test_a_bias_that_is_huge_beside_its_weights_still_fits(
    network: Any, calibration: np.ndarray, run: Run
) -> None:
    net = network().conv(16, stride=2, first=True).relu()
    weights = net.generator.normal(0, 1e-9, (16, 16, 3, 3)).astype(np.float32)
    bias = np.linspace(0.5, 2, 16).astype(np.float32)
    net.add("Conv", [net.last, net.constant(weights), net.constant(bias)], kernel_shape=[3, 3]).relu()
    model = net.add("GlobalAveragePool").add("Flatten", axis=1).model()
    int8 = quantize_int8(model, calibration)
    np.testing.assert_allclose(run(int8, calibration), run(model, calibration), atol=2 / 255)


# QNT-04: sums of two products that saturate


def saturating(network: Any) -> onnx.ModelProto:
    """A convolution whose weights and inputs are all as large as they get."""
    net = network(height=4, width=4)
    weights = np.ones((64, 3, 1, 1), np.float32)
    net.add("Conv", [net.last, net.constant(weights)], kernel_shape=[1, 1])
    wide = np.ones((64, 64, 3, 3), np.float32)
    net.add("Conv", [net.last, net.constant(wide)], kernel_shape=[3, 3])
    return net.add("GlobalAveragePool").add("Flatten", axis=1).model()


@pytest.mark.parametrize("weight_bits", [7, 8])
def test_sums_are_exact_at_the_limits(network: Any, run: Run, weight_bits: int) -> None:
    """Weights of the largest stored number, inputs of 255: with 7 bits exact on every machine."""
    from toolkit.machine.features import int8_sums_saturate

    if weight_bits == 8 and int8_sums_saturate():
        pytest.skip("8-bit weights saturate on this processor; that is why 7 bits are the default")
    model = saturating(network)
    white = np.full((1, 4, 4, 3), 255, np.uint8)
    int8 = quantize_int8(model, white, weight_bits=weight_bits)
    stored = [v for k, v in constants(int8).items() if k.endswith("weights__stored")]
    assert max(int(np.abs(v).max()) for v in stored) == 2 ** (weight_bits - 1) - 1
    np.testing.assert_allclose(run(int8, white), run(model, white), rtol=1e-3)


def test_seven_bits_never_reach_sixteen(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    values = constants(quantize_int8(paper, calibration))
    stored = [v for name, v in values.items() if name.endswith("weights__stored")]
    assert stored
    assert 2 * 255 * max(int(np.abs(v).max()) for v in stored) < 2**15


# What stays in float


def test_layers_that_are_named_stay_in_float(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    found = calibrated(paper, calibration)
    assert [layer.kind for layer in found.layers] == ["Conv", "Conv", "Conv", "Gemm"]
    for layer in found.layers:
        kept = found.int8([layer.name])
        node = next(node for node in kept.graph.node if node.name == layer.name)
        floats = {t.name for t in kept.graph.initializer if t.data_type == TensorProto.FLOAT}
        assert node.input[1] in floats


def test_a_tiny_dense_layer_stays_in_float(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    model = quantize_int8(paper, calibration)
    last = [node for node in model.graph.node if node.op_type == "Gemm"][-1]
    assert last.input[1] in {t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT}


# QNT-07: memory

MEMORY = """
import re, sys
import numpy as np, onnx
from toolkit.export.precision.int8 import calibrated
from toolkit.export.precision.ranges import Method
model = onnx.load(sys.argv[1])
pictures = np.random.default_rng(0).integers(0, 256, (int(sys.argv[3]), 96, 96, 3)).astype(np.uint8)
calibrated(model, pictures, method=Method(sys.argv[2]))
# ru_maxrss would count what the parent held when it forked.
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("method", list(Method))
def test_memory_does_not_grow_with_the_number_of_pictures(
    network: Any, method: Method, tmp_path: Path
) -> None:
    net = network(height=96, width=96)
    net.conv(32, first=True).relu().conv(32).relu().pool().conv(32, stride=4).relu()
    path = tmp_path / "model.onnx"
    onnx.save(net.add("GlobalAveragePool").model(), path)

    def peak_mb(pictures: int) -> float:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(path), method.value, str(pictures)],
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout) / 1024

    few, many = peak_mb(64), peak_mb(256)
    # The values of one picture are 5 MB: kept, those of 192 more would be 1 GB. The pictures themselves are 5 MB.
    assert many < few + 100
    assert many < 1024


def test_a_convolution_that_int8_makes_slower_is_no_layer_of_the_report(
    network: Any, calibration: np.ndarray
) -> None:
    net = network()
    net.add("Mul", [net.last, net.constant(np.float32(0.5))])  # not folded: no way to take columns in blocks
    net.conv(8, first=True).relu().conv(8).relu().add("GlobalAveragePool").add("Flatten", axis=1)
    found = calibrated(net.model(), calibration)
    assert [layer.first for layer in found.layers] == [False]
    kinds = {t.name: t.data_type for t in found.int8().graph.initializer}
    convs = [node for node in found.int8().graph.node if node.op_type == "Conv"]
    assert kinds[convs[0].input[1]] == TensorProto.FLOAT
    assert convs[1].input[1] not in kinds


@pytest.mark.parametrize("activation", ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu"])
def test_a_dense_layer_before_an_activation_keeps_its_int8_kernel(
    network: Any,
    calibration: np.ndarray,
    really_run: Callable[..., list[str]],
    tmp_path: Path,
    activation: str,
) -> None:
    net = network().conv(16, stride=4, pads=(0, 0, 1, 1), first=True).relu().add("Flatten", axis=1)
    weights = net.generator.normal(0, 0.05, (16 * 8 * 8, 64)).astype(np.float32)
    inputs = [net.last, net.constant(weights), net.constant(np.zeros(64, np.float32))]
    model = net.add("Gemm", inputs).add(activation).model()
    operators = really_run(quantize_int8(model, calibration), tmp_path)
    assert operators.count("QGemm") == 1
    assert not {"FusedGemm", "Gemm"} & set(operators)


def test_zeros_around_a_max_pooling_of_negative_numbers_still_count(
    padded: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray, run: Run
) -> None:
    expected = run(padded, held_out, optimized=False)
    whole = quantize_int8(padded, calibration)
    answers = run(whole, held_out)
    assert np.abs(answers - expected).mean() < 0.02
    np.testing.assert_allclose(answers, run(whole, held_out, optimized=False), atol=0.1)
    for tensor in whole.graph.initializer:
        if tensor.name.endswith("almost_zero"):
            tensor.CopyFrom(numpy_helper.from_array(np.zeros((), np.float32), tensor.name))
    assert np.abs(run(whole, held_out) - expected).mean() > 0.1, "this test could not fail"
