"""`toolkit tune`: search for better settings of a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_skipped
from toolkit.cli.options import Data, DataName, Force, Json, Quiet, SkipBroken
from toolkit.errors import TrainingError
from toolkit.tune.options import TuneOptions

if TYPE_CHECKING:
    from toolkit.tune.result import TuneResult


def tune_command(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a recipe; see toolkit train --list.")
    ],
    data: Data,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the table, the plot and the search."),
    ],
    trials: Annotated[
        int, typer.Option(help="How many there are to be in the end, earlier ones included.")
    ] = TuneOptions.trials,
    epochs: Annotated[int | None, typer.Option(help="Of each trial. [default: the recipe's]")] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="As in toolkit train: go on from a trained model."),
    ] = None,
    teacher: Annotated[
        list[str] | None, typer.Option("--teacher", metavar="MODEL", help="As in toolkit train.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Bring pictures to N×N pixels. [default: as they are]")
    ] = None,
    validation_split: Annotated[
        float, typer.Option(help="Share of train that trials are judged on; the test split isn't read.")
    ] = TuneOptions.validation_split,
    seed: Annotated[int, typer.Option(help="Of the search and of every trial.")] = TuneOptions.seed,
    limit: Annotated[int | None, typer.Option(help="Use only N pictures.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting that every trial has; repeatable."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune/--no-prune", help="Give up trials that do worse than most at the same epoch."),
    ] = TuneOptions.prune,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in DIR.")] = False,
    skip_broken: SkipBroken = False,
    data_name: DataName = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for better settings of a recipe.

    Example: toolkit tune edge-s --data cifar10 --trials 20 --epochs 5 -o runs/search
    """
    console = Console(quiet=quiet, json=json)
    options = TuneOptions(
        recipe=recipe,
        data=data,
        output=output,
        trials=trials,
        epochs=epochs,
        start_from=start_from,
        teachers=tuple(teacher or ()),
        image_size=image_size,
        validation_split=validation_split,
        seed=seed,
        limit=limit,
        overrides=tuple(overrides or ()),
        prune=prune,
        resume=resume,
        force=force,
        skip_broken=skip_broken,
        data_name=data_name,
    )
    from toolkit.report.tune import PLOT, trials_plot, trials_table
    from toolkit.tune.job import run
    from toolkit.tune.table import TRIALS

    result = run(options, console)
    trials_plot(result, output / PLOT)
    console.result(result.to_document, lambda: _render(result, trials_table(result)))
    console.wrote(*(result.folder / name for name in (TRIALS, PLOT)))
    if result.command is not None:
        console.next(result.command)
    if result.best is None:
        raise TrainingError(
            "no trial was completed: no loss stayed a number",
            where=output,
            remedy="search lower learning rates, or set one with --set learning_rate=X",
        )
    report_skipped(result.skipped)


def _render(result: "TuneResult", table: str) -> str:
    from toolkit.report.left_out import left_out

    lines = [table, ""]
    if result.importance:
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in result.importance.items())
        lines.append(f"What made the difference: {shares}")
    if result.command is None:
        lines.append("no trial was completed")
    if result.skipped:
        lines.append(left_out(result.skipped))
    return "\n".join(lines)
