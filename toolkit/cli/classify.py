"""`toolkit classify`: a row for every picture."""

from collections.abc import Callable, Sequence
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
from toolkit.errors import ExitCode

if TYPE_CHECKING:
    from toolkit.classify.result import ClassifyResult, Record
    from toolkit.report.tables import Column

LONGEST_TABLE = 1000  # rows that are laid out together; a longer table comes in pieces
WIDEST_CONFUSION = 12  # classes; a larger matrix doesn't fit a terminal and stands in --json and the report


def classify_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Pictures, folders (with all below them), patterns, .txt or .csv lists, or - for a list on "
            "standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help="An .onnx file, or the name of a shipped model.",
            show_default=False,
        ),
    ],
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
    workers: Annotated[int, typer.Option("--workers", metavar="N", hidden=True)] = ClassifyOptions.workers,
    engine: Annotated[str, typer.Option("--engine", hidden=True)] = ClassifyOptions.engine,
    ray_address: Annotated[str | None, typer.Option("--ray-address", hidden=True)] = None,
    resume: Annotated[bool, typer.Option("--resume", hidden=True)] = False,
    sort_into: Annotated[Path | None, typer.Option("--sort-into", hidden=True)] = None,
    json: Json = False,
    quiet: Quiet = False,
    force: Force = False,
) -> None:
    """Classify pictures: one row for each, in order, broken ones included.

    Example: toolkit classify photos -m paper-cnn -o predictions.csv
    """
    console = Console(quiet=quiet, json=json)
    options = ClassifyOptions(
        paths=tuple(paths),
        model=model,
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
        workers=workers,
        engine=engine,
        ray_address=ray_address,
        resume=resume,
        sort_into=sort_into,
    )
    from toolkit.classify.job import run

    rows = _rows(options, console)
    try:
        result = run(options, console, sink=rows.take if rows else None, count_inputs=console.shows_progress)
    except KeyboardInterrupt:
        if rows:
            rows.finish(None)
        raise
    if rows:
        rows.finish(result)
    else:
        console.result(lambda: {"summary": result.to_document()}, lambda: _accuracy(result))
    _close(options, result, console)


def _close(options: ClassifyOptions, result: "ClassifyResult", console: Console) -> None:
    """Write the report, say what was made, and end with the exit code."""
    if options.report is not None:
        from toolkit.files import write_text
        from toolkit.report.classify import page

        write_text(options.report, page(result), force=options.force)
    for path in (options.output, options.report):
        if path is not None and path.is_file():
            console.notice(f"{path}  {path.stat().st_size:,} bytes")
    console.notice(_summary_line(result))
    if result.errors:
        raise typer.Exit(int(ExitCode.SOME_INPUTS_FAILED))


def _rows(options: ClassifyOptions, console: Console) -> "TableRows | JsonRows | None":
    """Choose where rows go on standard output; nowhere when they go to a file."""
    if options.output is not None:
        return None
    return JsonRows(console.part) if console.json else TableRows(console.part, options)


