"""What came out of an export."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """An exported file, or the reason why there is none.

    Args:
        output: the file; it exists only where `missed` is empty.
        files: all that was written: the file, and the one with its weights where they are apart (above 2 GB).
        source: what it was made from.
        precision: of weights and arithmetic.
        opset: of the graph.
        nodes: operators in the graph.
        size_bytes: of all files.
        labels: class names.
        input_range: how pixels are scaled, and how that is known.
        verified_on: what it was verified on, in words.
        agreement: figures of the verification.
        accuracy: of the file on what it was verified on, 0 to 1; None where the classes aren't known or are
            those of training pictures.
        source_accuracy: of its source on the same pictures.
        reduction: what bringing it to another precision took and brought; None for fp32.
        missed: gates that were not met, one sentence each.
        skipped: (path, reason) of broken pictures of --calibration and --verify that were left out.
    """

    output: Path
    files: tuple[Path, ...]
    source: str
    precision: str
    opset: int
    nodes: int
    size_bytes: int
    labels: tuple[str, ...]
    input_range: str
    verified_on: str
    agreement: dict[str, Any]
    accuracy: float | None
    source_accuracy: float | None
    reduction: dict[str, Any] | None
    missed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "output": str(self.output),
            "files": [] if self.missed else [str(file) for file in self.files],
            "written": not self.missed,
            "source": self.source,
            "precision": self.precision,
            "opset": self.opset,
            "nodes": self.nodes,
            "size_bytes": self.size_bytes,
            "labels": list(self.labels),
            "input_range": self.input_range,
            "verified_on": self.verified_on,
            "agreement": self.agreement,
            "accuracy": self.accuracy,
            "source_accuracy": self.source_accuracy,
            "reduction": self.reduction,
            "missed": list(self.missed),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }
