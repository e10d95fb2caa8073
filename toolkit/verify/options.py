"""What can be asked of `toolkit verify`."""

from dataclasses import dataclass

from toolkit.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Options of a comparison.

    Args:
        data: DATA argument.
        split: test or train.
        tolerance: gate: largest difference of a probability; None means no gate.
        min_agreement: gate: least share of pictures with the same top-1 class; None means no gate.
        batch_size: pictures a batch; None chooses by their size.
        worst: how many of the pictures that differ most to name.
        limit: pictures to use; None means all.
        skip_broken: leave broken pictures out instead of stopping.
        data_name: what to call the data in records.
    """

    data: str
    split: str = "test"
    tolerance: float | None = None
    min_agreement: float | None = None
    batch_size: int | None = None
    worst: int = 5
    limit: int | None = None
    skip_broken: bool = False
    data_name: str | None = None

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise UsageError(f"no split '{self.split}'", where="--split", remedy="use train or test")
        if self.tolerance is not None and not 0 <= self.tolerance < float("inf"):
            raise UsageError(f"{self.tolerance} is out of range", where="--tolerance", remedy="use 0 or more")
        if self.min_agreement is not None and not 0 <= self.min_agreement <= 1:
            raise UsageError(
                f"{self.min_agreement} is out of range", where="--min-agreement", remedy="use 0 to 1"
            )
        for value, flag in ((self.batch_size, "--batch-size"), (self.limit, "--limit")):
            if value is not None and value < 1:
                raise UsageError(f"{value} is out of range", where=flag, remedy="use 1 or more")
        if self.worst < 0:
            raise UsageError(f"{self.worst} is out of range", where="--worst", remedy="use 0 or more")
