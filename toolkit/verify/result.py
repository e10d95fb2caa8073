"""What came out of a comparison of two models."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class WorstPicture:
    """A picture on which the two models differ most.

    Args:
        picture: its path in the data, or its number in the split where it has none.
        difference: largest absolute difference of a probability; None where one is not a number.
        label: what the first model says; None where its probabilities are not numbers.
        other_label: what the second model says; None likewise.
        truth: what the data says.
    """

    picture: str
    difference: float | None
    label: str | None
    other_label: str | None
    truth: str


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """How two models compare.

    Args:
        model: the first.
        other: the second.
        data: name of the data.
        split: of the data.
        agreement: pictures, largest and mean difference, top-1 agreement, small margins.
        accuracy: of the first, 0 to 1.
        other_accuracy: of the second, 0 to 1.
        not_numbers: pictures for which the first model gives probabilities that are not numbers; none of them is right.
        other_not_numbers: of the second.
        worst: the pictures that differ most, worst first; those that don't differ are left out.
        missed: gates that were not met, one sentence each.
        skipped: (path, reason) of broken pictures that were left out.
    """

    model: str
    other: str
    data: str
    split: str
    agreement: dict[str, Any]
    accuracy: float
    other_accuracy: float
    not_numbers: int = 0
    other_not_numbers: int = 0
    worst: tuple[WorstPicture, ...]
    missed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "model": self.model,
            "other": self.other,
            "data": self.data,
            "split": self.split,
            **self.agreement,
            "accuracy": self.accuracy,
            "other_accuracy": self.other_accuracy,
            "not_numbers": self.not_numbers,
            "other_not_numbers": self.other_not_numbers,
            "worst": [asdict(picture) for picture in self.worst],
            "missed": list(self.missed),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }
