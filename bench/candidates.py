"""The networks that bench/frontier.py compares: what was tried for edge-s, edge-m and edge-l."""

from collections.abc import Callable
from typing import Any

from toolkit.train.blocks import Stages, convolution, image, residual, stages
from toolkit.train.blocks import classes as head
from toolkit.train.recipes import find_recipe

SHAPE, CLASSES = (32, 32, 3), 10


def plain(stem: int, size: int, stride: int, depths: Stages) -> Callable[[], Any]:
    """3x3 convolutions one after the other, behind a stem of `size` with `stride`."""

    def build() -> Any:
        import keras

        pixels, x = image(SHAPE)
        x = convolution(x, stem, size, stride)
        return keras.Model(pixels, head(stages(x, depths, convolution), CLASSES))

    return build


def blocks(stem: int, stride: int, depths: Stages, *, pool: bool = False) -> Callable[[], Any]:
    """Residual blocks behind a 3x3 stem with `stride`, or with a max pooling behind it."""

    def build() -> Any:
        import keras

        pixels, x = image(SHAPE)
        x = convolution(x, stem, 3, stride)
        if pool:
            x = keras.layers.MaxPooling2D(2)(x)
        return keras.Model(pixels, head(stages(x, depths, residual), CLASSES))

    return build


def recipe(name: str) -> Callable[[], Any]:
    """The network of a recipe."""
    found = find_recipe(name)
    assert found.build is not None
    make = found.build

    def build() -> Any:
        import keras

        model = make(SHAPE, CLASSES, found.defaults)
        return keras.Model(model.inputs, model.outputs)  # functional, also where the recipe is sequential

    return build


CANDIDATES: dict[str, Callable[[], Any]] = {
    "paper-cnn": recipe("paper-cnn"),
    "edge-s": recipe("edge-s"),
    "edge-m": recipe("edge-m"),
    "edge-l": recipe("edge-l"),
    # for edge-s: how wide the stem is and where the depth goes
    "plain-24/2-32-64x3-128x2": plain(24, 3, 2, ((32, 1), (64, 3), (128, 2))),
    "plain-24/2-32-64x2-128x3": plain(24, 3, 2, ((32, 1), (64, 2), (128, 3))),
    "plain-24/2-32x2-64x2-128x2": plain(24, 3, 2, ((32, 2), (64, 2), (128, 2))),
    "plain-24/2-32-64x2-160x2": plain(24, 3, 2, ((32, 1), (64, 2), (160, 2))),
    "plain-32/2-32-64x3-128x3": plain(32, 3, 2, ((32, 1), (64, 3), (128, 3))),
    "plain-32/2-48-96": plain(32, 4, 2, ((48, 2), (96, 2))),
    "plain-64/2-96-160": plain(64, 4, 2, ((96, 1), (160, 2))),
    "plain-32/4-64-128": plain(32, 8, 4, ((64, 4), (128, 4))),
    "blocks-32/2-32-64-128": blocks(32, 2, ((32, 1), (64, 1), (128, 1))),
    # for edge-m: a stem at full size with pooling, or a strided one
    "blocks-32p-64-128x2-160": blocks(32, 1, ((64, 1), (128, 2), (160, 1)), pool=True),
    "blocks-32p-64x2-128": blocks(32, 1, ((64, 2), (128, 1)), pool=True),
    "blocks-32p-64x2-128x2": blocks(32, 1, ((64, 2), (128, 2)), pool=True),
    "blocks-48p-64-128x2-192": blocks(48, 1, ((64, 1), (128, 2), (192, 1)), pool=True),
    "blocks-64/2-64x2-96x2-160": blocks(64, 2, ((64, 2), (96, 2), (160, 1))),
    "blocks-48/2-64x2-128-192": blocks(48, 2, ((64, 2), (128, 1), (192, 1))),
    "blocks-32-32-64-128": blocks(32, 1, ((32, 1), (64, 1), (128, 1))),
    # for edge-l: what the time for training allows
    "blocks-16-64x2-128x2-256x2": blocks(16, 1, ((64, 2), (128, 2), (256, 2))),
    "resnet-8": blocks(16, 1, ((16, 1), (32, 1), (64, 1))),
}
