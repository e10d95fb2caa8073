"""The optimisers by name. Weight decay isn't theirs: the trainer knows which weights it leaves alone."""

from typing import Any

from toolkit.train.options import Optimizer
from toolkit.train.recipe import Settings


def make_optimizer(keras: Any, settings: Settings) -> Any:
    """Make a Keras optimiser.

    Args:
        keras: the imported library.
        settings: which one, its learning rate and its momentum.
    """
    optimizers, rate = keras.optimizers, settings.learning_rate
    match settings.optimizer:
        case Optimizer.SGD:
            return optimizers.SGD(rate)
        case Optimizer.MOMENTUM:
            return optimizers.SGD(rate, momentum=settings.momentum)
        case Optimizer.NESTEROV:
            return optimizers.SGD(rate, momentum=settings.momentum, nesterov=True)
        case Optimizer.ADAGRAD:
            return optimizers.Adagrad(rate)
        # AdamW is Adam with decoupled decay: Loshchilov, arXiv:1711.05101
        case Optimizer.ADAM | Optimizer.ADAMW:
            return optimizers.Adam(rate)
