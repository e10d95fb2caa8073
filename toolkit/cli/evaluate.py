"""`toolkit evaluate`: how good a model is on labelled data."""

from pathlib import Path
from typing import Annotated

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
    Force,
    Json,
    Labels,
    Normalize,
    ProviderOption,
    Quiet,
    Resize,
    SkipBroken,
    Threads,
)
from toolkit.cli.retyped import as_typed, retyped
from toolkit.evaluate.options import EvaluateOptions


def evaluate_command(
    model: AnyModel,
    data: Data,
    split: Annotated[str, typer.Option("--split", help="train or test.")] = EvaluateOptions.split,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write metrics.json, predictions.csv, confusion.png and gallery.png.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Write a page with charts and examples."),
    ] = None,
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="K", help="The right class among the K most probable counts.")
    ] = EvaluateOptions.top_k,
    min_accuracy: Annotated[
        float | None, typer.Option("--min-accuracy", metavar="X", help="Gate: exit 4 below this accuracy.")
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Measure accuracy on damaged pictures too: JPEG, blur, noise, …"),
    ] = EvaluateOptions.robustness,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", help="Use N pictures, the same number of each class."),
    ] = None,
    batch_size: BatchSizeBySize = EvaluateOptions.batch_size,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", metavar="N", help="Of --limit, of the examples shown and of the noise of --robustness."
        ),
    ] = EvaluateOptions.seed,
    labels: Labels = None,
    normalize: Normalize = None,
    resize: Resize = None,
    allow_code: AllowCode = False,
    custom_objects: CustomObjects = None,
    device: Device = "auto",
    threads: Threads = None,
    provider_option: ProviderOption = None,
    data_name: DataName = None,
    skip_broken: SkipBroken = False,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how good a model is on labelled pictures.

    Example: toolkit evaluate paper-cnn --data cifar10 -o evaluation
    """
    options = EvaluateOptions(
        data=data,
        split=split,
        output=output,
        report=report,
        force=force,
        top_k=top_k,
        batch_size=batch_size,
        limit=limit,
        min_accuracy=min_accuracy,
        data_name=data_name,
        skip_broken=skip_broken,
        seed=seed,
        robustness=robustness,
    )
    from toolkit.cli.model_argument import open_predictor, refuse_unused, tell_unused
    from toolkit.evaluate.job import refuse_outputs, run
    from toolkit.machine.facts import machine_facts
    from toolkit.report.evaluate import missed_gate, next_command, text, write_report

    console = Console(quiet=quiet, json=json)
    refuse_unused([model], device, threads, provider_option or (), console)
    tell_unused([model], allow_code=allow_code, custom_objects=custom_objects, observer=console)
    refuse_outputs(options)
    predictor = open_predictor(
        model,
        where="toolkit evaluate",
        device=device,
        threads=threads,
        provider_options=provider_option or (),
        allow_code=allow_code,
        custom_objects=custom_objects,
        labels_file=labels,
        normalize=normalize,
        resize=resize,
        observer=console,
    )
    result = run(options, predictor, console)
    files = write_report(
        result,
        options.report,
        command_line=as_typed(),
        machine=machine_facts() if options.report is not None else None,
    )
    console.result(
        lambda: {**result.to_document(), "files": [str(path) for path in files]}, lambda: text(result)
    )
    console.wrote(*files)
    console.next(next_command(result, again=retyped))
    missed = missed_gate(result)
    report_missed([missed] if missed else [])
    report_skipped(result.skipped)
