"""`toolkit demo`: the main job on the bundled pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.console import Console
from toolkit.cli.options import Force, Json, Quiet
from toolkit.cli.retyped import as_typed
from toolkit.demo.options import DemoOptions
from toolkit.models.catalog import DEFAULT_MODEL

if TYPE_CHECKING:
    from toolkit.demo.result import DemoResult


def demo_command(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the demo; its files are written anew."),
    ] = DemoOptions.output,
    json: Json = False,
    quiet: Quiet = False,
    force: Force = False,
) -> None:
    """Classify bundled pictures, benchmark, write a page.

    Takes about ten seconds and needs nothing but the base install.
    """
    options = DemoOptions(output=output, force=force, command_line=as_typed())
    from toolkit.demo.job import run
    from toolkit.demo.page import note_on
    from toolkit.report.bench_lines import warning_lines

    console = Console(quiet=quiet, json=json)
    result = run(options, console)
    warnings = warning_lines(result.benchmark)
    for text in warnings:
        console.warning(text)
    if note := note_on(warnings):
        console.notice(note)
    console.result(result.to_document, lambda: _render(result))
    console.wrote(*result.files)
    console.next(
        f"open {result.files[0]} in a browser",
        f"toolkit classify YOUR_PICTURES -m {DEFAULT_MODEL} --report report.html",
        f"toolkit bench {DEFAULT_MODEL} --batch-size 1,8,32",
    )


def _render(result: "DemoResult") -> str:
    from toolkit.demo.page import headline
    from toolkit.report.bench import render_result
    from toolkit.report.tables import Column, render

    columns = [Column("picture"), Column("truth"), Column("label"), Column("%", numeric=True), Column("")]
    rows = [
        (
            picture.file.name,
            picture.truth,
            picture.predictions[0].label,
            f"{100 * picture.predictions[0].probability:.1f}",
            "✓" if picture.right else "✗",
        )
        for picture in result.pictures
    ]
    return "\n\n".join([render(columns, rows), render_result(result.benchmark), f"{headline(result)}."])
