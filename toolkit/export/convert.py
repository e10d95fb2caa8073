"""Keras -> ONNX by tf2onnx."""

import importlib
import importlib.metadata
import logging
from typing import Any

import onnx

from toolkit.errors import ExportError, install_extra, one_line
from toolkit.export import resizing
from toolkit.export.graph.draft import Draft
from toolkit.export.graph.missing_operators import WRITTEN_WITH
from toolkit.export.graph.portable import foreign_operators
from toolkit.export.opset import HIGHEST
from toolkit.export.trace import trace
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.keras_model.tensorflow import cause, import_tensorflow, without_jit

COMMAND = "toolkit export"

REPLACE = "replace that layer, or its option that needs it, and save the model again"
KNOWN_SIZE = "resize pictures of one known size, without pad_to_aspect_ratio, and save the model again"
INSTEAD = dict.fromkeys(resizing.OPTIONS, KNOWN_SIZE)
"""What to do about an operator that ONNX doesn't have, where more can be said than to replace it."""


def convert(predictor: KerasPredictor, *, opset: int, batch: int | None) -> Draft:
    """Convert a Keras classifier, with everything from pixels to probabilities, to an ONNX graph.

    `tf2onnx.convert.from_keras` looks Keras 3 outputs up under names that the trace doesn't have, so the model
    is wrapped in a function of our own with an explicit signature (from_function).

    Args:
        predictor: the classifier.
        opset: of the graph.
        batch: fixed batch size, or None for any.

    Raises:
        ExportError: TensorFlow can't trace it, or tf2onnx can't convert it.
    """
    tf = import_tensorflow(COMMAND)
    tf2onnx = _import_tf2onnx()
    # What it can't convert it only logs; the graph that comes out is checked for it.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        traced = trace(tf, predictor, batch)
        with without_jit(tf):
            model, _ = tf2onnx.convert.from_function(
                traced.function,
                input_signature=traced.signature,
                opset=opset,
                custom_op_handlers=resizing.handlers(),
            )
    except Exception as error:
        raise ExportError(
            f"the model can't be converted: {cause(error)}"[:300],
            where=predictor.loaded.path,
            remedy="replace the layer that it names by a built-in one",
        ) from error
    draft = Draft(model)
    _refuse_unknown(draft, predictor)
    _refuse_later(draft, opset, predictor)
    used = {name for node in model.graph.node for name in node.input}
    for value in [v for v in model.graph.input if v.name in traced.values]:
        if value.name in used:
            draft.set_constant(value.name, traced.values[value.name])
        else:
            model.graph.input.remove(value)
    return draft


def _import_tf2onnx() -> Any:
    try:
        return importlib.import_module("tf2onnx")
    except Exception as error:  # an old one looks for what newer libraries don't have any more
        raise ExportError(
            f"tf2onnx {importlib.metadata.version('tf2onnx')} doesn't fit the other libraries "
            f"({type(error).__name__}: {one_line(error)[:150]})",
            where=COMMAND,
            remedy=f"install the versions that fit: {install_extra('train')}",
        ) from error


def _refuse_unknown(draft: Draft, predictor: KerasPredictor) -> None:
    """Name the operator, and the layer that it came from, where ONNX has no such operator."""
    unknown = set(foreign_operators(draft)) - WRITTEN_WITH.keys()
    for node in draft.graph.node:
        if node.op_type in unknown:
            origin = f"'{node.name}'" if "/" in node.name else "one of its layers"
            raise ExportError(
                f"{origin} computes {node.op_type}, which ONNX has no operator for",
                where=predictor.loaded.path,
                remedy=INSTEAD.get(node.op_type, REPLACE),
            )


def _refuse_later(draft: Draft, opset: int, predictor: KerasPredictor) -> None:
    """Name the operator that came to ONNX later than the opset that is written."""
    for node in draft.graph.node:
        if onnx.defs.has(node.op_type) and not onnx.defs.has(node.op_type, opset):
            first = min(
                schema.since_version
                for schema in onnx.defs.get_all_schemas_with_history()
                if (schema.name, schema.domain) == (node.op_type, "")
            )
            raise ExportError(
                f"'{node.name}' computes {node.op_type}, which ONNX has from opset {first} on",
                where=predictor.loaded.path,
                remedy=f"add --opset {first}" if first <= HIGHEST else REPLACE,
            )
