"""Where the nodes are, as a session tells it; and what is made of a session that can't tell."""

from types import SimpleNamespace
from typing import Any

import pytest

from toolkit.runtime.placement import on_cpu_instead, placement_of

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def session(**kinds: list[str]) -> Any:
    """A session with nodes of these kinds on each provider."""
    parts = [
        SimpleNamespace(ep_name=name, get_nodes=lambda ops=ops: [SimpleNamespace(op_type=op) for op in ops])
        for name, ops in kinds.items()
    ]
    return SimpleNamespace(get_provider_graph_assignment_info=lambda: parts)


def test_products_are_known_in_every_spelling_and_nothing_else_is_one() -> None:
    heavy = ["Conv", "QLinearConv", "ConvInteger", "Gemm", "FusedMatMul", "MatMulNBits", "Attention"]
    found = placement_of(session(**{CUDA: ["Relu", "Cast", "QuantizeLinear"], CPU: heavy}))
    assert found is not None
    assert found.nodes == {CPU: 7, CUDA: 3}
    assert found.products == {CPU: 7}
    assert found.deciding == ("convolutions and matrix products", {CPU: 7})


def test_integers_that_are_unpacked_are_counted() -> None:
    found = placement_of(
        session(**{CUDA: ["DequantizeLinear", "Conv", "QuantizeLinear"], CPU: ["QLinearConv"]})
    )
    assert found is not None
    assert found.unpacked == {CUDA: 1}


def test_without_products_all_nodes_decide() -> None:
    found = placement_of(session(**{CUDA: ["Relu"], CPU: ["ReduceMean"]}))
    assert found is not None
    assert found.deciding == ("nodes", {CUDA: 1, CPU: 1})


def test_a_build_that_does_not_tell_gives_nothing() -> None:
    def refuses() -> None:
        raise RuntimeError("not recorded")

    assert placement_of(SimpleNamespace()) is None
    assert placement_of(SimpleNamespace(get_provider_graph_assignment_info=refuses)) is None
    assert placement_of(session()) is None


@pytest.mark.parametrize("products", [{}, {CUDA: 3}])
def test_where_the_cpu_has_none_there_is_nothing_to_say(products: dict[str, int]) -> None:
    assert on_cpu_instead(products, CUDA) is None
    assert on_cpu_instead({CPU: 3}, CPU) is None
