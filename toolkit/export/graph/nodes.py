"""What nodes say: the values that they take, their attributes, how they pad; and other names for values."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

TO_NCHW = [0, 3, 1, 2]
"""Order of the axes that makes [N,C,H,W] of [N,H,W,C]."""

TO_NHWC = [0, 2, 3, 1]
"""Order of the axes that makes [N,H,W,C] of [N,C,H,W]."""


def names_used(node: onnx.NodeProto) -> list[str]:
    """Return the values that a node takes, also those that its loop or branch takes from around it."""
    names = list(node.input)
    for graph in graphs_in(node):
        names += [name for inner in graph.node for name in names_used(inner)]
        names += [value.name for value in graph.output]
    return names


def rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Give a value another name wherever it is made, used or declared, also in loops and branches."""
    if old == new:
        return
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
        for inner in graphs_in(node):
            rename(inner, old, new)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new


def graphs_in(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Return the graphs of a loop or a branch."""
    return [
        graph for entry in node.attribute for graph in (entry.g, *entry.graphs) if graph.node or graph.output
    ]


def attribute(node: onnx.NodeProto, name: str) -> list[int]:
    """Return an integer-list attribute of a node, empty where it isn't given."""
    return next((list(entry.ints) for entry in node.attribute if entry.name == name), [])


def number(node: onnx.NodeProto, name: str, default: float) -> float:
    """Return a number attribute of a node; `default`, which is ONNX's, where it isn't given."""
    for entry in node.attribute:
        if entry.name == name:
            return float(entry.f if entry.type == onnx.AttributeProto.FLOAT else entry.i)
    return default


def set_attributes(node: onnx.NodeProto, changed: Mapping[str, Sequence[int]], *, without: str = "") -> None:
    """Give integer-list attributes of a node other values, and take one away."""
    for place in reversed(range(len(node.attribute))):
        if node.attribute[place].name in (*changed, without):
            del node.attribute[place]
    node.attribute.extend(helper.make_attribute(name, list(values)) for name, values in changed.items())


def pads_by_itself(node: onnx.NodeProto) -> bool:
    """Tell whether a convolution or pooling works its padding out from the size of the map (`auto_pad`)."""
    return any(entry.name == "auto_pad" and entry.s not in (b"NOTSET", b"VALID") for entry in node.attribute)
