"""Write a float32 graph with QuantizeLinear and DequantizeLinear, so that ONNX Runtime finds its int8 kernels."""

from collections.abc import Callable, Collection

import numpy as np
import onnx
from onnx import helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.precision.layers import (
    FOLLOWERS,
    MOVERS,
    can_be_int8,
    channel_axis,
    name_of,
    needs_quantized_result,
    seal,
    slow_in_int8,
)
from toolkit.export.precision.scales import (
    PIXELS,
    Scale,
    quantize_bias,
    quantize_weights,
)
from toolkit.export.precision.tensors import Tensors

ScaleOf = Callable[[str], Scale]


class Quantizer:
    """Writes the int8 form of a graph, node by node, in the order of the graph.

    Args:
        draft: the float32 graph; changed in place by `run`.
        scale_of: gives the scale of a tensor by its name.
        keep_float: names of nodes that stay in float32.
        limit: largest weight.
        per_channel: whether each channel's weights have a scale of their own.
    """

    def __init__(
        self,
        draft: Draft,
        scale_of: ScaleOf,
        *,
        keep_float: Collection[str],
        limit: int,
        per_channel: bool,
    ) -> None:
        self._draft = draft
        self._index = Index(draft)
        self._scale_of = scale_of
        self._keep_float = frozenset(keep_float)
        self._limit = limit
        self._per_channel = per_channel
        self._sealed: set[str] = set()  # outputs of activations that a quantised tensor's limits express
        self._written = Tensors(draft)

    def run(self) -> None:
        """Replace the draft's nodes."""
        for node in list(self._draft.graph.node):
            if node.output[0] in self._sealed:
                continue
            if self._is_pixels(node):
                self._take_pixels(node)
            elif node.op_type in MOVERS and node.input[0] in self._written:
                self._move(node)
            elif self._is_layer(node):
                self._layer(node)
            elif self._follows(node):
                self._follower(node)
            else:
                self._written.add(node)
        self._draft.set_nodes(self._written.nodes)
        self._draft.remove_unused()

    # ── the picture ──

    def _is_pixels(self, node: onnx.NodeProto) -> bool:
        """Tell whether a node only makes float32 numbers of the picture's bytes."""
        to_float = any(entry.name == "to" and entry.i == onnx.TensorProto.FLOAT for entry in node.attribute)
        if node.op_type != "Cast" or not to_float:
            return False
        name = node.input[0]
        while (maker := self._index.maker(name)) is not None and maker.op_type in MOVERS:
            name = maker.input[0]
        return bool(name == self._draft.inputs[0].name)

    def _take_pixels(self, node: onnx.NodeProto) -> None:
        self._written.take(node.output[0], node.input[0], PIXELS)
        self._written.add(node)  # for those who compute in float32; removed where there are none

    # ── nodes ──

    def _move(self, node: onnx.NodeProto) -> None:
        moved = onnx.NodeProto()
        moved.CopyFrom(node)
        self._written.move(moved)

    def _is_layer(self, node: onnx.NodeProto) -> bool:
        return (
            name_of(node) not in self._keep_float
            and can_be_int8(self._index, node)
            and not slow_in_int8(self._index, node)
        )

    def _layer(self, node: onnx.NodeProto) -> None:
        scale = self._ensure_u8(node.input[0])
        weights = self._index.constant(node.input[1])
        bias = self._index.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        if weights is None:
            raise ValueError(f"{name_of(node)} has no constant weights")
        axis = channel_axis(node)
        stored, scales = quantize_weights(
            weights.astype(np.float32),
            axis,
            input_scale=scale.scale,
            bias=None if bias is None else bias.astype(np.float32),
            limit=self._limit,
            per_channel=self._per_channel,
        )
        name = node.output[0]
        inputs = [self._written.for_int8(node.input[0], name), f"{name}__weights"]
        self._written.constant(f"{name}__weights", stored, scales, axis)
        if bias is not None:
            sums = np.maximum(np.float32(scale.scale) * scales, np.finfo(np.float32).tiny)
            self._written.constant(f"{name}__bias", quantize_bias(bias.astype(np.float32), sums), sums, 0)
            inputs.append(f"{name}__bias")
        self._write(node, inputs, quantized=needs_quantized_result(self._index, node))

    def _follows(self, node: onnx.NodeProto) -> bool:
        return (
            node.op_type in FOLLOWERS
            and name_of(node) not in self._keep_float
            and all(name in self._written for name in node.input)
            and node.output[0] not in {value.name for value in self._draft.graph.output}
        )

    def _follower(self, node: onnx.NodeProto) -> None:
        inputs = [self._written.for_int8(name, f"{node.output[0]}__{i}") for i, name in enumerate(node.input)]
        self._write(node, inputs, quantized=True)

    def _write(self, node: onnx.NodeProto, inputs: list[str], *, quantized: bool) -> None:
        """Write an int8 node, its result quantised after the activation that its limits can express."""
        written = onnx.NodeProto()
        written.CopyFrom(node)
        written.input[:] = inputs
        self._written.add(written)
        if not quantized:
            return
        name = node.output[0]
        sealed = seal(self._index, node)
        scale = self._scale_of(sealed.output[0] if sealed is not None else name)
        if sealed is not None:
            if self._expresses(sealed, scale):
                self._sealed.add(sealed.output[0])
                name = sealed.output[0]
            else:
                scale = self._scale_of(name)
        written.output[0] = f"{name}__float"
        self._written.quantize(f"{name}__float", scale, name)

    def _expresses(self, node: onnx.NodeProto, scale: Scale) -> bool:
        """Tell whether a tensor of this scale holds nothing that an activation would cut off."""
        if node.op_type == "Relu":
            return scale.low >= 0
        low, high = (
            self._index.constant(node.input[i]) if len(node.input) > i and node.input[i] else None
            for i in (1, 2)
        )
        given = [name for name in node.input[1:] if name]
        if len(given) != sum(value is not None for value in (low, high)):
            return False  # a limit that is computed
        rounding = 1 + 1e-6  # of the scale in float32
        return (low is None or scale.low >= float(low)) and (
            high is None or scale.high <= float(high) * rounding
        )

    def _ensure_u8(self, name: str) -> Scale:
        """Quantise a float32 tensor where nobody has yet; return its scale."""
        if name in self._written:
            return self._written.scale(name)
        scale = self._scale_of(name)
        maker = self._index.maker(name)
        source = name
        if maker is not None and maker.op_type == "MaxPool":
            # ONNX Runtime would quantise before the pooling and then pool bytes in NCHW, for which it has no fast
            # kernel (31 µs instead of 1). It doesn't look past a Max, and this one cuts off what a uint8 would.
            source = f"{name}__bounded"
            self._draft.set_constant(f"{name}__low", np.array(scale.low, np.float32))
            self._written.add(helper.make_node("Max", [name, f"{name}__low"], [source], name=source))
        self._written.quantize(source, scale, name, shared=False)
        return scale
