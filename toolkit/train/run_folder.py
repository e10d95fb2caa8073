"""What a run folder holds, and what an earlier run left in it."""

import csv
import dataclasses
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, UsageError
from toolkit.files import output_error, write_json, write_text
from toolkit.keras_model import files
from toolkit.keras_model.files import RUN_MODEL, RUN_RECORD
from toolkit.train.recipe import Settings
from toolkit.wording import count, numbered

MODEL = RUN_MODEL
HISTORY = "history.csv"
CURVES = "curves.png"
RECORD = RUN_RECORD
RESUME = "resume.npz"
TEACHER = "teacher"  # what a teacher said, while the run goes on
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "learning_rate")


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of the history.

    Args:
        epoch: from 1.
        loss: mean over the epoch's training pictures.
        accuracy: 0 to 1, over the epoch's training pictures.
        val_loss: on the held-out pictures; None where there are none.
        val_accuracy: on the held-out pictures; None where there are none.
        seconds: that the epoch took, validation included.
        learning_rate: of its last step; None in histories from before it was written down.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    learning_rate: float | None = None


def write_history(folder: Path, history: list[Epoch]) -> None:
    """Write history.csv; a figure that there is none of is an empty cell."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HISTORY_COLUMNS)
    for row in history:
        values = [getattr(row, column) for column in HISTORY_COLUMNS[1:]]
        writer.writerow([row.epoch, *("" if v is None else f"{v:.6g}" for v in values)])
    write_text(folder / HISTORY, buffer.getvalue(), force=True)


def read_history(folder: Path) -> list[Epoch]:
    """Read history.csv.

    Raises:
        InputError: it is missing or can't be read.
    """
    try:
        with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
            return [
                Epoch(
                    epoch=int(row["epoch"]),
                    loss=float(row["loss"]),
                    accuracy=float(row["accuracy"]),
                    val_loss=_number(row["val_loss"]),
                    val_accuracy=_number(row["val_accuracy"]),
                    seconds=float(row["seconds"]),
                    learning_rate=_number(row.get("learning_rate") or ""),
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"the run's history can't be read: {error}", where=folder / HISTORY, remedy="start the run again"
        ) from error


def clear(folder: Path) -> None:
    """Remove what an earlier run left, but for its record: nothing of it belongs to a run that begins.

    Raises:
        OutputError: it can't be removed.
    """
    try:
        for name in (MODEL, HISTORY, CURVES, RESUME):
            (folder / name).unlink(missing_ok=True)
        if (folder / TEACHER).is_dir():
            shutil.rmtree(folder / TEACHER)
    except OSError as error:
        raise output_error(error, folder) from error


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write run.json."""
    write_json(folder / RECORD, record, force=True)


def read_record(folder: Path) -> dict[str, Any] | None:
    """Read run.json, or return None where there is none of ours.

    Raises:
        ModelError: it can't be read.
    """
    return files.read_record(folder / MODEL) or None


def refuse_other_run(earlier: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    """Refuse to resume when the run was begun with something else.

    Args:
        earlier: record of the run in the folder.
        now: record of the run that is about to go on.
        folder: the run folder.

    Raises:
        UsageError: names what differs. The number of epochs may, but more can't be done already.
    """
    was, wanted = {**UNSAID, **earlier.get("settings", {})}, now["settings"]
    # A schedule over the run's epochs would have gone otherwise from the first step on.
    free = {"epochs"} if wanted.get("schedule", "constant") == "constant" else set()
    # First: most settings follow from it.
    differing = [] if earlier.get("recipe") == now["recipe"] else ["recipe"]
    differing += [key for key in ("start", "teacher") if _digest(earlier.get(key)) != _digest(now.get(key))]
    # What nobody asked for goes by the pictures: where they have changed, that is what to say.
    given = earlier.get("given", {})
    follows = {key for key, value in now.get("given", {}).items() if value is None and given.get(key) is None}
    free |= follows
    differing += [key for key in wanted if key not in free and was.get(key) != wanted[key]]
    differing += [key for key in ("seed", *DATA) if earlier.get(key) != now[key]]
    differing += [key for key in follows if was.get(key) != wanted.get(key)]
    if differing and differing[0] in DATA:
        raise UsageError(
            f"the {DATA[differing[0]]} aren't those that the run was begun with",
            where=folder,
            remedy="resume with the same pictures, or choose another run folder",
        )
    if differing:
        key = differing[0]
        before = was.get(key, earlier.get(key))
        after = wanted.get(key, now.get(key))
        raise UsageError(
            f"the run was begun with another {key.replace('_', ' ')}: {_named(before)}, not {_named(after)}",
            where=folder,
            remedy="resume with the same options, or choose another run folder",
        )
    done = int(earlier.get("epochs_done") or 0)
    if wanted["epochs"] < done:
        raise UsageError(
            f"{count(done, 'epoch')} of the run in {folder} {numbered(done, 'is')} done already, more than "
            f"{wanted['epochs']}",
            where="--epochs",
            remedy=f"use --epochs {done} or more, or choose another run folder",
        )


DATA = {"classes": "classes", "data_digest": "pictures"}  # what a record says of them -> in words


def _digest(model: dict[str, str] | None) -> str:
    return model["sha256"] if model else ""


def _named(value: Any) -> Any:
    """Show a model by its name, everything else as it is."""
    return value["model"] if isinstance(value, dict) else "none" if value is None else value


UNSAID: dict[str, Any] = {
    field.name: field.default
    for field in dataclasses.fields(Settings)
    if field.default is not dataclasses.MISSING
} | {"class_weights": False}
"""What settings were before they could be chosen, for records of that time."""


def _number(text: str) -> float | None:
    return float(text) if text else None
