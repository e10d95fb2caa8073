"""Data -> model -> run folder."""

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Dataset, Split, held_out
from toolkit.data.resolve import load_data
from toolkit.files import refuse_existing_folder
from toolkit.keras_model.load import LoadedModel
from toolkit.keras_model.tensorflow import import_keras, import_tensorflow, require
from toolkit.observer import SILENT, Observer
from toolkit.train import fit
from toolkit.train.arithmetic import obtained
from toolkit.train.balance import UNEQUAL, class_weights, imbalance
from toolkit.train.calibrate import calibrate
from toolkit.train.checkpoint import is_apart
from toolkit.train.keeper import Keeper, Watch
from toolkit.train.makes import Makes
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Recipe
from toolkit.train.recipes import find_recipe
from toolkit.train.record import make_record
from toolkit.train.result import TrainResult
from toolkit.train.run_folder import read_record, refuse_other_run
from toolkit.train.settings import settle
from toolkit.train.start import open_start
from toolkit.train.teacher import SoftTargets, digest_of_views, open_teacher
from toolkit.train.told import tell_network, tell_shapes

COMMAND = "toolkit train"


def run(
    options: TrainOptions,
    observer: Observer = SILENT,
    *,
    dataset: Dataset | None = None,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a recipe and write its run folder, an epoch at a time.

    Args:
        options: what to do.
        observer: told the shapes, a line per epoch, the progress within one.
        dataset: the data, where the caller has loaded it already.
        watch: called after each epoch; what it raises ends the run.

    Raises:
        ToolkitError: the data, the folder or an option is at fault; the loss is not a number.
    """
    recipe = find_recipe(options.recipe_name)
    settings = obtained(settle(options, recipe), observer)
    require("tensorflow", "keras", where=COMMAND)
    earlier = read_record(options.output) if options.resume and options.output.is_dir() else None
    if options.resume and earlier is None:
        observer.notice(f"nothing to resume in {options.output}: starting from the first epoch")
    if earlier is None:
        refuse_existing_folder(options.output, force=options.force)
    start = open_start(options.start_from, where=COMMAND) if options.start_from else None
    dataset = dataset or _load(options, start, observer)
    train, validation = _split(dataset, options)
    size = train.images.shape[1], train.images.shape[2]
    teacher = open_teacher(options.teacher, dataset.classes, size, where=COMMAND) if options.teacher else None
    weights = _class_weights(options, train, dataset, observer)
    record = make_record(
        options,
        settings,
        dataset,
        train,
        validation,
        start=start,
        teacher=teacher,
        weighs_classes=weights is not None,
    )
    if earlier is not None:
        refuse_other_run(earlier, record, options.output)
    tell_shapes(dataset, train, validation, observer)

    tf, keras = import_tensorflow(COMMAND), import_keras(COMMAND)
    fit.prepare(tf, keras, options.seed)
    makes = Makes(
        tf,
        keras,
        recipe,
        settings,
        train.images.shape[1:],
        len(dataset.classes),
        start=start,
        weights=weights,
    )
    keeper = Keeper(options.output, settings, record, makes.network, observer, watch=watch)
    if earlier is not None:
        keeper.take_up(keras, earlier, len(train))
    tell_network(makes.network, recipe, options, len(keeper.history), observer)
    keeper.begin()
    soft_targets = SoftTargets(teacher, options.output, digest_of_views(record)) if teacher else None
    course = fit.Course(
        tf=tf,
        network=makes.network,
        scorer=makes.scorer,
        make_trainer=makes.trainer,
        train=train,
        validation=validation,
        settings=settings,
        seed=options.seed,
        soft_targets=soft_targets,
        observer=observer,
    )
    if not keeper.is_over:
        keeper.waited_share = fit.fit(course, len(keeper.history), keeper.state, keeper.epoch_done)
    if soft_targets is not None:
        soft_targets.forget()
    network = keeper.restore_best(keras)
    # A run that may go on from its model keeps it as it was trained.
    if recipe.calibrates and is_apart(settings) and not keeper.is_calibrated:
        keeper.calibrated(calibrate(network, validation, observer))
    test = dataset.splits.get("test") if options.reads_test else None
    return _finished(keeper, makes, recipe, dataset, test)


def _finished(
    keeper: Keeper, makes: Makes, recipe: Recipe, dataset: Dataset, test: Split | None
) -> TrainResult:
    accuracy = fit.evaluate(makes.scorer, test)[1] if test is not None else None
    count = len(test) if test is not None else 0
    keeper.finish({"test_accuracy": accuracy, "test_pictures": count})
    return TrainResult(
        folder=keeper.folder,
        recipe=recipe.name,
        parameters=makes.network.count_params(),
        history=tuple(keeper.history),
        test_accuracy=accuracy,
        test_count=count,
        data=dataset.name,
        classes=dataset.classes,
        seconds=keeper.seconds,
        kept_epoch=keeper.kept_epoch,
        skipped=dataset.skipped,
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
    if options.class_weights is None and ratio > UNEQUAL:
        observer.notice(
            f"the largest class has {ratio:.1f} times the pictures of the smallest: classes are weighed so that all"
            " count alike; --no-class-weights leaves them as they are"
        )
    if options.class_weights or (options.class_weights is None and ratio > UNEQUAL):
        return class_weights(train.labels, len(dataset.classes))
    return None
