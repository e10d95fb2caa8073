"""Data -> model -> run folder."""

from typing import Any

from toolkit.data.dataset import Dataset
from toolkit.files import refuse_existing_folder
from toolkit.keras_model.tensorflow import import_keras, import_tensorflow, require
from toolkit.observer import SILENT, Observer
from toolkit.train import fit
from toolkit.train.arithmetic import obtained
from toolkit.train.calibrate import calibrate
from toolkit.train.checkpoint import is_apart
from toolkit.train.keeper import Keeper, Watch
from toolkit.train.makes import Makes
from toolkit.train.options import TrainOptions
from toolkit.train.plan import Plan, make_plan
from toolkit.train.recipes import find_recipe
from toolkit.train.result import TrainResult
from toolkit.train.run_folder import read_record, refuse_other_run
from toolkit.train.settings import settle
from toolkit.train.told import tell_network, tell_pixels, tell_repeats, tell_shapes

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
    earlier = _earlier(options, observer)
    plan = make_plan(options, recipe, settings, observer, dataset=dataset, where=COMMAND)
    if earlier is not None:
        refuse_other_run(earlier, plan.record, options.output)
    tell_shapes(plan.dataset, plan.train, plan.validation, observer)
    if dataset is None:  # else whoever loaded it would be told in every run
        tell_repeats(plan.train, plan.validation, plan.test, observer)

    tf, keras = import_tensorflow(COMMAND), import_keras(COMMAND)
    fit.prepare(tf, keras, options.seed)
    makes = _makes(plan, tf, keras)
    tell_pixels(plan.train, makes.network, observer)
    keeper = Keeper(options.output, settings, plan.record, makes.network, observer, watch=watch)
    if earlier is not None:
        keeper.take_up(keras, earlier, len(plan.train))
    tell_network(makes.network, recipe, options, len(keeper.history), observer)
    keeper.begin()
    _train(plan, makes, keeper, tf, observer)
    network = keeper.restore_best(keras)
    # A run that may go on from its model keeps it as it was trained.
    if recipe.calibrates and is_apart(settings) and not keeper.is_calibrated:
        keeper.calibrated(calibrate(network, plan.validation, observer))
    return _finished(plan, makes, keeper, tf)


def _earlier(options: TrainOptions, observer: Observer) -> dict[str, Any] | None:
    """Return the record of the run to go on with; None starts anew, in a folder that nothing is lost in."""
    earlier = read_record(options.output) if options.resume and options.output.is_dir() else None
    if options.resume and earlier is None:
        observer.notice(f"nothing to resume in {options.output}: starting from the first epoch")
    if earlier is None:
        refuse_existing_folder(options.output, force=options.force)
    return earlier


def _makes(plan: Plan, tf: Any, keras: Any) -> Makes:
    return Makes(
        tf,
        keras,
        plan.recipe,
        plan.settings,
        plan.input_shape,
        len(plan.dataset.classes),
        start=plan.start,
        weights=plan.weights,
    )


def _train(plan: Plan, makes: Makes, keeper: Keeper, tf: Any, observer: Observer) -> None:
    soft_targets = plan.soft_targets()
    course = fit.Course(
        tf=tf,
        network=makes.network,
        scorer=makes.scorer,
        make_trainer=makes.trainer,
        train=plan.train,
        validation=plan.validation,
        settings=plan.settings,
        seed=plan.options.seed,
        soft_targets=soft_targets,
        observer=observer,
    )
    if not keeper.is_over:
        keeper.waited_share = fit.fit(course, len(keeper.history), keeper.state, keeper.epoch_done)
    if soft_targets is not None:
        soft_targets.forget()


def _finished(plan: Plan, makes: Makes, keeper: Keeper, tf: Any) -> TrainResult:
    test = plan.test
    accuracy = fit.evaluate(tf, makes.scorer, test)[1] if test is not None else None
    count = len(test) if test is not None else 0
    keeper.finish({"test_accuracy": accuracy, "test_pictures": count})
    return TrainResult(
        folder=keeper.folder,
        recipe=plan.recipe.name,
        parameters=makes.network.count_params(),
        history=tuple(keeper.history),
        test_accuracy=accuracy,
        test_count=count,
        data=plan.dataset.name,
        classes=plan.dataset.classes,
        seconds=keeper.seconds,
        kept_epoch=keeper.kept_epoch,
        skipped=plan.dataset.skipped,
    )
