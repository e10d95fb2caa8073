"""An epoch after the other: the only training loop."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Split
from toolkit.errors import TrainingError
from toolkit.observer import Observer
from toolkit.train.batches import Source, batches, make_source
from toolkit.train.mixing import draw_mixes
from toolkit.train.recipe import Settings
from toolkit.train.run_folder import Epoch
from toolkit.train.schedule import learning_rate
from toolkit.train.teacher import SoftTargets
from toolkit.train.trainer import Trainer
from toolkit.train.views import draw_views, epoch_order, view_number

EVALUATION_BATCH = 256
EpochDone = Callable[[Epoch, Trainer], bool]
"""Called after each epoch, with the weights to use in the network; True ends the run."""


def prepare(tf: Any, keras: Any, seed: int) -> None:
    """Make TensorFlow give the same weights for the same seed on the same machine."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


@dataclass(frozen=True, kw_only=True)
class Course:
    """Everything that the epochs of a run have in common.

    Args:
        tf: the imported library.
        network: the one to use, at the pictures' full size.
        scorer: the same, compiled for evaluation.
        make_trainer: (height, width) of the pictures (None: their own) -> a trainer for them.
        train: pictures to learn from.
        validation: held-out pictures, or None.
        settings: how to train.
        seed: of everything random.
        soft_targets: what a teacher says, or None.
        observer: told how many pictures of an epoch are done.
    """

    tf: Any
    network: Any
    scorer: Any
    make_trainer: Callable[[tuple[int, int] | None], Trainer]
    train: Split
    validation: Split | None
    settings: Settings
    seed: int
    soft_targets: SoftTargets | None
    observer: Observer

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return self.settings.steps_per_epoch(len(self.train))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the pictures, pixels."""
        height, width = self.train.images.shape[1:3]
        return height, width

    def small_shape(self, epoch: int) -> tuple[int, int] | None:
        """Return the (height, width) of the pictures in an epoch (from 0); None means their own."""
        early = epoch < round(self.settings.small_share * self.settings.epochs)
        return self.settings.small_shape(self.shape) if early else None


@dataclass(kw_only=True)
class Sums:
    """What adds up over an epoch: loss and right answers, pictures, and seconds of waiting for pictures."""

    totals: NDArray[np.float64]
    pictures: int = 0
    waited_s: float = 0.0
    rate: float = 0.0


def fit(
    course: Course, first_epoch: int, state: list[NDArray[np.generic]] | None, on_epoch: EpochDone
) -> float:
    """Train from `first_epoch` to the last.

    Order, views and dropout of an epoch depend on the seed and its number only, so a run that was stopped between two
    epochs goes on as if it hadn't been.

    Args:
        course: what the epochs have in common.
        first_epoch: from 0.
        state: of the trainer, from an earlier run: arrays [...]; None begins.
        on_epoch: see `EpochDone`.

    Returns:
        Share of the time that the steps waited for pictures, 0 to 1.

    Raises:
        TrainingError: the loss, or that on the held-out pictures, is not a number.
    """
    source = make_source(course.tf, course.train.images, course.train.labels)
    shape = course.small_shape(first_epoch)
    trainer = course.make_trainer(shape)
    if state is not None:
        trainer.load_state(state)
    waited, taken = 0.0, 0.0
    for epoch in range(first_epoch, course.settings.epochs):
        started = time.perf_counter()
        if course.small_shape(epoch) != shape:
            shape = course.small_shape(epoch)
            grown = course.make_trainer(shape)
            grown.load_state(trainer.state())
            trainer = grown
        sums = _run_epoch(course, trainer, source, epoch, shape)
        waited += sums.waited_s
        taken += time.perf_counter() - started
        loss, right = sums.totals / sums.pictures
        _refuse_no_number(loss, "the loss", epoch)
        if trainer.network is not course.network:
            course.network.set_weights(trainer.weights_to_use())
        validation = course.validation
        val_loss, val_accuracy = (
            evaluate(course.tf, course.scorer, validation) if validation is not None else (None, None)
        )
        _refuse_no_number(val_loss, "val_loss", epoch)
        row = Epoch(
            epoch=epoch + 1,
            loss=float(loss),
            accuracy=float(right),
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=time.perf_counter() - started,
            learning_rate=sums.rate,
        )
        if on_epoch(row, trainer):
            break
    return waited / taken if taken else 0.0


def _refuse_no_number(loss: float | None, name: str, epoch: int) -> None:
    if loss is not None and not math.isfinite(loss):
        raise TrainingError(
            f"{name} is {loss}",
            where=f"epoch {epoch + 1}",
            remedy="lower --learning-rate; epochs that were finished are kept",
        )


def evaluate(tf: Any, scorer: Any, split: Split) -> tuple[float, float]:
    """Compute loss and accuracy on a split.

    Args:
        tf: the imported library.
        scorer: a network that is compiled for it.
        split: labelled pictures.

    Returns:
        (mean cross-entropy, accuracy from 0 to 1).
    """
    # Our own batches: Keras would make some that wait for a thread at their end.
    source = make_source(tf, split.images, split.labels)
    in_order = batches(tf, source, np.arange(len(split)), EVALUATION_BATCH, None)
    loss, accuracy = scorer.evaluate(in_order.map(lambda images, labels, _: (images, labels)), verbose=0)
    return float(loss), float(accuracy)


def _run_epoch(
    course: Course, trainer: Trainer, source: Source, epoch: int, small: tuple[int, int] | None
) -> Sums:
    tf, settings = course.tf, course.settings
    _reset_randomness(trainer.network, course.seed, epoch)
    mixes = draw_mixes(settings, course.steps_per_epoch, small or course.shape, course.seed, epoch)
    sums, done = Sums(totals=np.zeros(2)), []
    first_step = epoch * course.steps_per_epoch
    head_only = epoch < settings.head_epochs
    with trainer.fast_arithmetic():
        for index, (images, labels, soft) in enumerate(_timed(_epoch_batches(course, source, epoch), sums)):
            if small is not None:
                images = tf.image.resize(images, small, antialias=True)
            sums.rate = learning_rate(settings, first_step + index, course.steps_per_epoch)
            mix, box = mixes.shares[index], mixes.boxes[index]
            done.append(trainer.step(images, labels, soft, sums.rate, mix, box, head_only=head_only))
            sums.pictures += len(labels)
            course.observer.progress(sums.pictures, len(course.train), unit="pictures")
    course.observer.progress(len(course.train), len(course.train), unit="pictures")
    sums.totals = np.asarray(tf.stack(done), np.float64).sum(axis=0)
    return sums


def _epoch_batches(course: Course, source: Source, epoch: int) -> Any:
    settings, count = course.settings, len(course.train)
    views, soft = None, None
    number = view_number(epoch, settings.views)
    if settings.augment:
        views = draw_views(count, course.shape, settings, course.seed, number)
    if course.soft_targets is not None:
        in_order = batches(course.tf, source, np.arange(count), EVALUATION_BATCH, views)
        # Pictures that aren't changed look the same in every epoch.
        number = number if settings.augment else 0
        soft = course.soft_targets.of_view(number, in_order, count, course.observer)
    order = epoch_order(count, course.seed, epoch)
    return batches(
        course.tf, source, order, settings.batch_size, views, whole=settings.whole_batches, soft_targets=soft
    )


def _timed(dataset: Any, sums: Sums) -> Iterator[tuple[Any, Any, Any]]:
    iterator = iter(dataset)
    while True:
        started = time.perf_counter()
        batch = next(iterator, None)
        sums.waited_s += time.perf_counter() - started
        if batch is None:
            return
        yield batch


def _reset_randomness(network: Any, seed: int, epoch: int) -> None:
    # Layers differ in what they call theirs. The second number of a state counts steps: were it the epoch, each would
    # repeat what the one before drew, a step later, and all layers would draw alike.
    generators = [each for layer in network._flatten_layers() for each in layer._seed_generators]
    for number, generator in enumerate(generators):
        drawn = np.random.default_rng([seed, epoch, 3, number]).integers(2**31)
        generator.state.assign(np.array([drawn, 0], generator.state.dtype))
