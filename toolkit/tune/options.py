"""What can be asked of `toolkit tune`."""

from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.ranges import at_least, seed


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """Options of a search for better settings.

    Args:
        recipe: name of a recipe.
        data: DATA argument.
        output: folder for the table, the plot, the search's memory and the trials' runs.
        trials: how many there are to be in the end, those of an earlier, resumed search included.
        epochs: of each trial; None means the recipe's.
        start_from: see `toolkit train --from`.
        teachers: see `toolkit train --teacher`.
        image_size: pictures are brought to this height and width, pixels; None means as they are.
        validation_split: share of the training split that trials are judged on, above 0 and below 1.
        seed: of the search and of every trial.
        limit: pictures of each split to use; None means all.
        overrides: NAME=VALUE of settings that every trial has.
        prune: give up trials early that do worse than most did at the same epoch.
        resume: go on with the search in the folder.
        force: write into a folder that holds something already.
        skip_broken: leave broken pictures out instead of stopping.
        data_name: what to call the data in records.
    """

    recipe: str
    data: str
    output: Path
    trials: int = 20
    epochs: int | None = None
    start_from: str | None = None
    teachers: tuple[str, ...] = ()
    image_size: int | None = None
    validation_split: float = 0.1
    seed: int = 0
    limit: int | None = None
    overrides: tuple[str, ...] = ()
    prune: bool = True
    resume: bool = False
    force: bool = False
    skip_broken: bool = False
    data_name: str | None = None

    def __post_init__(self) -> None:
        at_least(self.trials, 1, "--trials")
        seed(self.seed, "--seed")
        if not 0 < self.validation_split < 1:
            raise UsageError(
                "a search is judged on held-out pictures",
                where="--validation-split",
                remedy="use more than 0, below 1",
            )
        if self.resume and self.force:
            raise UsageError(
                "--resume and --force contradict each other", where="toolkit tune", remedy="use one"
            )
