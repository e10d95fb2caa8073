"""What a recipe is: a network, and the defaults it is trained with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolkit.train.options import Optimizer


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a network is trained.

    Args:
        epochs: times the training data is seen.
        batch_size: pictures a step.
        optimizer: see `Optimizer`.
        learning_rate: of the optimiser.
        dropout: share of units dropped before the dense layers; 0 adds no layer.
        augment: random flips and shifts of the training pictures.
    """

    epochs: int
    batch_size: int
    optimizer: Optimizer
    learning_rate: float
    dropout: float
    augment: bool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how it is trained.

    Args:
        name: on the command line.
        summary: one line for `--list`.
        defaults: used where the user says nothing.
        smallest: least height and width of a picture, pixels.
        build: (input shape (H, W, 3), classes, settings) -> an uncompiled Keras model that takes pixels
            0 to 255 and gives probabilities.
    """

    name: str
    summary: str
    defaults: Settings
    smallest: int
    build: Callable[[tuple[int, int, int], int, Settings], Any]
