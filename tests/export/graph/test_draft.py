"""Loops and branches take values from around them; changes of the graph must not lose those."""

import onnx
from onnx import TensorProto, helper

from toolkit.export.graph.draft import Draft, Index
from toolkit.export.graph.nodes import names_used, rename


def branching() -> onnx.ModelProto:
    """x -> Relu -> seen only by both branches of an If."""

    def branch(name: str) -> onnx.GraphProto:
        node = helper.make_node("Neg", ["inside"], [name])
        return helper.make_graph(
            [node], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])]
        )

    nodes = [
        helper.make_node("Relu", ["x"], ["inside"]),
        helper.make_node("If", ["condition"], ["y"], then_branch=branch("a"), else_branch=branch("b")),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_only_a_branch_uses_is_kept() -> None:
    draft = Draft(branching())
    draft.remove_unused()
    assert [node.op_type for node in draft.graph.node] == ["Relu", "If"]
    onnx.checker.check_model(draft.model, full_check=True)


def test_a_branch_counts_as_a_user() -> None:
    draft = Draft(branching())
    assert {node.op_type for node in Index(draft).users("inside")} == {"If"}
    assert "inside" in names_used(draft.graph.node[1])


def test_renaming_reaches_into_branches() -> None:
    model = branching()
    rename(model.graph, "inside", "elsewhere")
    onnx.checker.check_model(model, full_check=True)
    assert "elsewhere" in names_used(model.graph.node[1])
    assert "inside" not in names_used(model.graph.node[1])
