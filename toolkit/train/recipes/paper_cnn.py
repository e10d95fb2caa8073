"""The paper's CNN, exactly: three convolutions, 122,570 parameters on CIFAR-10.

Claim: test accuracy 0.7122 on CIFAR-10 after 10 epochs of Adam, as the paper reports it on the original pixels.
Evidence: exported/README.md has our figure on CIFAR-10 (JPEG) and the command that made it.

Method: pixels are divided by 255. Conv 3x3 (32), max pooling 2x2, Conv 3x3 (64), max pooling 2x2, Conv 3x3 (64),
all 'valid' with ReLU; flatten; Dense 64 with ReLU; Dense 10 with softmax. Sparse categorical cross-entropy, Adam
with learning rate 0.001, batch 32, 10 epochs over the whole training split (`--validation-split 0`; by default a
tenth is held out, so that every epoch has an honest validation figure). No augmentation, no dropout, no
calibration: the paper names the first two as future work, so they are options here.

Source: the layers and settings are the paper's; Adam's defaults are those of Kingma & Ba, arXiv:1412.6980.
"""

from typing import Any

from toolkit.train.options import Optimizer
from toolkit.train.recipe import Recipe, Settings, Span


def build(input_shape: tuple[int, int, int], classes: int, settings: Settings) -> Any:
    """Build the network for pictures of `input_shape` and any number of classes."""
    import keras
    from keras import layers

    def dropout() -> list[Any]:
        return [layers.Dropout(settings.dropout)] if settings.dropout else []

    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            layers.Rescaling(1 / 255, name="pixels_to_unit"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            *dropout(),
            layers.Dense(64, activation="relu"),
            *dropout(),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="paper_cnn",
    )


RECIPE = Recipe(
    name="paper-cnn",
    summary="the paper's CNN: Conv 32-64-64, Dense 64; 122,570 parameters on CIFAR-10",
    defaults=Settings(
        epochs=10,
        batch_size=32,
        optimizer=Optimizer.ADAM,
        learning_rate=0.001,
        dropout=0.0,
        augment=False,
    ),
    smallest=18,  # 18 -> 16 -> 8 -> 6 -> 3 -> 1
    build=build,
    calibrates=False,
    search={  # what the paper names as future work
        "learning_rate": Span(1e-4, 1e-2, log=True),
        "batch_size": (32, 64, 128),
        "dropout": (0.0, 0.25, 0.5),
        "augment": (False, True),
    },
)
