"""Which constants of an ONNX graph count as parameters, and which node brings them.

A parameter is a constant that training made: weights, biases, the four vectors of a batch normalisation.
Shapes, axes, scales of quantisation, and the constants that normalise pixels before the first layer aren't.
"""

import math

import onnx
from onnx import TensorProto

# Quantised weights are counted by the operator that uses them.
FLOATS = frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16))

LAYERS = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "FusedConv",
        "Gemm",
        "FusedGemm",
        "MatMul",
        "FusedMatMul",
        "Einsum",
        "BatchNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "PRelu",
        "LSTM",
        "GRU",
        "RNN",
        "Gather",
    ]
)
"""Operators whose constant inputs are parameters wherever they stand."""

QUANTISED = {
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "QGemm": (3, 6),
    "ConvInteger": (1,),
    "MatMulInteger": (0, 1),
    "MatMulIntegerToFloat": (1, 6),
    "DynamicQuantizeMatMul": (1, 4),
}
"""Operators on integers: which inputs are weights and biases; the others are scales and zero points."""

QUANTISED_ELEMENTWISE = {"QLinearAdd": (0, 3), "QLinearMul": (0, 3)}
"""The same for sums and products element by element, which may come before the first layer."""

PRODUCTS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul", *QUANTISED))

NEVER = frozenset(
    [
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "Resize",
        "Upsample",
        "Clip",
        "Pad",
        "Pow",
        "Range",
        "Where",
        "OneHot",
        "RandomNormal",
        "Dropout",
    ]
)
"""Operators whose floating-point constants say how to compute."""


class Constants:
    """The constant tensors of a graph: initialisers, Constant nodes, and what is computed from them alone.

    Args:
        graph: in topological order, as ONNX requires.

    Attributes:
        source: stored tensor by the name of a constant: itself, or the largest that it is computed from.
        floats: names of the constants that are real numbers where they are used.
        folded: indices of the nodes that compute constants.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.source: dict[str, str] = {}
        self.floats: set[str] = set()
        self.folded: set[int] = set()
        self._shapes: dict[str, tuple[int, ...]] = {}
        for tensor in (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)):
            self._store(tensor.name, tensor)
        for index, node in enumerate(graph.node):
            if node.op_type == "Constant":
                self.folded.add(index)
                value = next((a.t for a in node.attribute if a.name == "value"), onnx.TensorProto())
                self._store(node.output[0], value)
            elif any(node.input) and all(name in self.source for name in node.input if name):
                self.folded.add(index)
                self._compute(node)

    def size(self, name: str) -> int:
        """Count the elements of a constant as it is stored."""
        return math.prod(self._shapes[self.source[name]])

    def is_scalar(self, name: str) -> bool:
        """Tell whether a constant is stored as a number without axes."""
        return not self._shapes[self.source[name]]

    def _store(self, name: str, tensor: onnx.TensorProto) -> None:
        self.source[name] = name
        self._shapes[name] = tuple(tensor.dims)
        if tensor.data_type in FLOATS:
            self.floats.add(name)

    def _compute(self, node: onnx.NodeProto) -> None:
        inputs = [name for name in node.input if name]
        largest = max(inputs, key=self.size)
        # Weights may be stored small, and become real numbers on the way to their layer.
        real = node.op_type in ("DequantizeLinear", "Cast") or any(name in self.floats for name in inputs)
        for name in node.output:
            self.source[name] = self.source[largest]
            if real:
                self.floats.add(name)


def parameters_by_node(graph: onnx.GraphProto, constants: Constants) -> dict[int, int]:
    """Count the parameters that each node brings; shared ones count where they are used first.

    Args:
        graph: in topological order, as ONNX requires.
        constants: of the graph.

    Returns:
        Counts by index of the node; nodes without parameters are left out.
    """
    counts: dict[int, int] = {}
    counted: set[str] = set()
    after_layer: dict[str, str] = {}  # tensors that depend on a layer -> operator that made them
    for index, node in enumerate(graph.node):
        if index in constants.folded:
            continue
        is_layer = node.op_type in LAYERS or node.op_type in QUANTISED
        behind = [after_layer[name] for name in node.input if name in after_layer]
        for name in _parameter_inputs(node, constants, behind):
            source = constants.source[name]
            if source not in counted:
                counted.add(source)
                counts[index] = counts.get(index, 0) + constants.size(name)
        if is_layer or behind:
            after_layer.update(dict.fromkeys(node.output, node.op_type))
    return counts


def _parameter_inputs(node: onnx.NodeProto, constants: Constants, behind: list[str]) -> list[str]:
    if node.op_type in QUANTISED:
        positions = [i for i in QUANTISED[node.op_type] if i < len(node.input)]
        return [node.input[i] for i in positions if node.input[i] in constants.source]
    if node.op_type in NEVER:
        return []
    if node.op_type in QUANTISED_ELEMENTWISE:
        operands = [node.input[i] for i in QUANTISED_ELEMENTWISE[node.op_type] if i < len(node.input)]
        given = [name for name in operands if name in constants.source]
    else:
        given = [name for name in node.input if name in constants.floats]
    if node.op_type in LAYERS:
        return given
    if not behind:
        return []  # normalises pixels before the first layer
    # A single number is an epsilon or a factor, unless it is the bias of a layer with one unit.
    biased = any(operator in PRODUCTS for operator in behind) and node.op_type in ("Add", "QLinearAdd")
    return [name for name in given if constants.size(name) > 1 or (biased and not constants.is_scalar(name))]
