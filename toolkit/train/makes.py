"""Networks and trainers of one run, made as they are needed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.keras_model.load import LoadedModel
from toolkit.keras_model.weights import copy_weights
from toolkit.train import checkpoint
from toolkit.train.fused import fused
from toolkit.train.recipe import Recipe, Settings
from toolkit.train.start import build
from toolkit.train.trainer import Trainer

METRICS = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


class Makes:
    """Makes the network to use and its scorer at once, and trainers when they are asked for.

    The scorer is compiled for evaluation and has the network's own layers.

    Args:
        tf: the imported library.
        keras: the imported library.
        recipe: whose network.
        settings: of the run.
        input_shape: (height, width, 3).
        classes: outputs.
        start: a trained model to go on from, or None.
        weights: of the classes, float32 [classes], or None.

    Raises:
        UsageError: the network can't be had for the pictures, or for the small ones that the run begins with.
    """

    def __init__(
        self,
        tf: Any,
        keras: Any,
        recipe: Recipe,
        settings: Settings,
        input_shape: tuple[int, int, int],
        classes: int,
        *,
        start: LoadedModel | None,
        weights: NDArray[np.float32] | None,
    ) -> None:
        self._tf, self._keras = tf, keras
        self._recipe, self._settings = recipe, settings
        self._input_shape, self._classes = input_shape, classes
        self._start, self._weights = start, weights
        self.network = self._build(input_shape)
        # The same layers again: the network itself isn't compiled for this, so that no idle optimiser is saved with it.
        self.scorer = keras.Model(self.network.inputs, self.network.outputs)
        self.scorer.compile(**METRICS)
        if small := settings.small_shape(input_shape[:2]):
            self._refuse_small(small)  # before anything is written

    def trainer(self, shape: tuple[int, int] | None) -> Trainer:
        """Make a trainer that begins with the weights of the network to use.

        Args:
            shape: (height, width) of its pictures, pixels; None means their own.
        """
        apart = checkpoint.is_apart(self._settings)
        trained = self.network
        if apart:
            trained = self._build((*shape, 3) if shape else self._input_shape)
            trained = fused(self._tf, self._keras, trained)
            copy_weights(self.network, trained)
        trainer = Trainer(self._tf, self._keras, trained, self._settings, self._weights)
        if not apart:
            # One model for both uses: saving it saves the optimiser's memory as well.
            trained.compile(optimizer=trainer.optimizer, **METRICS)
        return trainer

    def _refuse_small(self, shape: tuple[int, int]) -> None:
        """Refuse small pictures that the network can't be had for with the same weights."""
        try:
            copy_weights(self.network, self._build((*shape, 3)))
        except (UsageError, ValueError) as error:
            raise UsageError(
                f"the network can't begin with pictures of {shape[0]}×{shape[1]} pixels",
                where="setting small_size",
                remedy="use another size, or leave it out",
            ) from error

    def _build(self, input_shape: tuple[int, int, int]) -> Any:
        return build(self._keras, self._recipe, self._settings, input_shape, self._classes, self._start)
