"""An ONNX classifier from elsewhere, brought into our form: uint8 pictures in, probabilities out."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, version_converter

from toolkit.errors import ModelError, UsageError
from toolkit.export.graph.draft import Draft, take_apart
from toolkit.export.graph.interface import INPUT, OUTPUT
from toolkit.export.graph.nodes import TO_NCHW, graphs_in, rename
from toolkit.export.opset import LOWEST
from toolkit.models.head import Head
from toolkit.models.onnx_file import load_onnx, opset_of
from toolkit.models.open import OpenModel
from toolkit.preprocess.normalization import NONE
from toolkit.preprocess.transforms import LUMA

TENSOR_TYPES = {
    "uint8": TensorProto.UINT8,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}
OLDEST = 11  # before it Pad, Clip and Resize take other inputs, and quantisation doesn't exist

CONSTANTS_APART = 4
"""The first version of the file format in which constants needn't be inputs. Source: ONNX, docs/IR.md."""


def wrap(source: OpenModel, *, opset: int | None, batch: int | None) -> Draft:
    """Put preprocessing before and probabilities behind an ONNX classifier.

    Args:
        source: the open classifier, whose plan says what it expects.
        opset: that was asked for; the version of the file format is then the lowest that holds it, so that old
            libraries open the file. None keeps the file's own two.
        batch: fixed batch size that was asked for, or None.

    Raises:
        ModelError: the file can't be parsed, or its opset is too old.
        UsageError: the file can't be brought to the opset, or has another batch size than was asked for.
    """
    path = source.session.path
    model = load_onnx(path, external_data=True)
    own = opset_of(model)
    if opset is not None and opset != own:
        model = _converted(model, own, opset)
    elif own < OLDEST:
        raise ModelError(
            f"its opset {own} is too old", where=path, remedy=f"add --opset {LOWEST}, or export it again"
        )
    fixed = source.session.signature.batch
    if batch is not None and fixed is not None and batch != fixed:
        raise UsageError(f"the file has batch size {fixed}", where="--batch", remedy=f"use {fixed}")
    names = _keep_names_free(model.graph)
    least = model.ir_version if opset is None else helper.find_min_ir_version_for(model.opset_import, True)
    model.ir_version = max(least, CONSTANTS_APART)
    draft = take_apart(model)
    _before(draft, source)
    _behind(draft, source, names[source.session.signature.output_name])
    return draft


def _converted(model: onnx.ModelProto, own: int, opset: int) -> onnx.ModelProto:
    """Bring a model to another opset; that the answers stay the same is verified like everything else."""
    try:
        return version_converter.convert_version(model, opset)
    except Exception as error:  # RuntimeError and the library's own; above 2 GiB protobuf's, which has moved
        _, _, reason = str(error).rpartition("failed: ")  # before it stands a line of the library's source
        raise UsageError(
            f"the file has opset {own}, and ONNX can't convert it to {opset}: {reason[:200].replace('$', '')}",
            where="--opset",
            remedy="leave the option out",
        ) from error


def _keep_names_free(graph: onnx.GraphProto) -> dict[str, str]:
    """Give the values and nodes names that no change of the graph makes: those have two underscores in them.

    Returns:
        The new name of each old one.
    """
    constants = {tensor.name for tensor in graph.initializer}
    for value in [v for v in graph.input if v.name in constants]:
        graph.input.remove(value)  # old exporters list constants as inputs
    del graph.quantization_annotation[:]  # it names values, and nobody reads it
    new: dict[str, str] = {"": ""}
    taken = {INPUT, OUTPUT}

    def free(name: str) -> str:
        if name not in new:
            plain = re.sub("__+", "_", name)
            numbered = (f"{plain}.{number}" for number in itertools.count(1))
            new[name] = plain if plain not in taken else next(each for each in numbered if each not in taken)
            taken.add(new[name])
        return new[name]

    _rename_all(graph, free)
    return new


def _rename_all(graph: onnx.GraphProto, renamed: Callable[[str], str]) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = renamed(value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = renamed(sparse.values.name)
    for node in graph.node:
        node.name = renamed(node.name)
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
        for inner in graphs_in(node):
            _rename_all(inner, renamed)


def _before(draft: Draft, source: OpenModel) -> None:
    """Turn uint8 [N,H,W,3] into what the classifier takes, as `Plan.model_input` does."""
    plan, entrance = source.plan, draft.inputs[0]
    given = entrance.name
    if (plan.dtype, plan.layout, plan.channels) == ("uint8", "NHWC", 3):
        rename(draft.graph, given, INPUT)
        return
    steps: list[tuple[str, list[str], dict[str, Any]]] = [("Cast", [], {"to": TensorProto.FLOAT})]
    if plan.normalization != NONE:
        draft.set_constant("pixels__scale", np.array(plan.normalization.scale, np.float32))
        draft.set_constant("pixels__shift", np.array(plan.normalization.shift, np.float32))
        steps += [("Mul", ["pixels__scale"], {}), ("Add", ["pixels__shift"], {})]
    if plan.normalization.bgr:
        draft.set_constant("pixels__bgr", np.array([2, 1, 0], np.int64))
        steps.append(("Gather", ["pixels__bgr"], {"axis": 3}))
    if plan.channels == 1:
        draft.set_constant("pixels__luma", LUMA[:, None])
        steps.append(("MatMul", ["pixels__luma"], {}))
        if plan.dtype == "uint8":
            steps.append(("Round", [], {}))
    if plan.layout == "NCHW":
        steps.append(("Transpose", [], {"perm": TO_NCHW}))
    if plan.dtype != "float32":
        steps.append(("Cast", [], {"to": TENSOR_TYPES[plan.dtype]}))
    nodes, last = [], INPUT
    for number, (operator, others, attributes) in enumerate(steps):
        result = given if number == len(steps) - 1 else f"pixels__{number}"
        nodes.append(
            helper.make_node(operator, [last, *others], [result], name=f"pixels__{number}", **attributes)
        )
        last = result
    draft.graph.input.remove(entrance)
    draft.graph.input.insert(
        0, helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [None, plan.height, plan.width, 3])
    )
    draft.set_nodes([*nodes, *draft.graph.node])


def _behind(draft: Draft, source: OpenModel, chosen: str) -> None:
    """Turn the classifier's scores into float32 probabilities, as `OpenModel.probabilities` does."""
    exits = [value for value in draft.graph.output if value.name == chosen]
    rank = len(exits[0].type.tensor_type.shape.dim)
    nodes, last = list(draft.graph.node), chosen

    def add(operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [result], name=result, **attributes))
        return result

    if rank > 2:
        last = add("Flatten", [last], "scores__flat", axis=1)
    if exits[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        last = add("Cast", [last], "scores__float", to=TensorProto.FLOAT)
    if source.head is Head.LOGITS:
        last = add("Softmax", [last], "scores__softmax", axis=1)
    if source.head is Head.LOGIT:
        last = add("Sigmoid", [last], "scores__sigmoid")
    if source.head.classes == 2:
        draft.set_constant("scores__one", np.array(1, np.float32))
        other = add("Sub", ["scores__one", last], "scores__other")
        last = add("Concat", [other, last], "scores__both", axis=1)
    del draft.graph.output[:]
    draft.graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, len(source.labels)])
    )
    draft.set_nodes(nodes)
    rename(draft.graph, last, OUTPUT)
    draft.remove_unused()
