"""Keras -> ONNX by tf2onnx, with a uint8 input and the normalisation inside the graph."""

import logging
from collections.abc import Callable
from typing import Any

import onnx

from toolkit.errors import ExportError
from toolkit.export.graph.interface import INPUT, OUTPUT
from toolkit.keras_model.head import Head
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.keras_model.tensorflow import import_tensorflow
from toolkit.preprocess.transforms import LUMA, SCALE_AND_SHIFT, Normalization

COMMAND = "toolkit export"


def convert(predictor: KerasPredictor, *, opset: int, batch: int | None) -> onnx.ModelProto:
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

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    height, width = predictor.input_size
    signature = [tf.TensorSpec([batch, height, width, 3], tf.uint8, name=INPUT)]
    function = tf.function(_classifier(tf, predictor), input_signature=signature)
    try:
        model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=opset)
    except Exception as error:
        raise ExportError(
            f"the model can't be converted: {type(error).__name__}: {error}"[:300],
            where=predictor.loaded.path,
            remedy="replace the layer that it names by a built-in one",
        ) from error
    converted: onnx.ModelProto = model
    return converted


def _classifier(tf: Any, predictor: KerasPredictor) -> Callable[[Any], dict[str, Any]]:
    plan, model = predictor.plan, predictor.model
    scale, shift = SCALE_AND_SHIFT[plan.normalization]

    def classify(image: Any) -> dict[str, Any]:
        values = tf.cast(image, tf.float32)
        if plan.normalization is not Normalization.NONE:
            values = values * tf.constant(scale, tf.float32) + tf.constant(shift, tf.float32)
        if plan.channels == 1:
            values = tf.tensordot(values, tf.constant(LUMA[:, None]), axes=1)
        scores = tf.cast(model(values, training=False), tf.float32)
        if predictor.head is Head.LOGITS:
            scores = tf.nn.softmax(scores)
        elif predictor.head is Head.SIGMOID:
            scores = tf.concat([1 - scores, scores], axis=1)
        return {OUTPUT: scores}

    return classify
