"""A running average of a network's weights, statistics of batch normalisation included."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RunningAverage:
    """Averages weights exponentially, and faster at the start, where they change most.

    The moving mean and variance of batch normalisation are averaged as the weights are, so that they belong to the
    averaged weights and no pass over the data is needed to compute them again.

    Args:
        tf: the imported library.
        weights: of the network, trained ones and statistics.
        decay: 0 to below 1.

    Source: Tarvainen and Valpola, arXiv:1703.01780, for averaging weights; the growing decay is that of
        tf.train.ExponentialMovingAverage with `num_updates`.
    """

    def __init__(self, tf: Any, weights: Sequence[Any], decay: float) -> None:
        self._tf = tf
        self._weights = list(weights)
        self._decay = decay
        self.variables = [tf.Variable(np.asarray(weight), trainable=False) for weight in weights]

    def update(self, steps: Any) -> None:
        """Take in the weights as they are now; part of the step's graph.

        Args:
            steps: how many there have been, an integer tensor.
        """
        tf = self._tf
        done = tf.cast(tf.convert_to_tensor(steps), tf.float32)
        share = 1 - tf.minimum(self._decay, (1 + done) / (10 + done))
        for average, weight in zip(self.variables, self._weights, strict=True):
            value = tf.convert_to_tensor(weight)
            if average.dtype.is_floating:
                average.assign_sub(tf.cast(share, average.dtype) * (average - value))
            else:
                average.assign(value)

    def values(self) -> list[NDArray[np.generic]]:
        """Return the average: arrays [...] in the order of the weights."""
        return [np.asarray(variable) for variable in self.variables]
