"""Which precision a graph is in already."""

from collections.abc import Mapping

import onnx

from toolkit.export.graph.draft import Array

QUANTIZED = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
    }
)


def stored_precision(graph: onnx.GraphProto, weights: Mapping[str, Array] | None = None) -> str:
    """Tell the precision of a graph by its operators and its weights.

    Args:
        graph: the graph.
        weights: constants that are kept apart from it.

    Returns:
        int8 where something is quantised, fp16 where every weight matrix or kernel is in half precision, else fp32.
    """
    if any(node.op_type in QUANTIZED for node in graph.node):
        return "int8"
    kinds = {tensor.data_type for tensor in graph.initializer if len(tensor.dims) > 1}
    kinds |= {onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for value in (weights or {}).values()}
    floats = kinds & {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}
    return "fp16" if floats == {onnx.TensorProto.FLOAT16} else "fp32"
