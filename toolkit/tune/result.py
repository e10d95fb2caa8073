"""What a search tried and found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPLETE, PRUNED, FAILED = "complete", "given up", "failed"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One set of settings that was tried.

    Args:
        number: from 1.
        state: complete, given up, or failed (the loss was not a number).
        settings: what was tried, by name.
        val_accuracy: of the epoch whose weights its training keeps, so of what its command gives: the last, or with
            early stopping the one of the lowest loss; where it wasn't completed, of its last. 0 to 1; None where it
            has none.
        epochs: that it was trained for.
        seconds: that it took.
    """

    number: int
    state: str
    settings: dict[str, Any]
    val_accuracy: float | None
    epochs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TuneResult:
    """A finished search.

    Args:
        folder: where everything is.
        recipe: its name.
        trials: in the order tried.
        importance: share of the differences that each setting explains, 0 to 1; empty where too few trials tell.
        command: the `toolkit train` command of the best trial; None where no trial was completed.
        skipped: (path, reason) of broken pictures that were left out.
    """

    folder: Path
    recipe: str
    trials: tuple[Trial, ...]
    importance: dict[str, float]
    command: str | None
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def best(self) -> Trial | None:
        """The completed trial of the highest validation accuracy; of equals, the first."""
        done = [t for t in self.trials if t.state == COMPLETE and t.val_accuracy is not None]
        return max(done, key=lambda t: (t.val_accuracy or 0.0, -t.number), default=None)

    def to_document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        best = self.best
        return {
            "folder": str(self.folder),
            "recipe": self.recipe,
            "trials": [dict(vars(trial)) for trial in self.trials],
            "best": None if best is None else best.number,
            "importance": self.importance,
            "command": self.command,
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }
