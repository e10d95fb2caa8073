"""Keras -> ONNX by tf2onnx."""

import logging

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft
from toolkit.export.trace import trace, without_jit
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.keras_model.tensorflow import import_tensorflow

COMMAND = "toolkit export"


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
    import tf2onnx

    # What it can't convert it only logs; the graph that comes out is checked for it.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        traced = trace(tf, predictor, batch)
        with without_jit(tf):
            model, _ = tf2onnx.convert.from_function(
                traced.function, input_signature=traced.signature, opset=opset
            )
    except Exception as error:
        raise ExportError(
            f"the model can't be converted: {type(error).__name__}: {error}"[:300],
            where=predictor.loaded.path,
            remedy="replace the layer that it names by a built-in one",
        ) from error
    draft = Draft(model)
    used = {name for node in model.graph.node for name in node.input}
    for value in [v for v in model.graph.input if v.name in traced.values]:
        if value.name in used:
            draft.set_constant(value.name, traced.values[value.name])
        else:
            model.graph.input.remove(value)
    return draft
