"""What came out of a training run."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.train.run_folder import Epoch


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished run.

    Args:
        folder: the run folder.
        recipe: its name.
        parameters: of the network.
        history: one entry per epoch, those of earlier, resumed runs included.
        test_accuracy: on the test split, 0 to 1; None where the data has none.
        test_count: pictures in it.
        data: name of the data.
        classes: class names in output order.
        seconds: of this run, without loading the data.
        kept_epoch: whose weights the model has, from 1.
        skipped: (path, reason) of broken pictures that were left out.
    """

    folder: Path
    recipe: str
    parameters: int
    history: tuple[Epoch, ...]
    test_accuracy: float | None
    test_count: int
    data: str
    classes: tuple[str, ...]
    seconds: float
    kept_epoch: int
    skipped: tuple[tuple[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "run": str(self.folder),
            "recipe": self.recipe,
            "parameters": self.parameters,
            "epochs": [asdict(epoch) for epoch in self.history],
            "kept_epoch": self.kept_epoch,
            "test_accuracy": self.test_accuracy,
            "test_pictures": self.test_count,
            "data": self.data,
            "classes": list(self.classes),
            "seconds": round(self.seconds, 3),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }
