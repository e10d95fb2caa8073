"""What came of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.classify.result import ClassifyResult, Prediction


@dataclass(frozen=True, kw_only=True)
class DemoPicture:
    """A bundled picture and what the model says about it.

    Args:
        file: its path.
        truth: its class.
        predictions: the most probable classes, best first.
    """

    file: Path
    truth: str
    predictions: tuple[Prediction, ...]

    @property
    def right(self) -> bool:
        """Whether the most probable class is the truth."""
        return self.predictions[0].label == self.truth


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """The demo's figures.

    Args:
        classified: the run of the classification.
        pictures: one per bundled picture, in order.
        benchmark: the benchmark JSON, schema 1.
        files: what was written, the page first.
    """

    classified: ClassifyResult
    pictures: tuple[DemoPicture, ...]
    benchmark: Mapping[str, Any]
    files: tuple[Path, ...]

    @property
    def right(self) -> int:
        """How many pictures were recognised."""
        return sum(picture.right for picture in self.pictures)

    def to_document(self) -> dict[str, Any]:
        """Return the result as --json prints it."""
        return {
            "model": self.classified.model,
            "pictures": [
                {
                    "file": picture.file.name,
                    "truth": picture.truth,
                    "predictions": [prediction.to_document() for prediction in picture.predictions],
                }
                for picture in self.pictures
            ],
            "right": self.right,
            "benchmark": dict(self.benchmark),
            "files": [str(path) for path in self.files],
        }
