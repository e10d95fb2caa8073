"""What can be asked of `toolkit verify`."""

from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.ranges import MOST_PICTURES, at_least, held_at_once, share


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
        at_least(self.tolerance, 0, "--tolerance")
        share(self.min_agreement, "--min-agreement")
        held_at_once(self.batch_size, MOST_PICTURES, "--batch-size")
        at_least(self.limit, 1, "--limit")
        at_least(self.worst, 0, "--worst")
