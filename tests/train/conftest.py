"""A recipe and pictures that train in a second."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import SHAPES, draw
from training import PLAIN, SIDE, tiny_network

from toolkit.train.recipe import Recipe


@pytest.fixture(scope="session")
def tf() -> Any:
    """TensorFlow, imported as toolkit does."""
    from toolkit.keras_model.tensorflow import import_tensorflow

    return import_tensorflow("tests")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    """Make the job find a tiny recipe with these settings, whatever name it is asked for."""

    def recipe(**settings: Any) -> Recipe:
        made = Recipe(
            name="tiny", summary="t", defaults=replace(PLAIN, **settings), smallest=4, build=tiny_network
        )
        monkeypatch.setattr("toolkit.train.job.find_recipe", lambda name: made)
        return made

    return recipe


@pytest.fixture(scope="session")
def shapes_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz file with three classes of 16x16 pictures: 24 and 8 of each."""
    generator = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 24), ("test", 8)):
        arrays[f"x_{split}"] = np.stack([draw(n, SIDE, generator) for n in SHAPES for _ in range(count)])
        arrays[f"y_{split}"] = np.repeat(np.arange(len(SHAPES)), count)
    path = tmp_path_factory.mktemp("shapes") / "shapes.npz"
    np.savez(path, **arrays)
    return path
