"""What a step makes small: the distance to the labels, and to a teacher's probabilities."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.train.mixing import blended
from toolkit.train.recipe import Settings

LEAST_PROBABILITY = 1e-30  # below it a logarithm would be infinite

Loss = Callable[[Any, Any, Any, Any], tuple[Any, Any]]


def make_loss(
    tf: Any, keras: Any, classes: int, settings: Settings, class_weights: NDArray[np.float32] | None
) -> Loss:
    """Make the function (labels, soft targets, probabilities, mix) -> (mean loss, number right).

    Args:
        tf: the imported library.
        keras: the imported library.
        classes: outputs of the network.
        settings: smoothing, mixing, temperature and the teacher's share.
        class_weights: float32 [classes]; None where all classes count alike.
    """
    plain = keras.losses.SparseCategoricalCrossentropy()
    weights = None if class_weights is None else tf.constant(class_weights)
    is_plain = not (
        settings.label_smoothing or settings.mixes or settings.teacher_weight or class_weights is not None
    )

    def loss(labels: Any, soft: Any, probabilities: Any, mix: Any) -> tuple[Any, Any]:
        found = tf.argmax(probabilities, axis=-1, output_type=labels.dtype)
        right = tf.reduce_sum(tf.cast(tf.equal(found, labels), tf.float32))
        if is_plain:
            return plain(labels, probabilities), right
        targets = _smoothed(tf, tf.one_hot(labels, classes), settings.label_smoothing)
        if settings.mixes:
            targets = blended(targets, mix)
        each = keras.losses.categorical_crossentropy(targets, probabilities)
        if settings.teacher_weight:
            distance = _to_teacher(tf, soft, probabilities, settings, mix)
            each = (1 - settings.teacher_weight) * each + settings.teacher_weight * distance
        if weights is not None:
            own = tf.gather(weights, labels)
            each *= blended(own, mix) if settings.mixes else own
        return tf.reduce_mean(each), right

    return loss


def _smoothed(tf: Any, targets: Any, share: float) -> Any:
    """Spread a share of the truth over all classes. Source: Szegedy et al., arXiv:1512.00567, section 7."""
    return targets * (1 - share) + share / tf.cast(tf.shape(targets)[1], targets.dtype) if share else targets


def _to_teacher(tf: Any, soft: Any, probabilities: Any, settings: Settings, mix: Any) -> Any:
    """Cross-entropy between softened probabilities, times the squared temperature: float32 [B].

    Logarithms of probabilities are logits up to a constant, which a softmax doesn't see.

    Source: Hinton et al., arXiv:1503.02531, section 2.
    """
    temperature = settings.temperature
    wanted = tf.nn.softmax(tf.cast(soft, tf.float32) / temperature)
    if settings.mixes:
        wanted = blended(wanted, mix)
    logits = tf.math.log(tf.maximum(probabilities, LEAST_PROBABILITY)) / temperature
    return temperature**2 * tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
