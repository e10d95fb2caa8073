"""Who makes and who uses each value of a graph, which values are constant, and their shapes."""

from collections import defaultdict

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


class Index:
    """A view of a graph as it is now; make a new one after a change.

    Args:
        model: the graph.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._makers = {name: node for node in model.graph.node for name in node.output}
        self._users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self._users[name].append(node)
        self._outputs = {value.name for value in model.graph.output}
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        self._shapes = {
            value.name: tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim)
            for value in (*inferred.input, *inferred.value_info, *inferred.output)
        }

    def maker(self, name: str) -> onnx.NodeProto | None:
        """Return the node that makes a value, or None for an input or a constant."""
        return self._makers.get(name)

    def users(self, name: str) -> list[onnx.NodeProto]:
        """Return the nodes that use a value, in the order of the graph."""
        return self._users.get(name, [])

    def only_user(self, name: str) -> onnx.NodeProto | None:
        """Return the one node that uses a value; None when there are others, or it leaves the graph."""
        users = self.users(name)
        return users[0] if len(users) == 1 and name not in self._outputs else None

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """Return a constant's value, or None where it isn't one."""
        tensor = self._constants.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor))

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """Return a value's shape; None extents are free, None altogether is unknown."""
        return self._shapes.get(name)


def set_constant(model: onnx.ModelProto, name: str, value: NDArray[np.generic]) -> None:
    """Give a constant a new value, or add it."""
    tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
    for existing in model.graph.initializer:
        if existing.name == name:
            existing.CopyFrom(tensor)
            return
    model.graph.initializer.append(tensor)


def attribute(node: onnx.NodeProto, name: str) -> list[int]:
    """Return an integer-list attribute of a node, empty where it isn't given."""
    return next((list(entry.ints) for entry in node.attribute if entry.name == name), [])


def remove_unused(model: onnx.ModelProto) -> None:
    """Remove nodes whose outputs nobody uses, then constants that nobody uses."""
    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if any(name in needed for name in node.output):
            kept.append(node)
            needed.update(node.input)
    nodes = [_copy(node) for node in reversed(kept)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    constants = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    kept_constants = [_copy_tensor(tensor) for tensor in constants]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept_constants)
    del model.graph.value_info[:]  # shapes of values that may be gone; they are found again by inference


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def _copy_tensor(tensor: onnx.TensorProto) -> onnx.TensorProto:
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    return copy
