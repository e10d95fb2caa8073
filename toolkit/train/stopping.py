"""When to stop early, and which epoch was the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.train.run_folder import Epoch


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Args:
        epoch: its number, from 1.
        is_last: whether no epoch came after it.
        waited: epochs since.
    """

    epoch: int
    is_last: bool
    waited: int


def best_epoch(history: Sequence[Epoch]) -> Best:
    """Find the epoch of the lowest validation loss.

    The loss, not the accuracy: of fifty held-out pictures, accuracy moves by two points with a single one.

    Args:
        history: at least one epoch, each with validation figures.

    Source: Prechelt, Early stopping - but when? (1998), for stopping after a number of epochs without progress.
    """
    # A loss that is not a number compares as neither higher nor lower, and would stay the best for ever.
    best = min(
        history,
        key=lambda row: math.inf if row.val_loss is None or math.isnan(row.val_loss) else row.val_loss,
    )
    waited = history[-1].epoch - best.epoch
    return Best(best.epoch, waited == 0, waited)


def is_over(history: Sequence[Epoch], patience: int) -> bool:
    """Tell whether a run has gone on for `patience` epochs without a better one; 0 never stops."""
    return bool(patience and history) and best_epoch(history).waited >= patience
