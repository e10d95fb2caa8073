"""The optimisers by name."""

from typing import Any

from toolkit.train.options import Optimizer

MOMENTUM = 0.9  # Source: Sutskever et al., On the importance of initialization and momentum (2013)


def make_optimizer(keras: Any, name: Optimizer, learning_rate: float) -> Any:
    """Make a Keras optimiser.

    Args:
        keras: the imported library.
        name: which one.
        learning_rate: above 0.
    """
    optimizers = keras.optimizers
    match name:
        case Optimizer.SGD:
            return optimizers.SGD(learning_rate)
        case Optimizer.MOMENTUM:
            return optimizers.SGD(learning_rate, momentum=MOMENTUM)
        case Optimizer.ADAGRAD:
            return optimizers.Adagrad(learning_rate)
        case Optimizer.ADAM:
            return optimizers.Adam(learning_rate)
        case Optimizer.ADAMW:
            return optimizers.AdamW(learning_rate)
