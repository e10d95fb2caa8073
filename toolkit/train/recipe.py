"""What a recipe is: a network, how it is trained, and where to search for better settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from toolkit.train.options import Optimizer
from toolkit.train.views import SHIFT_SHARE


class Schedule(StrEnum):
    """How the learning rate goes over a run."""

    CONSTANT = "constant"
    TRIANGULAR = "triangular"
    COSINE = "cosine"


class Flip(StrEnum):
    """Which pictures are mirrored left to right."""

    NONE = "none"
    RANDOM = "random"
    ALTERNATING = "alternating"


class Decay(StrEnum):
    """How weights are kept small: taken from them directly, or added to their gradient."""

    DECOUPLED = "decoupled"
    L2 = "l2"


class Arithmetic(StrEnum):
    """Number format of the convolutions in training; weights and what is saved are float32 always."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a network is trained. The defaults are the plainest choice: off.

    Args:
        epochs: times the training data is seen.
        batch_size: pictures a step.
        optimizer: see `Optimizer`.
        learning_rate: of the optimiser; with a schedule, the highest.
        dropout: share of units dropped before the dense layers; 0 adds no layer.
        augment: train on random views of the pictures, drawn as the next five say.
        crop: largest shift of a view, as a share of the side, mirrored at the border.
        flip: see `Flip`.
        cutout: side of a square that is painted over, as a share of the picture's; 0 paints none.
        jitter: largest change of brightness and contrast, as a share; 0 changes none.
        mixup: parameter of the beta distribution by which pairs of pictures are mixed; 0 mixes none.
        cutmix: the same by which the size of a box is drawn that one picture of a pair gets from the other, in every
            second batch, at random; 0 cuts none.
        schedule: see `Schedule`.
        warmup: share of the run in which the rate rises, 0 to below 1.
        final_rate: rate at the end, as a share of the highest.
        momentum: of the optimisers that have it.
        weight_decay: of kernels; biases and batch normalisation are left alone.
        decay: see `Decay`.
        clip_norm: largest norm of a step's whole gradient; 0 doesn't limit it.
        label_smoothing: share of the truth that is spread over all classes.
        averaging: decay of the running average of the weights, which is what is saved; 0 averages nothing.
        whole_batches: leave out an epoch's last batch where it is short, another one each epoch.
        arithmetic: see `Arithmetic`.
        small_size: shorter side of the pictures in the first part of the run, pixels; 0 means their own.
        small_share: that part, as a share of the epochs.
        teacher_weight: share of the loss that is the distance to the teacher's probabilities; needs a teacher.
        temperature: by which teacher and pupil are softened before they are compared.
        views: different views of each picture that a run with a teacher goes round in, so that what the teacher
            says to each is computed once; 0 draws a new one each epoch.
        head_epochs: first epochs in which only the last layer is trained, at `head_rate`.
        head_rate: learning rate of these.
        patience: epochs without a lower validation loss before the run stops, and the best epoch is kept; 0 never
            stops early.
    """

    epochs: int
    batch_size: int
    optimizer: Optimizer
    learning_rate: float
    dropout: float = 0.0
    augment: bool = False
    crop: float = SHIFT_SHARE
    flip: Flip = Flip.RANDOM
    cutout: float = 0.0
    jitter: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    schedule: Schedule = Schedule.CONSTANT
    warmup: float = 0.0
    final_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    decay: Decay = Decay.DECOUPLED
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    whole_batches: bool = False
    arithmetic: Arithmetic = Arithmetic.FLOAT32
    small_size: int = 0
    small_share: float = 0.0
    teacher_weight: float = 0.0
    temperature: float = 1.0
    views: int = 0
    head_epochs: int = 0
    head_rate: float = 0.001
    patience: int = 0

    @property
    def mixes(self) -> bool:
        """Whether pictures are mixed in pairs, one way or the other."""
        return bool(self.mixup or self.cutmix)

    def small_shape(self, shape: tuple[int, int]) -> tuple[int, int] | None:
        """Return the (height, width) in the first part of a run of pictures of `shape`; None means their own."""
        if not (self.small_size and self.small_share):
            return None
        height, width = (round(side * self.small_size / min(shape)) for side in shape)
        return height, width

    def steps_per_epoch(self, pictures: int) -> int:
        """Count the batches of an epoch."""
        if self.whole_batches and pictures > self.batch_size:
            return pictures // self.batch_size
        return -(-pictures // self.batch_size)


@dataclass(frozen=True)
class Span:
    """Values of a setting that a search may try.

    Args:
        low: the least.
        high: the greatest.
        log: search on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


Search = Mapping[str, Span | tuple[Any, ...]]
"""Where to search: a setting's name -> its span, or its choices."""

Build = Callable[[tuple[int, int, int], int, Settings], Any]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how it is trained.

    Args:
        name: on the command line.
        summary: one line for `--list`.
        defaults: used where the user says nothing.
        smallest: least height and width of a picture, pixels.
        build: (input shape (H, W, 3), classes, settings) -> an uncompiled Keras model that takes pixels
            0 to 255 and gives probabilities. None for a recipe that starts from a trained model.
        search: what `toolkit tune` tries.
        calibrates: whether a finished run fits a temperature on the held-out pictures and folds it into the last
            layer (see `calibrate`). Only a run whose model isn't the one in training (see `checkpoint.is_apart`: it
            averages, may stop early, or begins with small pictures) does so: the others may go on from their model.
    """

    name: str
    summary: str
    defaults: Settings
    smallest: int
    build: Build | None
    search: Search = field(default_factory=dict)
    calibrates: bool = True
