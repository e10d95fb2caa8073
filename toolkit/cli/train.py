"""`toolkit train`: train a recipe and write its run folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.console import Console
from toolkit.cli.options import DataName, Force, Json, Quiet, SkipBroken
from toolkit.errors import UsageError
from toolkit.train.options import DEFAULT_RECIPE, Optimizer, TrainOptions

if TYPE_CHECKING:
    from toolkit.train.result import TrainResult


def train_command(
    recipe: Annotated[
        str, typer.Argument(metavar="[RECIPE]", help="Name of a recipe; see --list.")
    ] = DEFAULT_RECIPE,
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
    epochs: Annotated[
        int | None, typer.Option(help="Times the training data is seen. [default: the recipe's]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step. [default: the recipe's]")] = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="[default: the recipe's]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="[default: the recipe's]")] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of units dropped. [default: the recipe's]")
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option("--augment/--no-augment", help="Random flips and shifts. [default: the recipe's]"),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Bring pictures to N×N pixels. [default: as they are]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights, the order, the splits.")] = TrainOptions.seed,
    validation_split: Annotated[
        float, typer.Option(help="Share of train held out; 0 trains on all of it.")
    ] = TrainOptions.validation_split,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last whole epoch of RUN_DIR.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Use only N pictures of each split.")] = None,
    skip_broken: SkipBroken = False,
    data_name: DataName = None,
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
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        dropout=dropout,
        augment=augment,
        image_size=image_size,
        seed=seed,
        validation_split=validation_split,
        resume=resume,
        limit=limit,
        skip_broken=skip_broken,
        data_name=data_name,
        force=force,
    )
    from toolkit.report.train import curves
    from toolkit.train.job import run
    from toolkit.train.run_folder import CURVES

    result = run(options, console)
    curves([epoch.__dict__ for epoch in result.history], output / CURVES, force=True)
    console.result(result.to_document, lambda: _render(result))


def _render(result: "TrainResult") -> str:
    lines = []
    if result.test_accuracy is not None:
        measured_on = f"{result.data}, test split, {result.test_count:,} pictures"
        lines.append(f"Test accuracy: {result.test_accuracy:.4f} ({measured_on})")
    for name in ("model.keras", "history.csv", "curves.png", "run.json"):
        path = result.folder / name
        lines.append(f"{path}  {path.stat().st_size / 1000:,.0f} kB")
    lines.append(f"next: toolkit export {result.folder} -o {result.folder.name}.onnx")
    return "\n".join(lines)


def _show_recipes(console: Console) -> None:
    from dataclasses import asdict

    from toolkit.report.tables import Column, render
    from toolkit.train.recipes import NAMES, find_recipe

    recipes = [find_recipe(name) for name in NAMES]
    console.result(
        lambda: [{"name": r.name, "summary": r.summary, "defaults": asdict(r.defaults)} for r in recipes],
        lambda: render(
            [Column("recipe"), Column("what it is", fold=True)], [(r.name, r.summary) for r in recipes]
        ),
    )
