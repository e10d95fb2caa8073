"""Padding of transposed convolutions as ONNX wants it: never negative, more output asked for instead.

tf2onnx writes an output that is longer than the kernel reaches as negative padding at the end.
"""

import onnx
from onnx import helper

from toolkit.export.graph.draft import Draft
from toolkit.export.graph.nodes import attribute


def pad_as_onnx_wants(draft: Draft) -> None:
    """Take negative padding at the end of transposed convolutions away, and ask for as much more output."""
    for node in draft.graph.node:
        if _reaches_too_far(node):
            pads, more = attribute(node, "pads"), attribute(node, "output_padding")
            half = len(pads) // 2
            more = [m + max(-end, 0) for m, end in zip(more or [0] * half, pads[half:], strict=True)]
            pads = [*pads[:half], *(max(end, 0) for end in pads[half:])]
            kept = [e for e in node.attribute if e.name not in ("pads", "output_padding")]
            changed = [helper.make_attribute("pads", pads), helper.make_attribute("output_padding", more)]
            entries = [onnx.AttributeProto.FromString(e.SerializeToString()) for e in (*kept, *changed)]
            del node.attribute[:]
            node.attribute.extend(entries)


def _reaches_too_far(node: onnx.NodeProto) -> bool:
    pads = attribute(node, "pads") if node.op_type == "ConvTranspose" else []
    return min(pads, default=0) < 0 and min(pads[: len(pads) // 2]) >= 0
