"""Padding of transposed convolutions as ONNX wants it: never negative, more output asked for instead.

tf2onnx writes an output that is longer than the kernel reaches as negative padding, half of it at the beginning.
TensorFlow has all of it at the end: the padding is that of the convolution whose gradient this is, which is never
negative.
"""

from toolkit.export.graph.draft import Draft
from toolkit.export.graph.nodes import attribute, set_attributes


def pad_as_onnx_wants(draft: Draft) -> None:
    """Take negative padding of transposed convolutions away, and ask for as much more output at the end."""
    for node in draft.graph.node:
        pads = attribute(node, "pads") if node.op_type == "ConvTranspose" else []
        if min(pads, default=0) >= 0:
            continue
        half = len(pads) // 2
        more = attribute(node, "output_padding") or [0] * half
        for axis in range(half):
            begin, end = pads[axis], pads[half + axis]
            end += min(begin, 0)
            more[axis] += max(-end, 0)
            pads[axis], pads[half + axis] = max(begin, 0), max(end, 0)
        set_attributes(node, {"pads": pads, "output_padding": more})
