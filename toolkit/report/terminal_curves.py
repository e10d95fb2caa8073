"""Learning curves as text, for a terminal."""

import importlib.util
import math
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import MissingDependency

WIDEST = 100  # columns
HEIGHT = 14  # lines of each plot


def require_plotext() -> None:
    """Refuse before any work what can't be drawn after it.

    Raises:
        MissingDependency: the drawing library isn't installed.
    """
    if importlib.util.find_spec("plotext") is None:
        raise MissingDependency("plotext", extra="train", where="--curves")


def terminal_curves(history: Sequence[Mapping[str, Any]], *, coloured: bool) -> str:
    """Draw loss and accuracy over the epochs.

    Args:
        history: one row per epoch with epoch, loss, accuracy, val_loss and val_accuracy; the last two may be None.
        coloured: for a terminal that shows colours.

    Returns:
        Two plots, one below the other.
    """
    return "\n".join(
        _plot(history, title, training, validation, coloured)
        for title, training, validation in (
            ("loss, nats", "loss", "val_loss"),
            ("accuracy", "accuracy", "val_accuracy"),
        )
    )


def _plot(
    history: Sequence[Mapping[str, Any]], title: str, training: str, validation: str, coloured: bool
) -> str:
    import plotext

    plotext.clear_figure()
    width = shutil.get_terminal_size((WIDEST, HEIGHT)).columns
    plotext.limit_size(False, False)
    plotext.plotsize(min(width, WIDEST), HEIGHT)
    plotext.theme("clear")
    for column, name, colour in ((training, "training", "orange"), (validation, "validation", "blue")):
        points = [(int(row["epoch"]), row.get(column)) for row in history]
        drawn = [(x, float(y)) for x, y in points if y is not None and math.isfinite(float(y))]
        if drawn:
            plotext.plot(
                [x for x, _ in drawn], [y for _, y in drawn], label=name, color=colour, marker="braille"
            )
    plotext.title(title)
    plotext.xlabel("epoch")
    plotext.xticks(_ticks(int(history[-1]["epoch"])))
    text = str(plotext.build())
    plain = text if coloured else str(plotext.uncolorize(text))
    return "\n".join(line.rstrip() for line in plain.splitlines())


def _ticks(last: int) -> list[int]:
    step = max(1, math.ceil(last / 10))
    return list(range(1, last + 1, step))
