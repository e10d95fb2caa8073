"""One network in training: its step, its optimiser, the running average of its weights."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.train.average import RunningAverage
from toolkit.train.loss import make_loss
from toolkit.train.mixing import NO_BOX, mixed
from toolkit.train.optimizers import make_optimizer
from toolkit.train.recipe import Arithmetic, Decay, Settings

Weights = list[NDArray[np.generic]]


class Trainer:
    """Trains a network a batch at a time.

    The step isn't compiled with XLA: on a CPU that takes 2 to 3.5 times as long (three of our networks, TensorFlow
    2.21), because XLA has no oneDNN convolutions.

    Args:
        tf: the imported library.
        keras: the imported library.
        network: takes pixels 0 to 255, gives probabilities.
        settings: how to train.
        class_weights: float32 [classes], or None where all count alike.
    """

    def __init__(
        self,
        tf: Any,
        keras: Any,
        network: Any,
        settings: Settings,
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        self._tf = tf
        self._rate: float | None = None
        self.network = network
        self._settings = settings
        self._loss = make_loss(tf, keras, network.output_shape[-1], settings, class_weights)
        self.optimizer = make_optimizer(keras, settings)
        self.optimizer.build(network.trainable_variables)
        self.average = RunningAverage(tf, network.weights, settings.averaging) if settings.averaging else None
        self._steps = {head_only: self._make_step(head_only) for head_only in (False, True)}

    def step(
        self,
        images: Any,
        labels: Any,
        soft: Any,
        rate: float,
        mix: float,
        box: Sequence[int] | NDArray[np.int32] = NO_BOX,
        *,
        head_only: bool,
    ) -> Any:
        """Change the weights by one batch.

        Args:
            images: uint8 [B, H, W, 3].
            labels: int64 [B].
            soft: float16 [B, classes or 0], log-probabilities of a teacher.
            rate: learning rate.
            mix: share of the picture itself in a mixed pair; 1 mixes nothing.
            box: int32 [4], the part of it that is the other picture's, see `mixing.Mixes`.
            head_only: change the last layer only.

        Returns:
            float32 [2], a tensor: the loss summed over the batch, and how many were right.
        """
        # A rate that doesn't change is left alone: the first step of a run is then what Keras' own loop does.
        if rate != self._rate:
            self.optimizer.learning_rate.assign(rate)
            self._rate = rate
        tf = self._tf
        return self._steps[head_only](
            images, labels, soft, tf.constant(mix, tf.float32), tf.constant(box, tf.int32)
        )

    def state(self) -> Weights:
        """Return everything that the next step depends on: weights, their average, the optimiser's memory."""
        return [np.asarray(variable) for variable in self._variables()]

    def load_state(self, state: Sequence[NDArray[np.generic]]) -> None:
        """Go on from a state of the same network, at whatever picture size.

        Args:
            state: arrays [...] as `state` gives them.
        """
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)
        self._rate = None

    def weights_to_use(self) -> Weights:
        """Return the weights that the network is used with: their running average, where there is one."""
        if self.average is None:
            return list(self.network.get_weights())
        return self.average.values()

    @contextlib.contextmanager
    def fast_arithmetic(self) -> Iterator[None]:
        """Run the convolutions of the block in the precision that the settings ask for."""
        # The graph rewriter casts around oneDNN's operations; the variables stay float32, unlike under a Keras policy.
        if self._settings.arithmetic is not Arithmetic.BFLOAT16:
            yield
            return
        options = self._tf.config.optimizer
        options.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
        try:
            yield
        finally:
            options.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})

    def _variables(self) -> list[Any]:
        averaged = self.average.variables if self.average else []
        return [*self.network.weights, *averaged, *self.optimizer.variables]

    def _make_step(self, head_only: bool) -> Any:
        tf, network, settings = self._tf, self.network, self._settings
        variables = last_layer(network).trainable_variables if head_only else network.trainable_variables
        kernels = [v for v in variables if len(v.shape) > 1]

        def step(images: Any, labels: Any, soft: Any, mix: Any, box: Any) -> Any:
            values = tf.cast(images, tf.float32)
            if settings.mixes:
                values = mixed(tf, values, mix, box, settings)
            with tf.GradientTape() as tape:
                # While only the last layer learns, the others do what they do in use: their statistics stay.
                probabilities = network(values, training=not head_only)
                loss, right = self._loss(labels, soft, probabilities, mix)
                total = loss + tf.add_n(network.losses) if network.losses else loss
            gradients = tape.gradient(total, variables)
            gradients = self._prepared(gradients, variables, kernels)
            self.optimizer.apply(gradients, variables)
            if self.average is not None:
                self.average.update(self.optimizer.iterations)
            count = tf.cast(tf.size(labels), tf.float32)
            return tf.stack([tf.cast(loss, tf.float32) * count, right])

        return tf.function(step, reduce_retracing=True)

    def _prepared(self, gradients: list[Any], variables: list[Any], kernels: list[Any]) -> list[Any]:
        """Decay the kernels, and limit the gradients."""
        tf, settings = self._tf, self._settings
        share = settings.weight_decay
        if share and settings.decay is Decay.DECOUPLED:
            for kernel in kernels:
                kernel.assign_sub(self.optimizer.learning_rate * share * kernel)
        elif share:
            decayed = {id(kernel) for kernel in kernels}
            gradients = [
                g + share * v if id(v) in decayed else g for g, v in zip(gradients, variables, strict=True)
            ]
        if settings.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, settings.clip_norm)
        return list(gradients)


def last_layer(network: Any) -> Any:
    """Return the last layer that has weights."""
    return [layer for layer in network.layers if layer.weights][-1]
