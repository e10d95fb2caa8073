"""`toolkit train`: train a recipe and write its run folder."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_skipped
from toolkit.cli.options import DATA_HELP, DataName, Force, Json, Quiet, SkipBroken
from toolkit.errors import TrainingError, UsageError
from toolkit.train.options import DEFAULT_RECIPE, Optimizer, TrainOptions
from toolkit.wording import count, export_command

if TYPE_CHECKING:
    from toolkit.train.result import TrainResult

SHARE = 0.01  # of a run's time that may go into drawing its curves while it goes on
# Seconds that the first takes at most, matplotlib's import included; the others are timed.
FIRST_DRAWING = 1.0


def train_command(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help=f"Name of a recipe; see --list. [default: {DEFAULT_RECIPE}, or fine-tune with --from]",
        ),
    ] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="DATA", help=DATA_HELP)] = None,
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
        list[str] | None,
        typer.Option(
            "--teacher",
            metavar="MODEL",
            help="Learn from a trained model's probabilities as well; several: from their mean.",
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
        teachers=tuple(teacher or ()),
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
    from toolkit.train.job import run
    from toolkit.train.run_folder import CURVES, HISTORY, MODEL, RECORD

    if show_curves:
        require_plotext()
    curves = Curves(output)
    try:
        result = run(options, console, watch=curves.epoch_done)
    except (KeyboardInterrupt, TrainingError):
        # What was done is kept, and can be looked at.
        curves.draw()
        raise
    curves.draw()
    if show_curves:
        from toolkit.report.tables import has_colours

        console.line(terminal_curves([asdict(epoch) for epoch in result.history], coloured=has_colours()))
    if json or result.test_accuracy is not None or result.skipped:
        console.result(result.to_document, lambda: _render(result))
    console.wrote(*(result.folder / name for name in (MODEL, HISTORY, CURVES, RECORD)))
    console.next(export_command(result.folder))
    report_skipped(result.skipped)


class Curves:
    """The run's curves.png, drawn while it goes on as well: a killed run has them, too.

    A drawing takes some tenths of a second, which is much beside an epoch of a second and nothing beside one of
    minutes. So an epoch is drawn where a drawing takes less than a hundredth of the time since the last one.

    Args:
        folder: the run folder.
        clock: seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.perf_counter) -> None:
        self._folder, self._clock = folder, clock
        self._drawn_at, self._cost = clock(), FIRST_DRAWING

    def epoch_done(self, _: object) -> None:
        """Draw after an epoch, where that costs little."""
        if self._clock() - self._drawn_at > self._cost / SHARE:
            self.draw()

    def draw(self) -> None:
        """Draw what is in the history, where there is one."""
        from toolkit.report.train import curves
        from toolkit.train.run_folder import CURVES, HISTORY, read_history

        started = self._clock()
        rows = read_history(self._folder) if (self._folder / HISTORY).is_file() else []
        if rows:
            curves([asdict(row) for row in rows], self._folder / CURVES, force=True)
        self._drawn_at = self._clock()
        self._cost = self._drawn_at - started


def _render(result: "TrainResult") -> str:
    from toolkit.report.left_out import left_out

    lines = []
    if result.test_accuracy is not None:
        measured_on = f"{result.data}, test split, {count(result.test_count, 'picture')}"
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
