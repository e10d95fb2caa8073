import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from toolkit.errors import ModelError
from toolkit.inspect.job import inspect_onnx
from toolkit.inspect.result import LayerRow, TensorRow

CONV_MACS = [30 * 30 * 32 * 27, 13 * 13 * 64 * 288, 4 * 4 * 64 * 576]  # positions × channels out × window
PAPER_MACS = sum(CONV_MACS) + 1024 * 64 + 64 * 10
PAPER_PARAMETERS = 122_570


def test_the_papers_network_layer_by_layer(saved: Any, graphs: Any) -> None:
    result = inspect_onnx(saved(graphs.paper_cnn()))
    assert result.layers == (
        LayerRow("pixels", "Cast", (None, 32, 32, 3), 0, 0, ""),
        LayerRow("scaled", "Mul", (None, 32, 32, 3), 0, 0, ""),
        LayerRow("nchw", "Transpose", (None, 3, 32, 32), 0, 0, ""),
        LayerRow("conv1", "Conv", (None, 32, 30, 30), 896, CONV_MACS[0], ""),
        LayerRow("relu1", "Relu", (None, 32, 30, 30), 0, 0, ""),
        LayerRow("pool1", "MaxPool", (None, 32, 15, 15), 0, 0, ""),
        LayerRow("conv2", "Conv", (None, 64, 13, 13), 18_496, CONV_MACS[1], ""),
        LayerRow("relu2", "Relu", (None, 64, 13, 13), 0, 0, ""),
        LayerRow("pool2", "MaxPool", (None, 64, 6, 6), 0, 0, "drops 1 row and 1 column at the border"),
        LayerRow("conv3", "Conv", (None, 64, 4, 4), 36_928, CONV_MACS[2], ""),
        LayerRow("relu3", "Relu", (None, 64, 4, 4), 0, 0, ""),
        LayerRow("flat", "Flatten", (None, 1024), 0, 0, ""),
        LayerRow("dense4", "Gemm", (None, 64), 65_600, 65_536, ""),
        LayerRow("relu4", "Relu", (None, 64), 0, 0, ""),
        LayerRow("dense5", "Gemm", (None, 10), 650, 640, ""),
        LayerRow("probabilities", "Softmax", (None, 10), 0, 0, ""),
    )
    assert (result.parameters, result.macs) == (122_570, 4_548_608)
    assert (result.format, result.opset, result.ir_version) == ("onnx", 18, 8)
    assert result.inputs == (TensorRow("image", "uint8", ("batch", 32, 32, 3)),)
    assert result.size_bytes == Path(result.path).stat().st_size


@pytest.mark.parametrize("form", ["plain", "added", "qdq", "half"])
@pytest.mark.parametrize("batch", ["batch", None, 1, 8])
def test_every_form_of_the_papers_network_has_the_same_parameters_and_macs_for_one_picture(
    saved: Any, graphs: Any, form: str, batch: Any
) -> None:
    result = inspect_onnx(saved(graphs.paper_cnn(batch, form=form)))
    assert (result.parameters, result.macs) == (PAPER_PARAMETERS, PAPER_MACS)
    assert "DequantizeLinear" not in {layer.operator for layer in result.layers}  # folded into its layer
    assert result.layers[-1].output_shape == (batch if isinstance(batch, int) else None, 10)


