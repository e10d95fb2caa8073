"""An ONNX classifier from elsewhere, brought into our form: uint8 pictures in, probabilities out."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from toolkit.errors import ModelError, UsageError
from toolkit.export.graph.draft import Draft, rename, take_apart
from toolkit.export.graph.interface import INPUT, OUTPUT
from toolkit.models.head import Head
from toolkit.models.open import OpenModel
from toolkit.preprocess.transforms import BGR, LUMA, SCALE_AND_SHIFT, Normalization

TENSOR_TYPES = {
    "uint8": TensorProto.UINT8,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}
OLDEST = 11  # before it Pad, Clip and Resize take other inputs, and quantisation doesn't exist


def wrap(source: OpenModel, *, opset: int | None, batch: int | None) -> Draft:
    """Put preprocessing before and probabilities behind an ONNX classifier.

    Args:
        source: the open classifier, whose plan says what it expects.
        opset: that was asked for; the file's own is kept.
        batch: fixed batch size that was asked for, or None.

    Raises:
        ModelError: the file can't be parsed, or its opset is too old.
        UsageError: another opset or batch size was asked for than the file has.
    """
    path = source.session.path
    model = _load(path)
    own = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if own < OLDEST:
        raise ModelError(
            f"its opset {own} is too old", where=path, remedy=f"export it with opset {OLDEST} or newer"
        )
    if opset is not None and opset != own:
        raise UsageError(
            f"the file has opset {own}, and changing it could change its answers",
            where="--opset",
            remedy="leave the option out",
        )
    fixed = source.session.signature.batch
    if batch is not None and fixed is not None and batch != fixed:
        raise UsageError(f"the file has batch size {fixed}", where="--batch", remedy=f"use {fixed}")
    _keep_names_free(model.graph)
    draft = take_apart(model)
    _before(draft, source)
    _behind(draft, source)
    return draft


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except Exception as error:
        raise ModelError(f"can't be parsed: {error}", where=path, remedy="export it again") from error


def _keep_names_free(graph: onnx.GraphProto) -> None:
    constants = {tensor.name for tensor in graph.initializer}
    for value in [v for v in graph.input if v.name in constants]:
        graph.input.remove(value)  # old exporters list constants as inputs
    for name in (INPUT, OUTPUT):
        rename(graph, name, f"{name}__source")
        for tensor in graph.initializer:
            if tensor.name == name:
                tensor.name = f"{name}__source"


def _before(draft: Draft, source: OpenModel) -> None:
    """Turn uint8 [N,H,W,3] into what the classifier takes, as `Plan.model_input` does."""
    plan, entrance = source.plan, draft.inputs[0]
    given = entrance.name
    if (plan.dtype, plan.layout, plan.channels) == ("uint8", "NHWC", 3):
        rename(draft.graph, given, INPUT)
        return
    scale, shift = SCALE_AND_SHIFT[plan.normalization]
    steps: list[tuple[str, list[str], dict[str, Any]]] = [("Cast", [], {"to": TensorProto.FLOAT})]
    if plan.normalization is not Normalization.NONE:
        draft.set_constant("pixels__scale", np.array(scale, np.float32))
        draft.set_constant("pixels__shift", np.array(shift, np.float32))
        steps += [("Mul", ["pixels__scale"], {}), ("Add", ["pixels__shift"], {})]
    if plan.normalization in BGR:
        draft.set_constant("pixels__bgr", np.array([2, 1, 0], np.int64))
        steps.append(("Gather", ["pixels__bgr"], {"axis": 3}))
    if plan.channels == 1:
        draft.set_constant("pixels__luma", LUMA[:, None])
        steps.append(("MatMul", ["pixels__luma"], {}))
        if plan.dtype == "uint8":
            steps.append(("Round", [], {}))
    if plan.layout == "NCHW":
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    if plan.dtype != "float32":
        steps.append(("Cast", [], {"to": TENSOR_TYPES[plan.dtype]}))
    nodes, last = [], INPUT
    for number, (operator, others, attributes) in enumerate(steps):
        result = given if number == len(steps) - 1 else f"pixels__{number}"
        nodes.append(
            helper.make_node(operator, [last, *others], [result], name=f"pixels_{number}", **attributes)
        )
        last = result
    draft.graph.input.remove(entrance)
    draft.graph.input.insert(
        0, helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [None, plan.height, plan.width, 3])
    )
    draft.set_nodes([*nodes, *draft.graph.node])


def _behind(draft: Draft, source: OpenModel) -> None:
    """Turn the classifier's scores into float32 probabilities, as `OpenModel.probabilities` does."""
    chosen = source.session.signature.output_name
    chosen = f"{chosen}__source" if chosen in (INPUT, OUTPUT) else chosen
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
    add("Identity", [last], OUTPUT)
    del draft.graph.output[:]
    draft.graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, len(source.labels)])
    )
    draft.set_nodes(nodes)
    draft.remove_unused()
