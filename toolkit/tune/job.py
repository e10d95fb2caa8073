"""Trial after trial -> a table, and the command that trains the best."""

import contextlib
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.data.dataset import Dataset
from toolkit.data.resolve import load_data
from toolkit.errors import TrainingError
from toolkit.files import refuse_existing_folder
from toolkit.keras_model.tensorflow import require
from toolkit.observer import SILENT, Observer
from toolkit.train.job import run as train
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Search
from toolkit.train.recipes import find_recipe
from toolkit.train.run_folder import Epoch
from toolkit.train.settings import settle
from toolkit.train.start import open_start
from toolkit.train.teacher import open_teachers
from toolkit.tune.options import TuneOptions
from toolkit.tune.result import COMPLETE, FAILED, PRUNED, Trial, TuneResult
from toolkit.tune.space import described, space_of, suggested
from toolkit.tune.study import STUDY, Study, require_optuna
from toolkit.tune.table import write_trials
from toolkit.wording import count, typed

COMMAND = "toolkit tune"
TRIAL = "trial"  # where the training of the moment has its run


def run(options: TuneOptions, observer: Observer = SILENT) -> TuneResult:
    """Search for better settings of a recipe, judged on held-out pictures; the test split isn't read.

    Args:
        options: what to do.
        observer: told what is searched, and a line per trial.

    Raises:
        ToolkitError: the data, the folder or an option is at fault, or a library is missing.
    """
    recipe = find_recipe(options.recipe)
    space = space_of(recipe, options.overrides, has_teacher=bool(options.teachers))
    first = _train_options(options, options.output / TRIAL, {})
    settings = settle(first, recipe)
    require_optuna(COMMAND)  # first: its extra brings TensorFlow as well
    require("tensorflow", "keras", where=COMMAND)
    resumed = options.resume and (options.output / STUDY).is_file()
    if options.resume and not resumed:
        observer.notice(f"nothing to resume in {options.output}: starting with the first trial")
    if not resumed:
        refuse_existing_folder(options.output, force=options.force)
    dataset = _load(options, observer)
    # One that holds more would be refused again all the same, and `--resume` can go on with an empty search.
    is_new = not (options.output.is_dir() and any(options.output.iterdir()))
    if not resumed:
        (options.output / STUDY).unlink(missing_ok=True)
    study = Study(
        options.output,
        {
            "recipe": options.recipe,
            "data_digest": dataset.digest,
            "epochs": settings.epochs,
            "validation_split": options.validation_split,
            "seed": options.seed,
            **_digests(options, dataset),
            "overrides": list(options.overrides),
            "space": described(space),
        },
        seed=options.seed,
        prune=options.prune,
    )
    done = study.trials
    observer.line(f"Searching {described(space)}")
    observer.line(
        f"{count(options.trials, 'trial')} of {count(settings.epochs, 'epoch')}, judged on"
        f" {100 * options.validation_split:.0f} % of train" + (f"; {len(done)} done already" if done else "")
    )
    try:
        for number in range(len(done) + 1, options.trials + 1):
            _try(options, study, space, number, settings.epochs, dataset, observer)
            write_trials(options.output, study.trials, list(space))
    except BaseException:
        with contextlib.suppress(Exception):  # what is raised already says more
            if is_new and not study.trials:
                # Else the next run, with what was wrong mended, would be refused for a folder that isn't empty.
                study.discard()
        raise
    result = TuneResult(
        folder=options.output,
        recipe=recipe.name,
        trials=study.trials,
        importance=study.importance(),
        command=None,
        skipped=dataset.skipped,
    )
    write_trials(options.output, result.trials, list(space))
    return replace(result, command=_command(options, result.best)) if result.best else result


class _GiveUp(Exception):  # noqa: N818 - not an error: it leaves the training of a trial
    pass


@dataclass
class _Progress:
    """What a trial has reached so far."""

    val_accuracy: float | None = None
    epochs: int = 0


