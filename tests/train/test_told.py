"""What a run says of its pixels and pictures."""

from typing import Any

import numpy as np
import pytest
from training import PLAIN, SIDE, Lines, tiny_network

from toolkit.data.dataset import Dataset, Split
from toolkit.keras_model.tensorflow import import_keras
from toolkit.train.recipes import paper_cnn
from toolkit.train.told import tell_pixels, tell_repeats, tell_shapes

pytestmark = pytest.mark.keras

LABELS = np.zeros(2, np.int64)
IMAGES = np.stack([np.full((SIDE, SIDE, 3), v, np.uint8) for v in (0, 255)])


def told(network: Any, images: np.ndarray = IMAGES) -> list[str]:
    seen = Lines()
    tell_pixels(Split(images, LABELS), network, seen)
    return seen.lines


def test_the_papers_network_divides_pixels_by_255_and_the_run_says_so() -> None:
    import_keras("test")
    network = paper_cnn.build((32, 32, 3), 3, PLAIN)
    assert told(network) == ["Pixels: uint8 0 to 255, divided by 255 inside the model: 0.0 to 1.0"]
    assert told(network, IMAGES // 2) == [
        "Pixels: uint8 0 to 127, divided by 255 inside the model: 0.0 to 0.5"
    ]


def test_a_network_that_scales_otherwise_is_not_said_to_divide_by_255() -> None:
    import_keras("test")
    network = tiny_network((SIDE, SIDE, 3), 3, PLAIN)
    assert told(network) == ["Pixels: uint8 0 to 255, -1.0 to 1.0 inside the model"]


def test_each_channel_counts_in_the_range_that_is_said() -> None:
    keras = import_keras("test")
    pixels = keras.Input((SIDE, SIDE, 3))
    scaled = keras.layers.Normalization(mean=[100.0, 120.0, 130.0], variance=[2500.0, 100.0, 2500.0])(pixels)
    network = keras.Model(pixels, keras.layers.Conv2D(3, 3)(scaled))
    assert told(network) == ["Pixels: uint8 0 to 255, -12.0 to 13.5 inside the model"]


def test_pictures_that_are_measured_on_and_trained_on_as_well_are_told() -> None:
    seen, noise = Lines(), np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)
    split = Split(noise, np.zeros(6, np.int64))
    train, validation, test = (split.take(np.array(chosen)) for chosen in ([0, 1, 2], [2, 3], [0, 1, 1, 5]))
    tell_repeats(train, validation, test, seen)
    assert seen.lines == [
        "1 of 2 held-out pictures is trained on as well, pixel for pixel, so that the held-out figures are too good",
        "3 of 4 test pictures are trained on as well, pixel for pixel, so that the test figures are too good",
    ]
    tell_repeats(train, None, split.take(np.array([3, 4])), seen)
    assert len(seen.lines) == 2


def test_classes_are_named_without_breaking_the_line_and_so_are_those_without_a_picture() -> None:
    seen, split = Lines(), Split(IMAGES, LABELS)
    classes = ("\x1b[31mred", " lead", "new\nline", "Katze Männchen 🐱")
    tell_shapes(Dataset(classes=classes, splits={"train": split}, name="zo\no", digest=""), split, None, seen)
    assert seen.lines[-1] == (
        "classes that no picture is trained on, and that are not learnt: ' lead', new\\nline, Katze Männchen 🐱"
    )
    assert seen.lines[0] == r"Data: zo\no, 4 classes: \x1b[31mred, ' lead', new\nline, Katze Männchen 🐱"
