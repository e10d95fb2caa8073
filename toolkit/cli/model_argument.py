"""ONNX or Keras? The only place that asks; jobs get a predictor or a description and never know."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import DeviceError, UsageError
from toolkit.keras_model.files import looks_like_keras, unfinished_run
from toolkit.observer import SILENT, Observer
from toolkit.ranges import parallel
from toolkit.wording import export_command, typed

if TYPE_CHECKING:
    from toolkit.inspect.result import InspectResult
    from toolkit.keras_model.predictor import KerasPredictor
    from toolkit.models.open import OpenModel


def open_predictor(
    argument: str,
    *,
    where: str,
    device: str = "auto",
    threads: int | None = None,
    provider_options: Sequence[str] = (),
    allow_code: bool = False,
    custom_objects: str | None = None,
    labels_file: Path | None = None,
    normalize: str | None = None,
    resize: str | None = None,
    observer: Observer = SILENT,
) -> "OpenModel | KerasPredictor":
    """Open a MODEL or KERAS_MODEL argument as something that gives probabilities.

    Args:
        argument: what the user wrote.
        where: the command, for errors.
        device: for ONNX: auto, cpu, cuda or cuda:N.
        threads: for ONNX: intra-op threads.
        provider_options: for ONNX: KEY=VALUE for the execution provider.
        allow_code: for Keras: run Python code that the file carries.
        custom_objects: for Keras: module with the model's own classes.
        labels_file: class names for a model that carries none.
        normalize: range of values that a model from elsewhere expects.
        resize: how pictures are brought to size.
        observer: told which provider `auto` took, and of probabilities that are of labels by themselves.
    """
    if looks_like_keras(argument):
        from toolkit.keras_model.choices import KerasChoices
        from toolkit.keras_model.predictor import keras_predictor
        from toolkit.models.head import multi_label_notice

        tell_unfinished(argument, observer)
        choices = KerasChoices(
            allow_code=allow_code,
            custom_objects=custom_objects,
            labels_file=labels_file,
            normalize=normalize,
            resize=resize,
        )
        predictor = keras_predictor(argument, choices=choices, where=where)
        if told := multi_label_notice(Path(argument).name or argument, predictor.head):
            observer.notice(told)
        return predictor
    from toolkit.models.open import open_model

    return open_model(
        argument,
        device=device,
        threads=threads,
        provider_options=provider_options,
        labels_file=labels_file,
        normalize=normalize,
        resize=resize,
        observer=observer,
    )


def refuse_unused(
    models: Sequence[str],
    device: str,
    threads: int | None,
    provider_options: Sequence[str],
    observer: Observer,
) -> None:
    """Refuse options that no model would use, or say so: Keras models have no execution providers.

    Args:
        models: the arguments of a command; one ONNX model among them uses the options.
        device: auto, cpu, cuda or cuda:N.
        threads: intra-op threads, or None.
        provider_options: KEY=VALUE for the execution provider.
        observer: told of what is passed over.

    Raises:
        UsageError: an option makes no sense, or is for an execution provider.
        DeviceError: another device than the CPU was asked for.
    """
    if not all(map(looks_like_keras, models)):
        return
    from toolkit.runtime.devices import parse_device

    remedy = f"leave it out, or use an export: {export_command(models[0])}"
    if parse_device(device).kind not in ("auto", "cpu"):
        raise DeviceError(
            "a Keras model is run by Keras, not by an execution provider",
            where=f"--device {device}",
            remedy=remedy,
        )
    if provider_options:
        raise UsageError("a Keras model has no execution provider", where="--provider-option", remedy=remedy)
    parallel(threads, "--threads")
    if threads is not None:
        observer.notice("warning: --threads is for ONNX models: Keras chooses its own number")


def tell_unused(
    models: Sequence[str], *, allow_code: bool, custom_objects: str | None, observer: Observer
) -> None:
    """Say so where options for the code of Keras models are given, and no model is one.

    Args:
        models: the arguments of a command.
        allow_code: run Python code that a Keras file carries.
        custom_objects: module with a Keras model's own classes.
        observer: told of what is passed over.
    """
    if any(map(looks_like_keras, models)):
        return
    for given, flag in ((allow_code, "--allow-code"), (custom_objects, "--custom-objects")):
        if given:
            observer.notice(f"warning: {flag} is for Keras models: an ONNX file carries no code")


def tell_unfinished(argument: str, observer: Observer) -> None:
    """Tell of a KERAS_MODEL whose training was interrupted: its figures aren't those of the finished run.

    Args:
        argument: what the user wrote.
        observer: told, where it is so.
    """
    run = unfinished_run(argument)
    if run is not None:
        observer.notice(
            f"warning: the training in {run} isn't finished: this is its model so far; "
            f"toolkit train … -o {typed(run)} --resume goes on with it"
        )


def describe(
    argument: str, *, allow_code: bool, custom_objects: str | None, observer: Observer
) -> "InspectResult":
    """Describe a MODEL or KERAS_MODEL argument, layer by layer.

    Args:
        argument: what the user wrote.
        allow_code: for Keras: run Python code that the file carries.
        custom_objects: for Keras: module with the model's own classes.
        observer: told of a training that isn't finished.
    """
    if looks_like_keras(argument):
        tell_unfinished(argument, observer)
        from toolkit.inspect.keras_layers import inspect_keras
        from toolkit.keras_model.choices import KerasChoices

        choices = KerasChoices(allow_code=allow_code, custom_objects=custom_objects)
        return inspect_keras(argument, choices)
    from toolkit.inspect.job import inspect_onnx
    from toolkit.models.catalog import find_model

    return inspect_onnx(find_model(argument))
