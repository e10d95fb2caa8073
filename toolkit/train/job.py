"""Data -> model -> run folder."""

import platform
import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from toolkit import __version__
from toolkit.data.dataset import Dataset, Split, held_out
from toolkit.data.resolve import load_data
from toolkit.files import refuse_existing_folder
from toolkit.keras_model.tensorflow import import_keras, require
from toolkit.observer import SILENT, Observer
from toolkit.train import fit
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Settings
from toolkit.train.recipes import find_recipe
from toolkit.train.result import TrainResult
from toolkit.train.run_folder import (
    Epoch,
    read_history,
    read_record,
    refuse_other_run,
    write_history,
    write_record,
)
from toolkit.train.settings import settle

COMMAND = "toolkit train"


def run(options: TrainOptions, observer: Observer = SILENT) -> TrainResult:
    """Train a recipe and write its run folder, an epoch at a time.

    Args:
        options: what to do.
        observer: told the shapes, a line per epoch, the progress within one.

    Raises:
        ToolkitError: the data, the folder or an option is at fault; the loss is not a number.
    """
    recipe = find_recipe(options.recipe)
    settings = settle(options, recipe)
    require("tensorflow", "keras", where=COMMAND)
    earlier = read_record(options.output) if options.resume and options.output.is_dir() else None
    if options.resume and earlier is None:
        observer.notice(f"nothing to resume in {options.output}: starting from the first epoch")
    if earlier is None:
        refuse_existing_folder(options.output, force=options.force)
    dataset = _load(options, observer)
    train, validation = _split(dataset, options)
    test = dataset.splits.get("test")
    record = _record(options, settings, dataset, train, validation)
    if earlier is not None:
        refuse_other_run(earlier, record, options.output)
    _tell_shapes(dataset, train, validation, observer)

    keras = import_keras(COMMAND)
    fit.prepare(keras, options.seed)
    if earlier is not None and earlier.get("epochs_done"):
        model = fit.load_checkpoint(keras, options.output)
        history = _whole_epochs(model, read_history(options.output), len(train.labels), settings)
        observer.line(f"Resuming after epoch {len(history)}")
    else:
        model = fit.build(keras, recipe, settings, train.images.shape[1:], len(dataset.classes))
        history = []
        model.summary(line_length=76, print_fn=lambda text, **_: observer.line(text.rstrip()))
    observer.line(f"Model: {recipe.name}, {model.count_params():,} parameters")

    started = time.perf_counter()
    if not history:
        write_record(options.output, record)

    def epoch_done(model: Any, epoch: Epoch) -> None:
        history.append(epoch)
        write_history(options.output, history)
        fit.save_checkpoint(model, options.output)
        write_record(options.output, {**record, "epochs_done": len(history)})
        observer.line(epoch_line(epoch, settings.epochs))

    fit.fit(
        keras,
        model,
        train,
        validation,
        settings,
        seed=options.seed,
        first_epoch=len(history),
        observer=observer,
        on_epoch=epoch_done,
    )
    seconds = time.perf_counter() - started
    accuracy = fit.evaluate(model, test)[1] if test is not None else None
    total = seconds + (float(earlier.get("duration_s") or 0) if earlier else 0.0)
    write_record(
        options.output,
        {
            **record,
            "epochs_done": len(history),
            "finished": True,
            "parameters": model.count_params(),
            "test_accuracy": accuracy,
            "test_pictures": len(test.labels) if test is not None else 0,
            "duration_s": round(total, 3),
        },
    )
    return TrainResult(
        folder=options.output,
        recipe=recipe.name,
        parameters=model.count_params(),
        history=tuple(history),
        test_accuracy=accuracy,
        test_count=len(test.labels) if test is not None else 0,
        data=dataset.name,
        classes=dataset.classes,
        seconds=seconds,
    )


def epoch_line(epoch: Epoch, total: int) -> str:
    """Render the figures of an epoch on one line."""
    parts = [f"Epoch {epoch.epoch:>{len(str(total))}}/{total}"]
    parts += [f"loss {epoch.loss:.4f}", f"accuracy {epoch.accuracy:.4f}"]
    if epoch.val_loss is not None and epoch.val_accuracy is not None:
        parts += [f"val_loss {epoch.val_loss:.4f}", f"val_accuracy {epoch.val_accuracy:.4f}"]
    return "  ".join([*parts, f"{epoch.seconds:.1f} s"])


def _load(options: TrainOptions, observer: Observer) -> Dataset:
    size = (options.image_size, options.image_size) if options.image_size else None
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


def _tell_shapes(dataset: Dataset, train: Split, validation: Split | None, observer: Observer) -> None:
    observer.line(f"Data: {dataset.name}, {len(dataset.classes)} classes: {', '.join(dataset.classes)}")
    for path, reason in dataset.skipped:
        observer.notice(f"skipped {path}: {reason}")
    for name, split in (("Train", dataset.splits.get("train")), ("Test", dataset.splits.get("test"))):
        if split is not None:
            observer.line(f"{name} samples: {split.images.shape} {split.labels[:, None].shape}")
    if validation is not None:
        observer.line(
            f"Held out of train for validation: {len(validation.labels)}, trained on {len(train.labels)}"
        )
    low, high = int(train.images.min()), int(train.images.max())
    observer.line(
        f"Pixels: uint8 {low} to {high}, divided by 255 inside the model: {low / 255:.1f} to {high / 255:.1f}"
    )


def _record(
    options: TrainOptions, settings: Settings, dataset: Dataset, train: Split, validation: Split | None
) -> dict[str, Any]:
    return {
        "recipe": options.recipe,
        "settings": {
            **asdict(settings),
            "image_size": list(train.images.shape[1:3]),
            "validation_split": options.validation_split,
            "limit": options.limit,
        },
        "seed": options.seed,
        "classes": list(dataset.classes),
        "data": dataset.name,
        "data_argument": options.data,
        "data_digest": dataset.digest,
        "train_pictures": len(train.labels),
        "validation_pictures": len(validation.labels) if validation is not None else 0,
        "resize": "stretch",
        "versions": {
            "toolkit": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
        },
        "epochs_done": 0,
        "finished": False,
    }


def _whole_epochs(model: Any, history: list[Epoch], pictures: int, settings: Settings) -> list[Epoch]:
    # The history is written before the model; after a kill between the two its last line has no weights.
    steps = -(-pictures // settings.batch_size)
    return history[: int(model.optimizer.iterations.numpy()) // steps]
