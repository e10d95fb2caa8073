from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.evaluate.robustness import robustness
from toolkit.models.open import open_model
from toolkit.observer import SILENT
from toolkit.preprocess.corruptions import CORRUPTIONS


def test_accuracy_is_measured_on_every_kind_and_level(tiny_model: Path) -> None:
    """The model answers with the mean colour, which only cutting off bright values or noise at 0 and 255 can move."""
    model = open_model(str(tiny_model), device="cpu")
    height, width = model.input_size
    images = np.zeros((30, height, width, 3), np.uint8)
    truth = np.arange(30) % 3
    images[...] = 140
    images[np.arange(30), ..., truth] = 150
    images[:6] = images[:6, :, :, [1, 2, 0]]  # six that it gets wrong
    found = robustness(model, images, truth, batch_size=7, seed=0, observer=SILENT)
    assert [(each.kind, each.level) for each in found] == [
        (corruption.name, level) for corruption in CORRUPTIONS for level in corruption.levels
    ]
    by_level = {(each.kind, each.severity): each for each in found}
    assert by_level["darker", 2].accuracy == pytest.approx(24 / 30)
    assert by_level["size", 5].accuracy == pytest.approx(24 / 30)
    low, high = by_level["darker", 2].accuracy_ci95
    assert low < 24 / 30 < high
    # 140 and 150 both become 255: every class is as probable, and the first one wins.
    assert by_level["brighter", 5].accuracy == pytest.approx(10 / 30)


def test_the_seed_decides_the_noise(tiny_model: Path) -> None:
    """Grey pictures: which colour is the largest is up to the noise."""
    model = open_model(str(tiny_model), device="cpu")
    images = np.full((60, *model.input_size, 3), 128, np.uint8)
    truth = np.arange(60) % 3

    def accuracies(seed: int) -> list[float]:
        found = robustness(model, images, truth, batch_size=None, seed=seed, observer=SILENT)
        return [each.accuracy for each in found if each.kind == "noise"]

    assert accuracies(1) == accuracies(1)
    assert accuracies(1) != accuracies(0)


@dataclass
class Overflowing:
    """A model whose answer to a bright picture is not a number; a real one gets there in fp16."""

    name: str = "overflowing"
    labels: tuple[str, ...] = ("red", "green", "blue")
    input_size: tuple[int, int] = (8, 8)

    def probabilities(self, batch_nhwc: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = np.full((len(batch_nhwc), 3), (0.5, 0.25, 0.25), np.float32)
        found[batch_nhwc.mean(axis=(1, 2, 3)) > 150] = np.nan
        return found


def test_what_is_not_a_number_is_not_recognised() -> None:
    images, truth = np.full((4, 8, 8, 3), 100, np.uint8), np.zeros(4, np.int64)
    found = robustness(Overflowing(), images, truth, batch_size=None, seed=0, observer=SILENT)
    accuracies = {(each.kind, each.level): each.accuracy for each in found}
    assert (accuracies["brighter", 120], accuracies["brighter", 200]) == (1.0, 0.0)
