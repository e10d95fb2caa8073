"""What can be asked of `toolkit train`."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from toolkit.ranges import MOST_PICTURES, above_zero, at_least, held_at_once, resume_or_force, seed, share

DEFAULT_RECIPE = "paper-cnn"
FINE_TUNE_RECIPE = "fine-tune"


class Optimizer(StrEnum):
    """The optimisers of the paper, Nesterov's momentum, and AdamW."""

    SGD = "sgd"
    MOMENTUM = "momentum"
    NESTEROV = "nesterov"
    ADAGRAD = "adagrad"
    ADAM = "adam"
    ADAMW = "adamw"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of a training run. None means: as the recipe says.

    Args:
        data: DATA argument.
        output: the run folder.
        recipe: name of a recipe; None means the paper's, or `fine-tune` where `start_from` is given.
        start_from: a trained model to go on from: a run folder, a .keras file, or the name of a shipped model that
            has a run folder.
        teachers: trained models, each a MODEL or a KERAS_MODEL, the mean of whose probabilities is learnt beside the
            labels.
        epochs: times the training data is seen, 1 or more.
        batch_size: pictures a step, 1 or more.
        optimizer: see `Optimizer`.
        learning_rate: the highest, above 0.
        dropout: share of units dropped, 0 to below 1.
        augment: random views of the training pictures instead of themselves.
        patience: epochs without a lower validation loss before it stops; 0 never stops early.
        class_weights: weigh classes so that all count alike; None does so where they are very unequal.
        overrides: NAME=VALUE of any other setting of the recipe.
        image_size: pictures are brought to this height and width, pixels; None means as they are, or as the
            model of `start_from` takes them.
        seed: of the weights, the order, the augmentation and the splits.
        validation_split: share of the training split that is held out, 0 to below 1.
        resume: go on with what is in the run folder.
        force: write into a folder that holds something already.
        limit: pictures of each split to use, in equal parts per class; None means all.
        skip_broken: leave broken pictures out instead of stopping.
        data_name: what to call the data in records.
        reads_test: measure the finished model on the test split.
    """

    data: str
    output: Path
    recipe: str | None = None
    start_from: str | None = None
    teachers: tuple[str, ...] = ()
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: Optimizer | None = None
    learning_rate: float | None = None
    dropout: float | None = None
    augment: bool | None = None
    patience: int | None = None
    class_weights: bool | None = None
    overrides: tuple[str, ...] = ()
    image_size: int | None = None
    seed: int = 0
    validation_split: float = 0.1
    resume: bool = False
    force: bool = False
    limit: int | None = None
    skip_broken: bool = False
    data_name: str | None = None
    reads_test: bool = True

    def __post_init__(self) -> None:
        at_least(self.epochs, 1, "--epochs")
        held_at_once(self.batch_size, MOST_PICTURES, "--batch-size")
        at_least(self.image_size, 1, "--image-size")
        at_least(self.limit, 1, "--limit")
        seed(self.seed, "--seed")
        at_least(self.patience, 0, "--patience")
        resume_or_force(self.resume, self.force)
        above_zero(self.learning_rate, "--learning-rate")
        share(self.dropout, "--dropout", whole=False)
        share(self.validation_split, "--validation-split", whole=False)

    @property
    def recipe_name(self) -> str:
        """The recipe that is meant."""
        return self.recipe or (FINE_TUNE_RECIPE if self.start_from else DEFAULT_RECIPE)
