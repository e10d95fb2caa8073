"""Trace a Keras classifier as a function of a picture and its large weights.

Weights that are inputs of the trace are never copied into TensorFlow's graph, its frozen form and the
converter's, which for a model of 550 MB takes 20 GB; small ones are constants, so that the converter can fold
batch normalisation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.export.graph.draft import LARGE
from toolkit.export.graph.interface import INPUT, OUTPUT
from toolkit.export.graph.nodes import TO_NCHW
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.keras_model.tensorflow import values_of, without_jit
from toolkit.models.head import Head
from toolkit.preprocess.normalization import NONE
from toolkit.preprocess.transforms import LUMA

Array = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A traced classifier.

    Args:
        function: a TensorFlow function of a picture and the large weights.
        signature: its arguments.
        values: value of each input that isn't the picture, by name: large weights, and constants that
            TensorFlow keeps outside the graph.
    """

    function: Any
    signature: list[Any]
    values: dict[str, Array]


def trace(tf: Any, predictor: KerasPredictor, batch: int | None) -> Trace:
    """Trace a classifier from uint8 pictures to probabilities.

    Args:
        tf: the imported library.
        predictor: the classifier.
        batch: fixed batch size, or None for any.
    """
    model = predictor.model
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    arrays = [values_of(variable) for variable in variables]
    large = [index for index, array in enumerate(arrays) if array.size >= LARGE]
    trainable = len(model.trainable_variables)

    def scores_of(values: Any, weights: tuple[Any, ...]) -> Any:
        given = dict(zip(large, weights, strict=True))
        every = [given[i] if i in given else tf.constant(array) for i, array in enumerate(arrays)]
        scores, _ = model.stateless_call(every[:trainable], every[trainable:], values, training=False)
        return scores

    height, width = predictor.input_size
    signature = [tf.TensorSpec([batch, height, width, 3], tf.uint8, name=INPUT)]
    signature += [tf.TensorSpec(arrays[i].shape, arrays[i].dtype, name=f"weight_{i}") for i in large]
    with without_jit(tf):
        function = tf.function(_classifier(tf, predictor, scores_of), input_signature=signature)
        concrete = function.get_concrete_function(*signature)
    values = {f"weight_{i}": arrays[i] for i in large}
    for kept_outside, placeholder in concrete.graph.captures:
        if kept_outside.dtype != tf.resource:  # variables of a SavedModel are frozen by the converter
            values[placeholder.name] = np.asarray(kept_outside)
    return Trace(function=function, signature=signature, values=values)


def _classifier(
    tf: Any, predictor: KerasPredictor, scores_of: Callable[[Any, tuple[Any, ...]], Any]
) -> Callable[..., dict[str, Any]]:
    plan, head = predictor.plan, predictor.head
    scale, shift = plan.normalization.scale, plan.normalization.shift

    def classify(image: Any, *weights: Any) -> dict[str, Any]:
        values = tf.cast(image, tf.float32)
        if plan.normalization != NONE:
            values = values * tf.constant(scale, tf.float32) + tf.constant(shift, tf.float32)
        if plan.normalization.bgr:
            values = tf.gather(values, [2, 1, 0], axis=-1)
        if plan.channels == 1:
            values = tf.tensordot(values, tf.constant(LUMA[:, None]), axes=1)
            if plan.dtype == "uint8":
                values = tf.round(values)
        if plan.layout == "NCHW":
            values = tf.transpose(values, TO_NCHW)
        scores = tf.cast(scores_of(values, weights), tf.float32)
        if head is Head.LOGITS:
            scores = tf.nn.softmax(scores)
        elif head is Head.LOGIT:
            scores = tf.nn.sigmoid(scores)
        if head.classes == 2:
            scores = tf.concat([1 - scores, scores], axis=1)
        return {OUTPUT: scores}

    return classify
