"""What the tests of training share: a tiny network, its settings, an observer."""

from pathlib import Path
from typing import Any

import numpy as np

from toolkit.train.options import Optimizer, TrainOptions
from toolkit.train.recipe import Settings

SIDE = 16
PLAIN = Settings(epochs=2, batch_size=16, optimizer=Optimizer.NESTEROV, learning_rate=0.1)


def tiny_network(input_shape: tuple[int, int, int], classes: int, settings: Settings) -> Any:
    """A convolution with batch normalisation, a dropout, a dense layer; any picture size."""
    import keras

    from toolkit.train.blocks import classes as head
    from toolkit.train.blocks import convolution, image

    pixels, x = image(input_shape)
    return keras.Model(pixels, head(convolution(x, 8, stride=2), classes, settings.dropout), name="tiny")


def options(data: Path, output: Path, **choices: Any) -> TrainOptions:
    return TrainOptions(data=str(data), output=output, **{"seed": 3, "validation_split": 0.25, **choices})


def weights(output: Path) -> list[np.ndarray]:
    import keras

    return keras.models.load_model(output / "model.keras").get_weights()


class Lines:
    """An observer that keeps what it is told, and may press Ctrl-C after an epoch."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.lines: list[str] = []
        self.units: set[str] = set()
        self.stop_after = stop_after

    def step(self, text: str) -> None: ...

    def notice(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, *_: object, unit: str = "", **__: object) -> None:
        self.units.add(unit)

    def line(self, text: str) -> None:
        self.lines.append(text)
        if self.stop_after is not None and text.startswith(f"Epoch {self.stop_after}/"):
            raise KeyboardInterrupt