def _try(
    options: TuneOptions,
    study: Study,
    space: Search,
    number: int,
    epochs: int,
    dataset: Dataset,
    observer: Observer,
) -> None:
    trial = study.ask()
    chosen = suggested(space, trial)
    folder = options.output / TRIAL
    reached, started, state = _Progress(), time.perf_counter(), COMPLETE

    def watch(row: Epoch) -> None:
        value = row.val_accuracy or 0.0
        reached.val_accuracy, reached.epochs = value, row.epoch
        observer.progress(row.epoch, epochs + 1, unit=f"epochs of trial {number}")
        trial.report(value, row.epoch)
        if row.epoch < epochs and trial.should_prune():
            raise _GiveUp

    try:
        result = train(_train_options(options, folder, chosen), SILENT, dataset=dataset, watch=watch)
        # The command of a trial gives the weights that are kept, not those of its luckiest epoch.
        reached.val_accuracy = result.history[result.kept_epoch - 1].val_accuracy
    except _GiveUp:
        state = PRUNED
    except TrainingError:
        state = FAILED
    finally:
        # Weights of trials are of no use; the run of the best is made again, with all its epochs, by its command.
        shutil.rmtree(folder, ignore_errors=True)
    study.tell(trial, state, reached.val_accuracy, reached.epochs, round(time.perf_counter() - started, 3))
    observer.line(trial_line(study.trials[-1], options.trials))


def trial_line(trial: Trial, total: int) -> str:
    """Render a trial on one line."""
    values = "  ".join(f"{name} {_plain(value)}" for name, value in trial.settings.items())
    found = "no accuracy" if trial.val_accuracy is None else f"val_accuracy {trial.val_accuracy:.4f}"
    state = "" if trial.state == COMPLETE else f"  {trial.state} after {count(trial.epochs, 'epoch')}"
    return f"Trial {trial.number:>{len(str(total))}}/{total}  {found}  {values}  {trial.seconds:.1f} s{state}"


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _train_options(options: TuneOptions, output: Path, chosen: dict[str, Any]) -> TrainOptions:
    return TrainOptions(
        data=options.data,
        output=output,
        recipe=options.recipe,
        start_from=options.start_from,
        teachers=options.teachers,
        epochs=options.epochs,
        image_size=options.image_size,
        validation_split=options.validation_split,
        seed=options.seed,
        limit=options.limit,
        overrides=(*options.overrides, *(f"{name}={value}" for name, value in chosen.items())),
        force=True,
        data_name=options.data_name,
        reads_test=False,
    )


def _load(options: TuneOptions, observer: Observer) -> Dataset:
    size = (options.image_size, options.image_size) if options.image_size else None
    if size is None and options.start_from is not None:
        size = open_start(options.start_from, where=COMMAND).input_size
    return load_data(
        options.data,
        image_size=size,
        splits=("train",),
        skip_broken=options.skip_broken,
        limit=options.limit,
        seed=options.seed,
        name=options.data_name,
        observer=observer,
    )


def _digests(options: TuneOptions, dataset: Dataset) -> dict[str, str | None]:
    """Return the digests of the models that trials start and learn from: a name may come to mean another one."""
    start, size = options.start_from, dataset.split("train").images.shape[1:3]
    teachers = open_teachers(options.teachers, dataset.classes, size, where=COMMAND)
    return {
        "start_digest": open_start(start, where=COMMAND).sha256 if start else None,
        "teacher_digest": teachers.sha256 if teachers else None,
    }


def _command(options: TuneOptions, best: Trial) -> str:
    """Return the `toolkit train` command of a trial."""
    parts = ["toolkit", "train", options.recipe, "--data", options.data, "-o", f"{options.recipe}-tuned"]
    for flag, value in (
        ("--from", options.start_from),
        *(("--teacher", teacher) for teacher in options.teachers),
        ("--epochs", options.epochs),
        ("--image-size", options.image_size),
        ("--limit", options.limit),
        ("--seed", options.seed or None),
        ("--data-name", options.data_name),
    ):
        parts += [flag, str(value)] if value is not None else []
    if options.validation_split != TrainOptions.validation_split:
        parts += ["--validation-split", str(options.validation_split)]
    parts += ["--skip-broken"] if options.skip_broken else []
    for text in (*options.overrides, *(f"{name}={_exact(value)}" for name, value in best.settings.items())):
        parts += ["--set", text]
    return typed(*parts)


def _exact(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)
