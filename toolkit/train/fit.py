"""Build, compile, fit, resume: the only training loop."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.dataset import Split
from toolkit.errors import InputError, TrainingError, UsageError
from toolkit.files import whole_file
from toolkit.observer import Observer
from toolkit.train.batches import augment, epoch_order
from toolkit.train.optimizers import make_optimizer
from toolkit.train.recipe import Recipe, Settings
from toolkit.train.run_folder import MODEL, Epoch

EVALUATION_BATCH = 256
EpochDone = Callable[[Any, Epoch], None]


def prepare(keras: Any, seed: int) -> None:
    """Make TensorFlow give the same weights for the same seed on the same machine."""
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build(
    keras: Any, recipe: Recipe, settings: Settings, input_shape: tuple[int, int, int], classes: int
) -> Any:
    """Build and compile a recipe's network.

    Raises:
        UsageError: the pictures are too small for it.
    """
    if min(input_shape[:2]) < recipe.smallest:
        raise UsageError(
            f"pictures of {input_shape[1]}×{input_shape[0]} pixels are too small for {recipe.name}",
            where="--image-size",
            remedy=f"use --image-size {recipe.smallest} or more",
        )
    model = recipe.build(input_shape, classes, settings)
    model.compile(
        optimizer=make_optimizer(keras, settings.optimizer, settings.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def load_checkpoint(keras: Any, folder: Path) -> Any:
    """Load the compiled model of the last whole epoch, optimiser state included.

    Raises:
        InputError: the file can't be loaded.
    """
    try:
        return keras.models.load_model(folder / MODEL)
    except Exception as error:
        raise InputError(
            f"the run's model can't be loaded: {error}", where=folder / MODEL, remedy="start the run again"
        ) from error


def save_checkpoint(model: Any, folder: Path) -> None:
    """Write the model with its optimiser state, whole or not at all."""
    with whole_file(folder / MODEL, force=True) as temporary:
        # Keras goes by the suffix and would refuse a name that ends otherwise.
        named = temporary.with_name(f"{temporary.name}.keras")
        try:
            model.save(named)
            named.replace(temporary)
        finally:
            named.unlink(missing_ok=True)


def fit(
    keras: Any,
    model: Any,
    train: Split,
    validation: Split | None,
    settings: Settings,
    *,
    seed: int,
    first_epoch: int,
    observer: Observer,
    on_epoch: EpochDone,
) -> None:
    """Train from `first_epoch` to the last.

    The order, the augmentation and the dropout of an epoch depend on the seed and its number only, so a run
    that was stopped between two epochs goes on as if it hadn't been.

    Args:
        keras: the imported library.
        model: compiled.
        train: pictures to learn from.
        validation: held-out pictures, or None.
        settings: how to train.
        seed: of everything random.
        first_epoch: from 0.
        observer: told how many pictures of an epoch are done.
        on_epoch: called with the model and the figures after each epoch.

    Raises:
        TrainingError: the loss is not a number.
    """
    for epoch in range(first_epoch, settings.epochs):
        started = time.perf_counter()
        _reset_randomness(model, seed, epoch)
        figures = model.fit(
            _batches(keras, train, settings, seed, epoch),
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[_progress(keras, len(train.labels), settings.batch_size, observer)],
        ).history
        loss = float(figures["loss"][-1])
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss}",
                where=f"epoch {epoch + 1}",
                remedy="lower --learning-rate; epochs that were finished are kept",
            )
        val_loss, val_accuracy = evaluate(model, validation) if validation is not None else (None, None)
        on_epoch(
            model,
            Epoch(
                epoch=epoch + 1,
                loss=loss,
                accuracy=float(figures["accuracy"][-1]),
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                seconds=time.perf_counter() - started,
            ),
        )


def evaluate(model: Any, split: Split) -> tuple[float, float]:
    """Compute loss and accuracy on a split.

    Returns:
        (mean cross-entropy, accuracy from 0 to 1).
    """
    loss, accuracy = model.evaluate(split.images, split.labels, batch_size=EVALUATION_BATCH, verbose=0)
    return float(loss), float(accuracy)


def _reset_randomness(model: Any, seed: int, epoch: int) -> None:
    for layer in model._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([seed, epoch], generator.state.dtype))


def _batches(keras: Any, split: Split, settings: Settings, seed: int, epoch: int) -> Any:
    order = epoch_order(len(split.labels), seed, epoch)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return math.ceil(len(order) / settings.batch_size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            chosen = order[index * settings.batch_size : (index + 1) * settings.batch_size]
            images = split.images[chosen]
            if settings.augment:
                images = augment(images, np.random.default_rng([seed, epoch, index]))
            return images, split.labels[chosen]

    return Batches()


def _progress(keras: Any, total: int, batch_size: int, observer: Observer) -> Any:
    class Progress(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            observer.progress(min((batch + 1) * batch_size, total), total, unit="pictures")

    return Progress()
