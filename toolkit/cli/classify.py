"""`toolkit classify`: a row for every picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.classify.options import ClassifyOptions
from toolkit.cli.console import Console
from toolkit.cli.options import (
    BatchSize,
    Device,
    Force,
    Json,
    Labels,
    Normalize,
    ProviderOption,
    Quiet,
    Resize,
    Threads,
)
from toolkit.cli.retyped import as_typed
from toolkit.cli.rows import JsonRows, TableRows, accuracy_text
from toolkit.errors import ExitCode
from toolkit.models.catalog import DEFAULT_MODEL
from toolkit.wording import count

if TYPE_CHECKING:
    from toolkit.classify.result import ClassifyResult


LONG_RUN_S = 5.0  # a shorter run spends too much of its time on starting to tell what limits it


def classify_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Pictures, folders (with all below them), patterns, .txt or .csv lists, .zip or .tar archives, "
            "addresses (https://, s3://, gs://), or - for a list on standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help=f"An .onnx file, or the name of a shipped model. [default: {DEFAULT_MODEL}]",
        ),
    ] = None,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow links to folders, into each folder once.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write .csv, .jsonl or .parquet instead of a table."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page to look at.")
    ] = None,
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="K", help="Classes a row, best first.")
    ] = ClassifyOptions.top_k,
    min_confidence: Annotated[
        float | None,
        typer.Option("--min-confidence", metavar="X", help="Mark rows below this probability as uncertain."),
    ] = None,
    labels_from_folders: Annotated[
        bool,
        typer.Option("--labels-from-folders", help="A picture's folder names its class: print the accuracy."),
    ] = False,
    batch_size: BatchSize = ClassifyOptions.batch_size,
    device: Device = ClassifyOptions.device,
    threads: Threads = None,
    provider_option: ProviderOption = None,
    labels: Labels = None,
    normalize: Normalize = None,
    resize: Resize = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            "--max-pixels", metavar="N", help="Larger pictures become error rows. [default: 200 million]"
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Decode every pixel of large JPEG pictures, instead of scaling while decoding."
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", help="Processes. [default: one a core when the inputs are many, else 1]"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run with the same -o stopped.")
    ] = False,
    sort_into: Annotated[
        Path | None,
        typer.Option(
            "--sort-into", metavar="DIR", help="Copy each picture into a folder named like its class."
        ),
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="With --sort-into: hard links, no copies.")] = False,
    keep_columns: Annotated[
        bool, typer.Option("--keep-columns", help="Keep the other columns of .csv lists in the output.")
    ] = False,
    engine: Annotated[
        str, typer.Option("--engine", metavar="local|ray", help="This machine, or a Ray cluster's CPUs.")
    ] = ClassifyOptions.engine,
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address",
            metavar="HOST:PORT",
            help="Join this cluster. [default: start one on this machine]",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    force: Force = False,
) -> None:
    """Classify pictures, a row for each.

    The rows come in the order of the inputs; a broken picture is a row with its reason (exit code 3).

    A .txt list has one path a line, without comments: every line that isn't empty is a path. White space
    around it counts only where a file is called so. A .csv list has its paths in a column "path".

    Example: toolkit classify photos -m paper-cnn -o predictions.csv
    """
    console = Console(quiet=quiet, json=json)
    options = ClassifyOptions(
        paths=tuple(paths),
        model=DEFAULT_MODEL if model is None else model,
        follow_links=follow_links,
        output=output,
        report=report,
        force=force,
        top_k=top_k,
        min_confidence=min_confidence,
        batch_size=batch_size,
        device=device,
        threads=threads,
        provider_options=tuple(provider_option or ()),
        labels=labels,
        normalize=normalize,
        resize=resize,
        labels_from_folders=labels_from_folders,
        max_pixels=max_pixels,
        exact=exact,
        workers=workers,
        engine=engine,
        ray_address=ray_address,
        resume=resume,
        sort_into=sort_into,
        link=link,
        keep_columns=keep_columns,
    )
    if model is None:
        console.notice(
            f"no model was named (-m): this is {DEFAULT_MODEL}, one of those that toolkit models lists"
        )
    from toolkit.classify.job import run

    rows = _rows(options, console)
    try:
        result = run(options, console, sink=rows.take if rows else None, count_inputs=console.shows_progress)
    except BaseException:  # whatever ends it: what is finished is shown, and a JSON document is closed
        if rows:
            rows.finish(None)
        raise
    if rows:
        rows.finish(result)
    elif json or labels_from_folders:
        console.result(lambda: {"summary": result.to_document()}, lambda: accuracy_text(result))
    _close(options, result, console)


def _close(options: ClassifyOptions, result: "ClassifyResult", console: Console) -> None:
    """Write the report, say what was made, and end with the exit code."""
    from toolkit.report.classify_lines import limit_line, summary_line

    if options.report is not None:
        from toolkit.files import write_text
        from toolkit.machine.facts import machine_facts
        from toolkit.report.classify import page

        command_line = as_typed()
        write_text(
            options.report,
            page(result, command_line=command_line, machine=machine_facts()),
            force=options.force or options.resume,
        )
    console.wrote(None if result.untouched else options.output, options.report)
    if result.untouched and result.errors:
        console.notice("its error rows are not tried again: --force makes the file anew")
    if options.sort_into is not None:
        sorted_now, missed = result.pictures - result.not_sorted, result.not_sorted
        how = "linked" if options.link else "copied"
        console.notice(
            f"{how} {count(sorted_now, 'picture')} into {options.sort_into}, a folder for each class"
        )
        if result.not_linked:
            console.notice(
                f"{count(result.not_linked, 'picture')} of them copied: what is in an archive or at an address can't "
                "be linked"
            )
        if missed:
            console.notice(
                f"{count(missed, 'picture')} could not be {how} (first: {result.first_not_sorted})"
            )
    console.notice(summary_line(result))
    if result.seconds >= LONG_RUN_S and sum(result.stages.seconds().values()) >= result.seconds / 2:
        console.notice(limit_line(result))
    if result.errors or result.not_sorted:
        raise typer.Exit(int(ExitCode.SOME_INPUTS_FAILED))


def _rows(options: ClassifyOptions, console: Console) -> TableRows | JsonRows | None:
    """Choose where rows go on standard output; nowhere when they go to a file."""
    if options.output is not None:
        return None
    return JsonRows(console.part) if console.json else TableRows(console.part, top_k=options.top_k)
