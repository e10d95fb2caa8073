"""A recipe's defaults with the user's choices on top."""

from toolkit.train.options import Optimizer, TrainOptions
from toolkit.train.recipe import Recipe, Settings

LEARNING_RATES = {
    Optimizer.SGD: 0.01,
    Optimizer.MOMENTUM: 0.01,
    Optimizer.ADAGRAD: 0.01,
    Optimizer.ADAM: 0.001,
    Optimizer.ADAMW: 0.001,
}
"""Used when another optimiser than the recipe's is chosen without a learning rate.

Source: for SGD, Adam and AdamW the defaults of Keras 3; for AdaGrad the 0.01 of Duchi et al. (2011) as used in
most libraries, since Keras' 0.001 hardly moves in ten epochs."""


def settle(options: TrainOptions, recipe: Recipe) -> Settings:
    """Combine what the user asked for with what the recipe says."""
    defaults = recipe.defaults
    optimizer = options.optimizer or defaults.optimizer
    usual_rate = defaults.learning_rate if optimizer is defaults.optimizer else LEARNING_RATES[optimizer]
    return Settings(
        epochs=options.epochs or defaults.epochs,
        batch_size=options.batch_size or defaults.batch_size,
        optimizer=optimizer,
        learning_rate=options.learning_rate or usual_rate,
        dropout=defaults.dropout if options.dropout is None else options.dropout,
        augment=defaults.augment if options.augment is None else options.augment,
    )
