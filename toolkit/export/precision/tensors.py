"""The quantised tensors of a graph while it is being written, and the nodes that make and read them.

Every tensor `t` that is quantised has three names: `t__float` as it is computed, `t__u8` as it is stored, and `t`
as those see it who compute in float32. Who computes in int8 dequantises for itself: ONNX Runtime looks for a
DequantizeLinear that belongs to one node. Nodes that only move numbers run on `t__u8`.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from toolkit.export.graph.draft import Draft
from toolkit.export.precision.scales import Scale


class Tensors:
    """Nodes written so far, and which tensors exist as uint8.

    Args:
        draft: gets the constants.
    """

    def __init__(self, draft: Draft) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._draft = draft
        self._scales: dict[str, Scale] = {}
        self._stored: dict[str, str] = {}  # the name of its bytes
        self._constants: dict[str, list[str]] = {}  # names of scale and zero point, by the name of the bytes

    def __contains__(self, name: str) -> bool:
        return name in self._scales

    def scale(self, name: str) -> Scale:
        """Return the scale of a tensor that exists as uint8."""
        return self._scales[name]

    def add(self, node: onnx.NodeProto) -> None:
        """Write a node."""
        self.nodes.append(node)

    def take(self, name: str, stored: str, scale: Scale) -> None:
        """Know bytes that are there already as a tensor of that scale."""
        self._declare(stored, scale)
        self._scales[name], self._stored[name] = scale, stored

    def move(self, node: onnx.NodeProto) -> None:
        """Write a node that only moves numbers, on bytes. Changes the node."""
        source, name = node.input[0], node.output[0]
        stored = f"{name}__u8"
        node.input[0], node.output[0] = self._stored[source], stored
        self.add(node)
        self._scales[name], self._stored[name] = self._scales[source], stored
        self._constants[stored] = self._constants[self._stored[source]]
        self._dequantize(stored, name)

    def quantize(self, source: str, scale: Scale, name: str, *, shared: bool = True) -> None:
        """Store a float32 value as bytes; `shared` makes `name` what float32 nodes see of them."""
        stored = f"{name}__u8"
        constants = self._declare(stored, scale)
        self.add(helper.make_node("QuantizeLinear", [source, *constants], [stored], name=stored))
        self._scales[name], self._stored[name] = scale, stored
        if shared:
            self._dequantize(stored, name)

    def for_int8(self, name: str, user: str) -> str:
        """Dequantise a tensor for one node; return what the node reads."""
        seen = f"{name}__for__{user}"
        self._dequantize(self._stored[name], seen)
        return seen

    def constant(
        self, name: str, stored: NDArray[np.signedinteger], scales: NDArray[np.float32], axis: int
    ) -> None:
        """Write a quantised constant.

        Args:
            name: under which it is read.
            stored: int8 or int32, any shape.
            scales: float32 [channels].
            axis: of the channels.
        """
        constants = [f"{name}__stored", f"{name}__scale", f"{name}__zero"]
        values = (stored, scales, np.zeros(len(scales), stored.dtype))
        for part, value in zip(constants, values, strict=True):
            self._draft.set_constant(part, value)
        self.add(helper.make_node("DequantizeLinear", constants, [name], name=name, axis=axis))

    def _dequantize(self, stored: str, name: str) -> None:
        inputs = [stored, *self._constants[stored]]
        self.add(helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}__seen"))

    def _declare(self, stored: str, scale: Scale) -> list[str]:
        names = [f"{stored}__scale", f"{stored}__zero"]
        self._draft.set_constant(names[0], np.array(scale.scale, np.float32))
        self._draft.set_constant(names[1], np.array(scale.zero_point, np.uint8))
        self._constants[stored] = names
        return names
