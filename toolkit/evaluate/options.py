"""What `toolkit evaluate` is asked."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from toolkit.endings import check_folder, check_page
from toolkit.errors import UsageError
from toolkit.ranges import MOST_CLASSES, MOST_PICTURES, at_least, held_at_once, share

SPLITS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to evaluate a predictor on, and what to write.

    Args:
        data: a DATA argument.
        split: train or test.
        output: folder for metrics, predictions and pictures; None writes none.
        report: an HTML page; None writes none.
        force: replace outputs that exist already.
        top_k: how many of the most probable classes may hold the right one; fewer where there are fewer.
        batch_size: pictures a batch; None chooses by their size.
        limit: pictures at most; None means all.
        min_accuracy: the gate, 0 to 1; None sets none.
        data_name: what to call the data in records; None takes the data's own name.
        skip_broken: leave broken pictures out instead of stopping.
        seed: of the pictures that `limit` keeps, of the examples that are drawn, and of the noise of `robustness`.
        examples: how many pictures the gallery shows at most.
        robustness: measure accuracy on damaged pictures too.

    Raises:
        UsageError: a value is out of range.
    """

    data: str
    split: str = "test"
    output: Path | None = None
    report: Path | None = None
    force: bool = False
    top_k: int = 5
    batch_size: int | None = None
    limit: int | None = None
    min_accuracy: float | None = None
    data_name: str | None = None
    skip_broken: bool = False
    seed: int = 0
    examples: int = 16
    robustness: bool = False

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            near = difflib.get_close_matches(self.split, SPLITS, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise UsageError(
                f"there is no split '{self.split}'",
                where="--split",
                remedy=f"{hint}use {' or '.join(SPLITS)}",
            )
        check_folder(
            self.output, flag="--output", remedy="give the name of a folder; --report FILE.html writes a page"
        )
        check_page(self.report)
        held_at_once(self.top_k, MOST_CLASSES, "--top-k")
        held_at_once(self.batch_size, MOST_PICTURES, "--batch-size")
        at_least(self.examples, 1, "examples")
        at_least(self.limit, 1, "--limit")
        at_least(self.seed, 0, "--seed")
        share(self.min_accuracy, "--min-accuracy")
