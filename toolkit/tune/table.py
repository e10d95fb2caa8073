"""trials.csv: a row per trial, a column per setting."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from toolkit.files import write_text
from toolkit.spreadsheets import safe_cell
from toolkit.tune.result import Trial

TRIALS = "trials.csv"
COLUMNS = ("trial", "state", "val_accuracy", "epochs", "seconds")


def write_trials(folder: Path, trials: Sequence[Trial], settings: Sequence[str]) -> None:
    """Write the table.

    Args:
        folder: of the search.
        trials: in the order tried.
        settings: that were searched; their columns come last.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*COLUMNS, *settings])
    for trial in trials:
        accuracy = "" if trial.val_accuracy is None else f"{trial.val_accuracy:.6g}"
        values = [_cell(trial.settings.get(name)) for name in settings]
        writer.writerow([trial.number, trial.state, accuracy, trial.epochs, f"{trial.seconds:.6g}", *values])
    write_text(folder / TRIALS, buffer.getvalue(), force=True)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else safe_cell(str(value))
