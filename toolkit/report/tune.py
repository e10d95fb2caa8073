"""What a search for settings leaves to look at: a table and a plot of its trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.report.axes import few_plain_ticks, shortened, title
from toolkit.report.style import OTHER, RIGHT, new_figure, save_png, styled
from toolkit.report.tables import Column, render
from toolkit.tune.result import COMPLETE, Trial, TuneResult
from toolkit.tune.table import TRIALS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT = "trials.png"
MOST_ROWS = 20  # of the terminal's table; the file has them all
LOGARITHMIC = 20  # ratio of the largest value to the smallest from which an axis is logarithmic


def trials_table(result: TuneResult) -> str:
    """Render the best trials, best first.

    Args:
        result: of the search.
    """
    names = list(dict.fromkeys(name for trial in result.trials for name in trial.settings))
    ranked = sorted(result.trials, key=lambda t: (t.state != COMPLETE, -(t.val_accuracy or 0.0), t.number))
    rows = [
        (
            trial.number,
            None if trial.val_accuracy is None else f"{trial.val_accuracy * 100:.2f}",
            *(_shown(trial.settings.get(name)) for name in names),
            trial.epochs,
            f"{trial.seconds:.1f}",
            trial.state,
        )
        for trial in ranked[:MOST_ROWS]
    ]
    columns = [Column("trial", numeric=True), Column("validation %, kept epoch", numeric=True)]
    columns += [Column(name.replace("_", " "), numeric=True) for name in names]
    columns += [Column("epochs", numeric=True), Column("s", numeric=True), Column("state")]
    more = len(ranked) - len(rows)
    return render(columns, rows) + (f"\n… and {more} more in {TRIALS}" if more > 0 else "")


def trials_plot(result: TuneResult, path: Path) -> None:
    """Draw how the search went, and accuracy against each setting; an earlier plot is replaced.

    Args:
        result: of the search.
        path: the PNG file.

    Raises:
        OutputError: it can't be written.
    """
    save_png(_figure(result), path, force=True)


def _figure(result: TuneResult) -> "Figure":
    names = list(dict.fromkeys(name for trial in result.trials for name in trial.settings))
    measured = [trial for trial in result.trials if trial.val_accuracy is not None]
    with styled():
        figure = new_figure(3.2 * (len(names) + 1), 3.8)
        history, *others = figure.subplots(1, len(names) + 1, sharey=True, squeeze=False)[0]
        history.set(xlabel="trial", ylabel="validation accuracy, %")
        _points(history, measured, [trial.number for trial in measured])
        history.set_xlim(0.5, len(result.trials) + 0.5)
        few_plain_ticks(history, whole=True, narrow=True)
        for axes, name in zip(others, names, strict=True):
            axes.set_xlabel(name.replace("_", " "))
            _panel(axes, measured, [trial.settings[name] for trial in measured])
        best = result.best
        heading = "No trial was completed"
        if best is not None:
            heading = (
                f"Trial {best.number} of {len(result.trials)} is best: {100 * (best.val_accuracy or 0):.1f} %"
            )
        title(figure, heading, "Each dot is a trial; hollow ones were given up early")
    return figure


def _panel(axes: "Axes", trials: list[Trial], values: list[Any]) -> None:
    """Draw accuracy against a setting: on a scale of its own, or in places where it is one of a few values."""
    choices = _choices(values)
    if choices:
        _points(axes, trials, [choices.index(value) for value in values])
        axes.set_xticks(range(len(choices)), [shortened(_shown(value) or "none") for value in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        return
    _points(axes, trials, values)
    if values and min(values) > 0 and max(values) / min(values) > LOGARITHMIC:
        axes.set_xscale("log")
    few_plain_ticks(axes, whole=all(isinstance(value, int) for value in values), narrow=True)


def _choices(values: list[Any]) -> list[Any]:
    """Return the values of a setting that takes one of a few, sorted; none for a number from a range.

    Of a range no two trials have the same number.
    """
    different = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in different)
    if numbers and len(different) == len(values) > 1:
        return []
    return sorted(different, key=None if numbers else str)


def _points(axes: "Axes", trials: list[Trial], values: list[Any]) -> None:
    for trial, value in zip(trials, values, strict=True):
        done = trial.state == COMPLETE
        axes.plot([value], [100 * (trial.val_accuracy or 0)], "o", color=RIGHT if done else OTHER,
                  markerfacecolor=RIGHT if done else "none", markersize=5)  # fmt: skip


def _shown(value: Any) -> str | None:
    return None if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
