"""A graph while it is being changed: its structure apart from its large weights.

Large weights stand in the structure as inputs, so that checks and shape inference, which copy a whole model,
copy no weights; their values are arrays beside it until the file is written.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from toolkit.export.graph.nodes import names_used

Array = NDArray[np.generic]

LARGE = 5_000
"""Elements from which a weight is kept apart. Smaller ones (biases, statistics of batch normalisation) are
constants of the structure, so that the converter's own optimiser can calculate with them.

Source: measured on MobileNetV2, where 5,000 gives the converter's full optimisation and 26 MB instead of 1 GB."""

ALIGNMENT = 4096  # bytes; lets ONNX Runtime map the file


@dataclass
class Draft:
    """A graph while it is being changed.

    Args:
        model: the structure; large weights are inputs of it.
        weights: value of each large weight by name.
    """

    model: onnx.ModelProto
    weights: dict[str, Array] = field(default_factory=dict)

    @property
    def graph(self) -> onnx.GraphProto:
        """The graph of the structure."""
        return self.model.graph

    @property
    def inputs(self) -> list[onnx.ValueInfoProto]:
        """What the finished model will take: the structure's inputs without the weights."""
        return [value for value in self.graph.input if value.name not in self.weights]

    def copy(self) -> "Draft":
        """Copy the structure; the weights are shared."""
        structure = onnx.ModelProto()
        structure.CopyFrom(self.model)
        return Draft(structure, dict(self.weights))

    def set_constant(self, name: str, value: Array) -> None:
        """Give a constant a new value, or add it.

        Args:
            name: of the constant.
            value: any dtype that ONNX has, any shape [...].
        """
        value = np.ascontiguousarray(value) if value.ndim else value
        self._drop(name)
        if value.size < LARGE:
            self.graph.initializer.append(numpy_helper.from_array(value, name))
            return
        self.weights[name] = value
        kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        self.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, list(value.shape)))

    def set_nodes(self, nodes: list[onnx.NodeProto]) -> None:
        """Replace the nodes, and drop constants that none of them uses."""
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del self.graph.node[:]
        self.graph.node.extend(copies)
        del self.graph.value_info[:]  # shapes of values that may be gone; inference finds them again
        used = {name for node in copies for name in names_used(node)}
        for name in self._constant_names() - used:
            self._drop(name)

    def remove_unused(self) -> None:
        """Remove nodes that nothing depends on, and constants that nobody uses."""
        needed = {value.name for value in self.graph.output}
        kept = []
        for node in reversed(self.graph.node):
            if any(name in needed for name in node.output):
                kept.append(node)
                needed.update(names_used(node))
        self.set_nodes(kept[::-1])

    @property
    def weight_bytes(self) -> int:
        """Size of the large weights together, bytes."""
        return sum(value.nbytes for value in self.weights.values())

    def _constant_names(self) -> set[str]:
        return {tensor.name for tensor in self.graph.initializer} | set(self.weights)

    def _drop(self, name: str) -> None:
        self.weights.pop(name, None)
        for values in (self.graph.initializer, self.graph.input):
            for position, value in enumerate(values):
                if value.name == name:
                    del values[position]
                    break


class Index:
    """Who makes and who uses each value of a draft as it is now; make a new one after a change.

    Args:
        draft: the graph.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._small = {tensor.name: tensor for tensor in draft.graph.initializer}
        self._makers = {name: node for node in draft.graph.node for name in node.output}
        self._users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in draft.graph.node:
            for name in names_used(node):
                self._users[name].append(node)
        self._outputs = {value.name for value in draft.graph.output}
        self._shapes: dict[str, tuple[int | None, ...]] | None = None

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

    def constant(self, name: str) -> Array | None:
        """Return a constant's value, or None where it isn't one."""
        if name in self._draft.weights:
            return self._draft.weights[name]
        tensor = self._small.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor))

    def is_constant(self, name: str) -> bool:
        """Tell whether a value is a constant."""
        return name in self._small or name in self._draft.weights

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """Return a value's shape; None extents are free, None altogether is unknown."""
        if self._shapes is None:
            inferred = onnx.shape_inference.infer_shapes(self._draft.model, data_prop=True).graph
            self._shapes = {
                value.name: tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim)
                for value in (*inferred.input, *inferred.value_info, *inferred.output)
            }
        return self._shapes.get(name)


def assemble(draft: Draft) -> onnx.ModelProto:
    """Put the large weights into the model, in place: the structure becomes the finished model."""
    inputs_only(draft)
    for name in list(draft.weights):
        value = draft.weights.pop(name)
        _declare(draft, name, value).raw_data = value.tobytes()
    return draft.model


def assemble_beside(draft: Draft, data_file: Path) -> onnx.ModelProto:
    """Write the large weights into a file of their own, which the model then names; one after the other.

    Args:
        draft: the graph; it has no weights any more afterwards.
        data_file: to write; the model finds it by its name in its own folder.

    Source: ONNX, External Data: location, offset and length, the offset a multiple of 4,096.
    """
    inputs_only(draft)
    with data_file.open("wb") as file:
        for name in list(draft.weights):
            value = draft.weights.pop(name)
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            tensor = _declare(draft, name, value)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            place = {"location": data_file.name, "offset": file.tell(), "length": value.nbytes}
            for key, entry in place.items():
                tensor.external_data.add(key=key, value=str(entry))
            file.write(value.tobytes())
    return draft.model


def inputs_only(draft: Draft) -> None:
    """Declare as inputs what the finished model takes, and the large weights no more."""
    inputs = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in draft.inputs]
    del draft.graph.input[:]
    draft.graph.input.extend(inputs)


def _declare(draft: Draft, name: str, value: Array) -> onnx.TensorProto:
    # Filled in place: appending a tensor would copy it once more.
    tensor: onnx.TensorProto = draft.graph.initializer.add()
    tensor.name = name
    tensor.data_type = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    tensor.dims.extend(value.shape)
    return tensor


def take_apart(model: onnx.ModelProto) -> Draft:
    """Make a draft of a finished model: its large constants become weights. Changes the model."""
    draft = Draft(model)
    for tensor in list(model.graph.initializer):
        if int(np.prod(tensor.dims)) >= LARGE:
            draft.set_constant(tensor.name, np.asarray(numpy_helper.to_array(tensor)))
    return draft


def copy_apart(model: onnx.ModelProto) -> Draft:
    """Make a draft of a copy of a finished model, which stays as it is."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return take_apart(copy)