def test_quantised_operators_count_like_the_ones_they_replace(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    scale, zero, weight_zero = (
        g.store("s", np.float32(0.1)),
        g.store("z", np.uint8(0)),
        g.store("wz", np.int8(0)),
    )
    w = g.store("w", np.ones((8, 3, 3, 3), np.int8))
    b = g.store("b", np.ones(8, np.int32))
    x = g.node("QuantizeLinear", ["image", scale, zero], "q")
    x = g.node("QLinearConv", [x, scale, zero, w, scale, weight_zero, scale, zero, b], "conv", strides=[2, 2])
    # ONNX Runtime's own operators, whose shapes ONNX can't infer by itself.
    x = g.node("QLinearGlobalAveragePool", [x, scale, zero, scale, zero], "mean", domain="com.microsoft")
    x = g.node("Flatten", [x], "flat")
    dense = g.store("dense", np.ones((8, 5), np.int8))
    x = g.node(
        "QGemm", [x, scale, zero, dense, scale, weight_zero, g.store("c", np.ones(5, np.int32)), scale, zero],
        "gemm", domain="com.microsoft",
    )  # fmt: skip
    bias = g.store("bias", np.ones(5, np.uint8))
    x = g.node("QLinearAdd", [x, scale, zero, bias, scale, zero, scale, zero], "sum", domain="com.microsoft")
    x = g.node("DequantizeLinear", [x, scale, zero], "scores")
    result = inspect_onnx(saved(g.model((1, 3, 8, 8), x, domains=("", "com.microsoft"))))
    rows = {row.name: row for row in result.layers}
    assert rows["conv"] == LayerRow(
        "conv", "QLinearConv", (1, 8, 3, 3), 8 * 27 + 8, 9 * 8 * 27, "drops 1 row and 1 column at the border"
    )
    assert rows["gemm"] == LayerRow("gemm", "QGemm", (1, 5), 45, 40, "")
    assert rows["sum"] == LayerRow("sum", "QLinearAdd", (1, 5), 5, 0, "")
    assert result.parameters == 224 + 45 + 5


def test_dynamically_quantised_products_are_counted(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    g.nodes.append(helper.make_node("DynamicQuantizeLinear", ["image"], ["q", "s", "z"], "quantise"))
    x = g.node("MatMulInteger", ["q", g.store("w", np.ones((6, 4), np.uint8)), "z"], "product")
    x = g.node("Cast", [x], "scores", to=TensorProto.FLOAT)
    result = inspect_onnx(saved(g.model(("n", 6), x)))
    assert (result.parameters, result.macs) == (24, 24)


@pytest.mark.parametrize(
    ("attributes", "weight", "shape", "macs"),
    [
        ({}, (8, 6, 3, 3), (1, 8, 8, 8), 8 * 8 * 8 * 54),
        ({"group": 6}, (12, 1, 3, 3), (1, 12, 8, 8), 8 * 8 * 12 * 9),  # depthwise
        ({"group": 2}, (8, 3, 3, 3), (1, 8, 8, 8), 8 * 8 * 8 * 27),
        ({"dilations": [2, 2]}, (8, 6, 3, 3), (1, 8, 6, 6), 6 * 6 * 8 * 54),
    ],
)
def test_convolutions_count_groups_and_dilation(
    saved: Any, graphs: Any, attributes: dict[str, Any], weight: tuple[int, ...], shape: Any, macs: int
) -> None:
    g = graphs.Graph()
    x = g.node("Conv", ["image", g.store("w", graphs.weights(*weight))], "conv", **attributes)
    (row,) = inspect_onnx(saved(g.model((1, 6, 10, 10), x))).layers
    assert (row.output_shape, row.parameters, row.macs) == (shape, int(np.prod(weight)), macs)


def test_a_transposed_convolution_multiplies_at_every_input_position(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    w = g.store("w", graphs.weights(6, 4, 3, 3))
    x = g.node("ConvTranspose", ["image", w], "up", strides=[2, 2])
    (row,) = inspect_onnx(saved(g.model(("n", 6, 5, 5), x))).layers
    assert (row.output_shape, row.macs) == ((None, 4, 11, 11), 5 * 5 * 6 * 4 * 9)


@pytest.mark.parametrize("transposed", [0, 1])
def test_products_count_rows_columns_and_depth(saved: Any, graphs: Any, transposed: int) -> None:
    g = graphs.Graph()
    w = graphs.weights(7, 5)
    x = g.node("Gemm", ["image", g.store("w", w.T if transposed else w)], "dense", transB=transposed)
    (row,) = inspect_onnx(saved(g.model(("n", 7), x))).layers
    assert (row.output_shape, row.parameters, row.macs) == ((None, 5), 35, 35)


def test_products_of_two_activations_and_einsum_are_counted(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    x = g.node("MatMul", ["image", g.node("Transpose", ["image"], "t", perm=[0, 2, 1])], "scores")
    x = g.node("Einsum", [x, g.store("w", graphs.weights(4, 3))], "mixed", equation="bij,jk->bik")
    rows = {row.name: row for row in inspect_onnx(saved(g.model(("n", 4, 6), x))).layers}
    assert rows["scores"].macs == 4 * 4 * 6
    assert (rows["mixed"].macs, rows["mixed"].parameters) == (4 * 4 * 3, 12)


def test_shared_weights_count_once_but_are_multiplied_each_time(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    w = g.store("w", graphs.weights(6, 6))
    x = g.node("MatMul", [g.node("MatMul", ["image", w], "first"), w], "second")
    result = inspect_onnx(saved(g.model(("n", 6), x)))
    assert [row.parameters for row in result.layers] == [36, 0]
    assert (result.parameters, result.macs) == (36, 72)


def test_constants_that_are_not_trained_are_no_parameters(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    x = g.node("Sub", ["image", g.store("mean", graphs.weights(1, 3, 1, 1))], "centred")
    x = g.node(
        "Pad",
        [x, g.store("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])), g.store("white", np.float32(1))],
        "pad",
    )
    x = g.node("Resize", [x, "", g.store("scales", np.array([1, 1, 2, 2], np.float32))], "large")
    x = g.node("Conv", [x, g.store("w", graphs.weights(4, 3, 1, 1))], "conv")
    x = g.node("Clip", [x, g.store("low", np.float32(0)), g.store("high", np.float32(6))], "relu6")
    x = g.node("Mul", [x, g.store("half", np.float32(0.5))], "halved")
    x = g.node("Reshape", [x, g.store("shape", np.array([0, -1]))], "flat")
    assert inspect_onnx(saved(g.model(("n", 3, 4, 4), x))).parameters == 12


def test_normalisations_biases_and_slopes_are_parameters(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    vectors = [g.store(name, np.ones(4, np.float32)) for name in ("gamma", "beta", "mean", "variance")]
    x = g.node("Conv", ["image", g.store("w", graphs.weights(4, 3, 1, 1))], "conv")
    x = g.node("BatchNormalization", [x, *vectors], "norm")
    x = g.node("PRelu", [x, g.store("slope", graphs.weights(4, 1, 1))], "prelu")
    x = g.node("GlobalAveragePool", [x], "mean_of_all")
    x = g.node("Flatten", [x], "flat")
    x = g.node("MatMul", [x, g.store("one", graphs.weights(4, 1))], "unit")
    x = g.node("Add", [x, g.store("bias", np.ones(1, np.float32))], "biased")  # one unit, one bias
    rows = {row.name: row.parameters for row in inspect_onnx(saved(g.model(("n", 3, 4, 4), x))).layers}
    assert rows == {
        "conv": 12, "norm": 16, "prelu": 4, "mean_of_all": 0, "flat": 0, "unit": 4, "biased": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "attributes", "note"),
    [
        (13, {"strides": [2, 2]}, "drops 1 row and 1 column at the border"),
        (12, {"strides": [2, 2]}, ""),
        (13, {"strides": [2, 1]}, "drops 1 row at the border"),
        (13, {"strides": [2, 2], "ceil_mode": 1}, ""),
        (13, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, ""),
        (13, {"strides": [2, 2], "auto_pad": "SAME_LOWER"}, ""),
        (13, {"strides": [2, 2], "auto_pad": "VALID"}, "drops 1 row and 1 column at the border"),
        (13, {"strides": [2, 2], "pads": [1, 1, 0, 0]}, ""),
        (12, {"strides": [2, 2], "pads": [1, 1, 0, 0]}, "drops 1 row and 1 column at the border"),
        (12, {"strides": [2, 2], "pads": [0, 0, 1, 1]}, ""),  # only the padding is left out
        (13, {}, ""),  # a stride of one
    ],
)
def test_a_pooling_that_does_not_divide_its_input_is_pointed_out(
    saved: Any, graphs: Any, size: int, attributes: dict[str, Any], note: str
) -> None:
    g = graphs.Graph()
    x = g.node("MaxPool", ["image"], "pool", kernel_shape=[2, 2], **attributes)
    (row,) = inspect_onnx(saved(g.model(("n", 3, size, size), x))).layers
    assert row.note == note


def test_a_padding_by_a_node_of_its_own_counts_as_padding(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    pads = g.store("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = g.node("Pad", ["image", pads], "pad")
    x = g.node("MaxPool", [x], "pool", kernel_shape=[3, 3], strides=[2, 2])
    # 112 + 2 = 114: the last row that no window reaches is a row of padding (as in Keras' ResNet50).
    assert inspect_onnx(saved(g.model(("n", 3, 112, 112), x))).layers[-1].note == ""


def test_one_and_three_dimensional_windows_are_described_too(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    x = g.node("Conv", ["image", g.store("w", graphs.weights(2, 3, 3))], "conv", strides=[2])
    (row,) = inspect_onnx(saved(g.model(("n", 3, 10), x))).layers
    assert (row.output_shape, row.note) == ((None, 2, 4), "drops 1 position at the border")


def test_where_the_picture_size_is_free_macs_are_unknown_but_parameters_are_not(
    saved: Any, graphs: Any
) -> None:
    g = graphs.Graph()
    x = g.node("Conv", ["image", g.store("w", graphs.weights(4, 3, 3, 3))], "conv")
    result = inspect_onnx(saved(g.model(("n", 3, "height", "width"), x)))
    assert (result.parameters, result.macs) == (108, None)
    assert result.layers[0].output_shape == (None, 4, None, None)
    json.dumps(result.to_document())


def test_operators_that_are_not_counted_say_so(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    names = [g.store(n, graphs.weights(1, 8, 3)) for n in ("w", "r")]
    g.nodes.append(helper.make_node("RNN", ["image", names[0], names[1]], ["y"], "rnn", hidden_size=8))
    result = inspect_onnx(saved(g.model((5, "n", 3), "y")))
    assert (result.macs, result.layers[0].note) == (None, "its multiply-accumulates are not counted")


def test_weights_that_older_files_list_as_inputs_are_no_inputs(saved: Any, graphs: Any) -> None:
    model = graphs.paper_cnn()
    model.graph.input.append(helper.make_tensor_value_info("w1", TensorProto.FLOAT, [32, 3, 3, 3]))
    result = inspect_onnx(saved(model))
    assert [row.name for row in result.inputs] == ["image"]
    assert result.parameters == PAPER_PARAMETERS


def test_weights_in_a_file_beside_it_are_counted_without_being_read(
    saved: Any, graphs: Any, tmp_path: Path
) -> None:
    path = tmp_path / "apart.onnx"
    onnx.save(graphs.paper_cnn(), path, save_as_external_data=True, location="apart.bin", size_threshold=0)
    whole = inspect_onnx(path)
    weights = (tmp_path / "apart.bin").stat().st_size
    assert whole.size_bytes == path.stat().st_size + weights
    (tmp_path / "apart.bin").unlink()
    without = inspect_onnx(path)
    assert (
        (whole.parameters, whole.macs) == (without.parameters, without.macs) == (PAPER_PARAMETERS, PAPER_MACS)
    )


def test_shapes_and_pads_in_a_file_beside_it_are_read_from_wherever_it_is_called(
    saved: Any, graphs: Any, tmp_path: Path
) -> None:
    g = graphs.Graph()
    x = g.node("Pad", ["image", g.store("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1]))], "padded")
    x = g.node("Conv", [x, g.store("w", graphs.weights(4, 3, 3, 3))], "conv", strides=[2, 2])
    x = g.node("Reshape", [x, g.store("shape", np.array([-1, 64]))], "flat")
    x = g.node("MatMul", [x, g.store("m", graphs.weights(64, 10))], "scores")
    model = g.model(("n", 3, 8, 8), x)
    inside, path = inspect_onnx(saved(model)), tmp_path / "beside" / "apart.onnx"
    path.parent.mkdir()
    onnx.save(model, path, save_as_external_data=True, location="apart.bin", size_threshold=0)
    apart = inspect_onnx(path)
    assert apart.layers == inside.layers
    assert apart.macs == 4 * 4 * 4 * 27 + 640
    (path.parent / "apart.bin").unlink()
    without = inspect_onnx(path)
    assert (without.parameters, without.macs) == (inside.parameters, None)


def test_functions_of_the_file_itself_are_looked_into(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    w = g.store("w", graphs.weights(6, 4))
    x = g.node("Dense", ["image", w], "dense", domain="own")
    model = g.model(("n", 6), x, domains=("", "own"))
    model.functions.append(
        helper.make_function(
            "own", "Dense", ["x", "w"], ["y"], [helper.make_node("MatMul", ["x", "w"], ["y"], "product")],
            [helper.make_opsetid("", 18)],
        )
    )  # fmt: skip
    result = inspect_onnx(saved(model))
    assert [row.operator for row in result.layers] == ["MatMul"]
    assert (result.parameters, result.macs) == (24, 24)


def test_a_model_that_is_not_a_classifier_can_be_inspected(saved: Any, graphs: Any) -> None:
    g = graphs.Graph()
    g.node("NonZero", ["image"], "places")
    result = inspect_onnx(saved(g.model((3, 4), "places")))
    assert result.layers[0].operator == "NonZero"


def test_a_graph_without_a_node_is_described(saved: Any, graphs: Any) -> None:
    result = inspect_onnx(saved(graphs.Graph().model(("n", 3), "image")))
    assert (result.layers, result.parameters, result.macs) == ((), 0, 0)
    assert [row.name for row in result.outputs] == ["image"]


def test_metadata_is_shown_as_it_is(tiny_model: Path) -> None:
    result = inspect_onnx(tiny_model)
    assert json.loads(result.metadata["labels"]) == ["red", "green", "blue"]
    assert (result.parameters, result.macs) == (0, 0)


def test_a_shortened_file_is_refused_wherever_it_ends(graphs: Any, saved: Any) -> None:
    model = graphs.paper_cnn()
    path = saved(model)
    content = path.read_bytes()
    for length in {*range(0, 200, 7), *range(200, len(content) - 1, 9973), len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=f"not a valid ONNX file \\({length:,} bytes\\)"):
            inspect_onnx(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"a text", bytes(1000)])
def test_a_file_of_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a valid ONNX file"):
        inspect_onnx(path)


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"),
    [
        ("Conv", 1, {}),
        ("MatMul", 2, {}),  # with a number without axes
        ("Slice", 0, {}),
        ("Einsum", 1, {}),
        ("MaxPool", 1, {"kernel_shape": [2, 2], "strides": [0, 0]}),
        ("MaxPool", 1, {"kernel_shape": [2, 2], "pads": [1, 1]}),
    ],
)
def test_a_node_that_no_runtime_takes_is_named(
    graphs: Any, saved: Any, operator: str, inputs: int, attributes: dict[str, Any]
) -> None:
    g = graphs.Graph()
    given = ["image", g.store("number", np.float32(2))][:inputs]
    x = g.node(operator, given, "odd", **attributes)
    with pytest.raises(ModelError, match=rf"its graph can't be followed: {operator} odd lacks an input"):
        inspect_onnx(saved(g.model((1, 3, 8, 8), x)))


def test_a_type_that_the_library_does_not_know_is_shown_by_its_number(graphs: Any, saved: Any) -> None:
    g = graphs.Graph()
    result = inspect_onnx(saved(g.model((2,), g.node("Identity", ["image"], "same"), kind=99)))
    assert result.inputs[0].dtype == "type 99"


def test_a_graph_with_operators_of_an_unknown_domain_is_refused(graphs: Any, saved: Any) -> None:
    g = graphs.Graph()
    x = g.node("Mystery", ["image"], "strange", domain="not.declared")
    with pytest.raises(ModelError, match=r"its graph can't be followed: .*not\.declared") as caught:
        inspect_onnx(saved(g.model((1, 3, 8, 8), x)))
    assert "\n" not in str(caught.value)


def test_a_node_that_makes_no_sense_costs_its_shape_and_not_the_table(graphs: Any, saved: Any) -> None:
    g = graphs.Graph()
    x = g.node("Relu", ["image"], "relu")
    x = g.node("MatMul", [x, g.store("w", graphs.weights(7, 5))], "wrong")  # 8 columns times 7 rows
    x = g.node("Relu", [x], "after")
    result = inspect_onnx(saved(g.model((1, 3, 8, 8), x)))
    assert [row.output_shape for row in result.layers] == [(1, 3, 8, 8), (), ()]
    assert result.macs is None


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        inspect_onnx(tmp_path / "none.onnx")
