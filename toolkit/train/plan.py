"""What a run trains on what: recipe, settings, pictures, start and teacher."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Dataset, Split, held_out
from toolkit.data.resolve import load_data
from toolkit.errors import DataError
from toolkit.keras_model.load import LoadedModel
from toolkit.observer import Observer
from toolkit.train.balance import UNEQUAL, class_weights, imbalance
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Recipe, Settings
from toolkit.train.record import make_record
from toolkit.train.start import open_start
from toolkit.train.teacher import SoftTargets, Teachers, digest_of_views, open_teachers


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a run is made of.

    Args:
        options: what was asked for.
        recipe: whose network.
        settings: of its training.
        dataset: all the data.
        train: pictures to learn from.
        validation: held-out pictures, or None.
        start: a trained model to go on from, or None.
        teachers: models to learn from as well, or None.
        weights: of the classes, float32 [classes], or None.
        record: what run.json says of the run.
    """

    options: TrainOptions
    recipe: Recipe
    settings: Settings
    dataset: Dataset
    train: Split
    validation: Split | None
    start: LoadedModel | None
    teachers: Teachers | None
    weights: NDArray[np.float32] | None
    record: dict[str, Any]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the pictures."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    @property
    def test(self) -> Split | None:
        """The test split, where the run is to read it."""
        return self.dataset.splits.get("test") if self.options.reads_test else None

    def soft_targets(self) -> SoftTargets | None:
        """Return what the teacher says of each view, kept in the run folder; None without a teacher."""
        if self.teachers is None:
            return None
        return SoftTargets(self.teachers, self.options.output, digest_of_views(self.record))


def make_plan(
    options: TrainOptions,
    recipe: Recipe,
    settings: Settings,
    observer: Observer,
    *,
    dataset: Dataset | None,
    where: str,
) -> Plan:
    """Load what a run is made of.

    Args:
        options: what to do.
        recipe: whose network.
        settings: of its training.
        observer: told what was decided for the user.
        dataset: the data, where the caller has loaded it already.
        where: the command, for errors.

    Raises:
        ToolkitError: the data, the start or the teacher is at fault.
    """
    start = open_start(options.start_from, where=where) if options.start_from else None
    dataset = dataset or _load(options, start, observer)
    if len(dataset.classes) == 1:
        raise DataError(
            f"there is only one class, '{dataset.classes[0]}', so that there is nothing to learn",
            where=options.data,
            remedy="give a folder for each of two classes or more",
        )
    train, validation = _split(dataset, options)
    size = train.images.shape[1], train.images.shape[2]
    teachers = open_teachers(options.teachers, dataset.classes, size, where=where, observer=observer)
    weights = _class_weights(options, train, dataset, observer)
    record = make_record(
        options,
        settings,
        dataset,
        train,
        validation,
        start=start,
        teachers=teachers,
        weighs_classes=weights is not None,
    )
    return Plan(
        options=options,
        recipe=recipe,
        settings=settings,
        dataset=dataset,
        train=train,
        validation=validation,
        start=start,
        teachers=teachers,
        weights=weights,
        record=record,
    )


def _load(options: TrainOptions, start: LoadedModel | None, observer: Observer) -> Dataset:
    size = (options.image_size, options.image_size) if options.image_size else None
    if size is None and start is not None:
        size = start.input_size
        observer.notice(
            f"pictures are brought to {size[1]}×{size[0]} pixels, as {options.start_from} takes them"
        )
    return load_data(
        options.data,
        image_size=size,
        skip_broken=options.skip_broken,
        limit=options.limit,
        seed=options.seed,
        name=options.data_name,
        observer=observer,
    )


def _split(dataset: Dataset, options: TrainOptions) -> tuple[Split, Split | None]:
    train = dataset.split("train")
    if not options.validation_split:
        return train, None
    return held_out(train, options.validation_split, options.seed)


def _class_weights(
    options: TrainOptions, train: Split, dataset: Dataset, observer: Observer
) -> NDArray[np.float32] | None:
    ratio = imbalance(train.labels)
    weighs = options.class_weights
    if weighs is None and (weighs := ratio > UNEQUAL):
        observer.notice(
            f"the largest class has {ratio:.1f} times the pictures of the smallest: classes are weighed so that all"
            " count alike; --no-class-weights leaves them as they are"
        )
    return class_weights(train.labels, len(dataset.classes)) if weighs else None