class TableRows:
    """Prints rows as a table, in pieces, so that memory doesn't grow with their number.

    Args:
        write: prints text on standard output.
        options: of the run.
    """

    def __init__(self, write: Callable[[str], None], options: ClassifyOptions) -> None:
        self._write = write
        self._top_k = options.top_k
        self._pending: list[Record] = []
        self._widths: list[int] | None = None

    def take(self, records: "list[Record]") -> None:
        """Take a batch of records."""
        self._pending += records
        if len(self._pending) >= LONGEST_TABLE:
            self._print()

    def finish(self, result: "ClassifyResult | None") -> None:
        """Print what is left, and the accuracy where it is known; None after an interruption."""
        self._print()
        closing = _accuracy(result) if result is not None else ""
        if closing:
            self._write(f"\n{closing}")

    def _print(self) -> None:
        if not self._pending:
            return
        from toolkit.report.tables import Column, render

        columns = [Column("path", fold=True), Column("label"), Column("probability", numeric=True)]
        if self._top_k > 1:
            columns.append(Column("next best", fold=True))
        columns.append(Column("error", fold=True))
        rows = [self._cells(record) for record in self._pending]
        if self._widths is None:
            self._widths = [
                max(len(column.title), *(len(str(cell)) for cell in cells))
                for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
            ]
            self._write(render(columns, rows))
        else:  # laying out a hundred thousand rows takes longer than classifying them
            self._write("\n".join(_plain_row(columns, row, self._widths) for row in rows))
        self._pending = []

    def _cells(self, record: "Record") -> list[object]:
        first, *others = record.predictions or (None,)
        label = None if first is None else first.label + (" (uncertain)" if record.uncertain else "")
        cells: list[object] = [record.path, label, None if first is None else f"{first.probability:.6f}"]
        if self._top_k > 1:
            cells.append(", ".join(f"{p.label} {p.probability:.4f}" for p in others if p is not None))
        return [*cells, record.error or ""]


def _plain_row(columns: "Sequence[Column]", cells: list[object], widths: list[int]) -> str:
    """Lay out one row of a table whose header stands already, in the widths of its first rows."""
    from toolkit.report.tables import printable

    texts = ["–" if cell is None else printable(cell) for cell in cells]
    return "   ".join(
        text.rjust(width) if column.numeric else text.ljust(width)
        for text, width, column in zip(texts, widths, columns, strict=True)
    ).rstrip()


class JsonRows:
    """Prints one JSON document with all rows and the summary, row by row.

    Args:
        write: prints text on standard output.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._begun = False

    def take(self, records: "list[Record]") -> None:
        """Take a batch of records."""
        from toolkit.classify.writers import json_line

        lines = ",\n".join(json_line(record) for record in records)
        self._write(f",\n{lines}" if self._begun else f'{{"predictions": [\n{lines}')
        self._begun = True

    def finish(self, result: "ClassifyResult | None") -> None:
        """Complete the document; after an interruption (None) its summary is null."""
        from toolkit.files import to_json

        summary = to_json(result.to_document() if result is not None else None)
        if self._begun:
            self._write(f'],\n"summary": {summary}}}')


def _summary_line(result: "ClassifyResult") -> str:
    """Say in one line how it went: the last thing on standard error."""
    errors = f"{result.errors:,} {'error' if result.errors == 1 else 'errors'}"
    line = (
        f"{result.inputs:,} {'picture' if result.inputs == 1 else 'pictures'}, {errors}, "
        f"{result.seconds:.2f} s, {result.pictures_per_second:,.0f} pictures a second"
    )
    if result.uncertain is not None:
        line += f"; {result.uncertain:,} uncertain (below {result.min_confidence:g})"
    if result.hidden_skipped:
        line += f"; {result.hidden_skipped:,} hidden skipped"
    if result.links_skipped:
        line += f"; {result.links_skipped:,} links to folders not followed"
    return line


def _accuracy(result: "ClassifyResult") -> str:
    """Show accuracy and confusion matrix of a run with labels; nothing for one without."""
    if result.labelled is None:
        return ""
    unlabelled = result.pictures - result.labelled
    beside = f"; {unlabelled:,} in folders that are named like no class" if unlabelled else ""
    if result.accuracy is None:
        return f"accuracy unknown: no picture's folder is named like a class{beside}"
    lines = [f"accuracy {result.accuracy:.4f} ({result.correct:,} of {result.labelled:,} pictures{beside})"]
    if result.confusion is not None and len(result.labels) <= WIDEST_CONFUSION:
        from toolkit.report.tables import Column, render

        columns = [Column("true \\ predicted"), *(Column(label, numeric=True) for label in result.labels)]
        rows = [(label, *row) for label, row in zip(result.labels, result.confusion.tolist(), strict=True)]
        lines += ["", render(columns, rows)]
    return "\n".join(lines)
