"""What training leaves to look at: the learning curves."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.report.charts import curves_figure
from toolkit.report.style import save_png
from toolkit.wording import count


def curves(history: Sequence[Mapping[str, Any]], path: Path, *, force: bool = False) -> None:
    """Draw the learning curves of a training run as PNG.

    Args:
        history: one row per epoch with epoch, loss, accuracy, val_loss and val_accuracy; the last two may be
            None, empty or absent where nothing was held back.
        path: the file.
        force: replace an existing file.

    Raises:
        OutputError: it exists already, or can't be written.
    """
    rows = list(history)
    columns = {
        name: [_number(row.get(name)) for row in rows]
        for name in ("loss", "val_loss", "accuracy", "val_accuracy")
    }
    epochs = [int(row["epoch"]) for row in rows]
    rates = [_number(row.get("learning_rate")) for row in rows]
    figure = curves_figure(epochs, **columns, heading=finding(rows), learning_rate=rates)
    save_png(figure, path, force=force)


def finding(history: Sequence[Mapping[str, Any]]) -> str:
    """Say in one line what the curves show.

    Args:
        history: one row per epoch, as for `curves`.
    """
    last = int(history[-1]["epoch"])
    after = f"after {count(last, 'epoch')}"
    validation = [_number(row.get("val_accuracy")) for row in history]
    measured = [
        (value, int(row["epoch"]))
        for value, row in zip(validation, history, strict=True)
        if value is not None
    ]
    if not measured:
        accuracy = _number(history[-1].get("accuracy"))
        return f"Training accuracy {accuracy:.3f} {after}" if accuracy is not None else f"Loss {after}"
    best, epoch = max(measured, key=lambda pair: (pair[0], -pair[1]))
    if epoch == last:
        return f"Validation accuracy {best:.3f} {after}, its highest"
    text = f"Validation accuracy peaks at {best:.3f} in epoch {epoch} of {last}"
    losses = [(_number(row.get("val_loss")), int(row["epoch"])) for row in history]
    known = [(value, number) for value, number in losses if value is not None]
    lowest = min(known)[1] if known else last
    return f"{text}; the validation loss rises after epoch {lowest}" if lowest < last else text


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    return number if math.isfinite(number) else None
