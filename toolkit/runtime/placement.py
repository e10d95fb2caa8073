"""Where ONNX Runtime put the nodes of a model: a provider that is listed first may still compute none of them."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.runtime.devices import CPU
from toolkit.runtime.messages import short_name

OTHER_EXPORT = "the fp32 or fp16 export of the model"  # GPU providers have kernels for nearly all of either

PRODUCTS = re.compile(r"Conv|Gemm|MatMul|Attention|Einsum")
"""Kinds of nodes that take a network's time, in every spelling: QLinearConv, ConvInteger, FusedMatMul ..."""


@dataclass(frozen=True)
class Placement:
    """Nodes on each execution provider.

    Args:
        nodes: of all kinds.
        products: convolutions and matrix products.
        unpacked: nodes that turn integers into floating point before something is computed of them.
    """

    nodes: Mapping[str, int]
    products: Mapping[str, int]
    unpacked: Mapping[str, int]

    @property
    def deciding(self) -> tuple[str, Mapping[str, int]]:
        """What tells where a model is computed, and its name: the products, or all nodes where there are none."""
        return ("convolutions and matrix products", self.products) if self.products else ("nodes", self.nodes)


def placement_of(session: Any) -> Placement | None:
    """Ask a session where its nodes are; None where ONNX Runtime can't tell.

    The session writes that down while it is made (`session.record_ep_graph_assignment_info`); reading it takes
    some hundredths of a millisecond.

    Args:
        session: ONNX Runtime's.

    Source: ONNX Runtime's Python API, InferenceSession.get_provider_graph_assignment_info, since release 1.24.
    """
    tell = getattr(session, "get_provider_graph_assignment_info", None)
    if tell is None:
        return None
    nodes, products, unpacked = Counter[str](), Counter[str](), Counter[str]()
    try:
        for part in tell():
            for node in part.get_nodes():
                nodes[str(part.ep_name)] += 1
                products[str(part.ep_name)] += bool(PRODUCTS.search(node.op_type))
                unpacked[str(part.ep_name)] += node.op_type == "DequantizeLinear"
    except Exception:  # noqa: BLE001 - builds differ in what they record and raise
        return None
    counts = (nodes, +products, +unpacked)
    return Placement(*(dict(count.most_common()) for count in counts)) if nodes else None


def on_cpu_instead(products: Mapping[str, int], provider: str) -> str | None:
    """Tell how many convolutions and matrix products a session on another provider leaves to the CPU.

    Args:
        products: those on each provider.
        provider: that the session is on.

    Returns:
        None where the CPU has none of them, or is what the session is on.
    """
    left, everything = products.get(CPU, 0), sum(products.values())
    if provider == CPU or not left:
        return None
    share = f"{left} of {everything} convolutions and matrix products ({100 * left / everything:.0f} %)"
    return f"{share} run on the CPU, not on {short_name(provider)}"
