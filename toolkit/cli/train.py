"""`toolkit train`: train a recipe and write its run folder."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_skipped
from toolkit.cli.options import DataName, Force, Json, Quiet, SkipBroken
from toolkit.errors import TrainingError, UsageError
from toolkit.train.options import DEFAULT_RECIPE, Optimizer, TrainOptions

if TYPE_CHECKING:
    from toolkit.train.result import TrainResult


def train_command(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help=f"Name of a recipe; see --list. [default: {DEFAULT_RECIPE}, or fine-tune with --from]",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="cifar10, an official archive, a .npz file, or a folder of class folders.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="RUN_DIR", help="The run folder.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Go on from a trained model: a run folder, a .keras file, or a shipped model.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher", metavar="MODEL", help="Learn from a trained model's probabilities as well."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times the training data is seen. [default: the recipe's]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step. [default: the recipe's]")] = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="[default: the recipe's]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The highest of the run. [default: the recipe's]")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of units dropped. [default: the recipe's]")
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option("--augment/--no-augment", help="Random views of the pictures. [default: the recipe's]"),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Bring pictures to N×N pixels. [default: as they are]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights, the order, the splits.")] = TrainOptions.seed,
    validation_split: Annotated[
        float, typer.Option(help="Share of train held out; 0 trains on all of it.")
    ] = TrainOptions.validation_split,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="Stop after N epochs without a lower validation loss; keep the best."),
    ] = None,
    class_weights: Annotated[
        bool | None,
        typer.Option(
            "--class-weights/--no-class-weights",
            help="Let all classes count alike. [default: where they are very unequal]",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting of the recipe; repeatable."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last whole epoch of RUN_DIR.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Use only N pictures of each split.")] = None,
    skip_broken: SkipBroken = False,
    data_name: DataName = None,
    show_curves: Annotated[
        bool, typer.Option("--curves", help="Draw the learning curves in the terminal at the end.")
    ] = False,
    list_recipes: Annotated[bool, typer.Option("--list", help="Show the recipes and exit.")] = False,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a recipe on labelled pictures.

    Example: toolkit train --data cifar10 -o runs/paper
    """
    console = Console(quiet=quiet, json=json)
    if list_recipes:
        _show_recipes(console)
        return
    if data is None or output is None:
        missing = "--data" if data is None else "-o"
        raise UsageError(f"{missing} is missing", where="toolkit train", remedy="see toolkit train --help")
    options = TrainOptions(
        data=data,
        output=output,
        recipe=recipe,
        start_from=start_from,
        teacher=teacher,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        dropout=dropout,
        augment=augment,
        patience=patience,
        class_weights=class_weights,
        overrides=tuple(overrides or ()),
        image_size=image_size,
        seed=seed,
        validation_split=validation_split,
        resume=resume,
        limit=limit,
        skip_broken=skip_broken,
        data_name=data_name,
        force=force,
    )
    from toolkit.report.terminal_curves import require_plotext, terminal_curves
    from toolkit.report.train import curves
    from toolkit.train.job import run
    from toolkit.train.run_folder import CURVES

    if show_curves:
        require_plotext()
    try:
        result = run(options, console)
    except (KeyboardInterrupt, TrainingError):
        # What was done is kept, and can be looked at.
        if rows := _rows_of(output):
            curves(rows, output / CURVES, force=True)
        raise
    rows = [asdict(epoch) for epoch in result.history]
    curves(rows, output / CURVES, force=True)
    if show_curves:
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        console.line(terminal_curves(rows, coloured=coloured))
    if json or result.test_accuracy is not None or result.skipped:
        console.result(result.to_document, lambda: _render(result))
    console.wrote(
        *(result.folder / name for name in ("model.keras", "history.csv", "curves.png", "run.json"))
    )
    console.next(f"toolkit export {result.folder} -o {result.folder.name}.onnx")
    report_skipped(result.skipped)


def _rows_of(folder: Path) -> list[dict[str, Any]]:
    from toolkit.train.run_folder import HISTORY, read_history

    if not (folder / HISTORY).is_file():
        return []
    return [asdict(epoch) for epoch in read_history(folder)]


def _render(result: "TrainResult") -> str:
    from toolkit.report.left_out import left_out

    lines = []
    if result.test_accuracy is not None:
        measured_on = f"{result.data}, test split, {result.test_count:,} pictures"
        lines.append(f"Test accuracy: {result.test_accuracy:.4f} ({measured_on})")
    if result.skipped:
        lines.append(left_out(result.skipped))
    return "\n".join(lines)


def _show_recipes(console: Console) -> None:
    from toolkit.report.tables import Column, render
    from toolkit.train.recipes import NAMES, find_recipe

    recipes = [find_recipe(name) for name in NAMES]
    console.result(
        lambda: [{"name": r.name, "summary": r.summary, "defaults": asdict(r.defaults)} for r in recipes],
        lambda: render(
            [Column("recipe"), Column("what it is", fold=True)], [(r.name, r.summary) for r in recipes]
        ),
    )
