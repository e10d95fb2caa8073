"""`toolkit verify`: two models on the same pictures."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_missed, report_skipped
from toolkit.cli.options import (
    AllowCode,
    AnyModel,
    BatchSizeBySize,
    CustomObjects,
    Data,
    DataName,
    Device,
    Json,
    Labels,
    Normalize,
    ProviderOption,
    Quiet,
    Resize,
    SkipBroken,
    Threads,
)
from toolkit.observer import EachNoticeOnce, Observer
from toolkit.verify.options import VerifyOptions

if TYPE_CHECKING:
    from toolkit.keras_model.predictor import KerasPredictor
    from toolkit.models.open import OpenModel
    from toolkit.verify.result import VerifyResult


def verify_command(
    model: AnyModel,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="The model to compare it with; any kind, too.")
    ],
    data: Data,
    split: Annotated[str, typer.Option(help="train or test.")] = VerifyOptions.split,
    tolerance: Annotated[
        float | None, typer.Option(metavar="X", help="Gate: largest difference of a probability.")
    ] = None,
    min_agreement: Annotated[
        float | None, typer.Option(metavar="X", help="Gate: least share of pictures with the same top-1.")
    ] = None,
    worst: Annotated[
        int, typer.Option(metavar="N", help="Name the N pictures that differ most.")
    ] = VerifyOptions.worst,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Use only N pictures.")] = None,
    batch_size: BatchSizeBySize = VerifyOptions.batch_size,
    labels: Labels = None,
    normalize: Normalize = None,
    resize: Resize = None,
    allow_code: AllowCode = False,
    custom_objects: CustomObjects = None,
    device: Device = "auto",
    threads: Threads = None,
    provider_option: ProviderOption = None,
    skip_broken: SkipBroken = False,
    data_name: DataName = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare two models on the same pictures.

    Example: toolkit verify runs/paper paper.onnx --data cifar10 --tolerance 1e-5
    """
    console = Console(quiet=quiet, json=json)
    options = VerifyOptions(
        data=data,
        split=split,
        tolerance=tolerance,
        min_agreement=min_agreement,
        batch_size=batch_size,
        worst=worst,
        limit=limit,
        skip_broken=skip_broken,
        data_name=data_name,
    )
    from toolkit.cli.model_argument import open_predictor, refuse_unused, tell_unused
    from toolkit.models.mirror import alike
    from toolkit.preprocess.normalization import where_needed
    from toolkit.verify.job import refuse_not_numbers, run

    refuse_unused([model, other], device, threads, provider_option or (), console)
    tell_unused([model, other], allow_code=allow_code, custom_objects=custom_objects, observer=console)
    listener = EachNoticeOnce(console)

    def opened(argument: str, normalize: str | None) -> "OpenModel | KerasPredictor":
        return open_predictor(
            argument,
            where="toolkit verify",
            device=device,
            threads=threads,
            provider_options=provider_option or (),
            allow_code=allow_code,
            custom_objects=custom_objects,
            labels_file=labels,
            normalize=normalize,
            resize=resize,
            observer=listener,
        )

    both = where_needed(normalize, [partial(opened, argument) for argument in (model, other)])
    first, second = _own_names_kept(both, listener)
    # The two may read the same pictures in two sizes.
    result = run(options, *alike(first, second, listener), listener)
    console.result(result.to_document, lambda: _render(result))
    report_missed(result.missed)
    refuse_not_numbers(result)
    report_skipped(result.skipped)


def _own_names_kept(
    found: "list[OpenModel | KerasPredictor]", observer: Observer
) -> "list[OpenModel | KerasPredictor]":
    """Let --labels name the one of two models that has no names: those of the other may come in another order."""
    from toolkit.models.matching import Unnamed

    named = [each for each in found if each.own_labels and not Unnamed.looks_like(each.own_labels)]
    if len(named) != 1 or len(named[0].own_labels) != len(named[0].labels):
        return found
    (own,) = named
    if own.labels == own.own_labels:
        return found
    observer.notice(f"--labels is for a model that carries no names: {own.name} keeps its own")
    return [replace(each, labels=each.own_labels) if each is own else each for each in found]


def _render(result: "VerifyResult") -> str:
    from toolkit.report.agreement import agreement_rows, aligned, number
    from toolkit.report.left_out import left_out
    from toolkit.report.tables import Column, render
    from toolkit.wording import count

    counted = count(result.agreement["pictures"], "picture")
    accuracies = ("accuracy", f"{result.accuracy:.4f} and {result.other_accuracy:.4f}")
    lines = [
        f"{result.model} against {result.other} on {counted} ({result.data}, {result.split} split)",
        "",
        *aligned([*agreement_rows(result.agreement), accuracies]),
    ]
    if result.worst:
        columns = [
            Column("picture", fold=True),
            Column("difference", numeric=True),
            Column("label"),
            Column("other label"),
            Column("truth"),
        ]
        rows = [(w.picture, number(w.difference), w.label, w.other_label, w.truth) for w in result.worst]
        lines += ["", "The pictures that differ most:", render(columns, rows)]
    if result.skipped:
        lines += ["", left_out(result.skipped)]
    return "\n".join(lines)
