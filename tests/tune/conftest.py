"""A recipe with a search space, and pictures that train in a second."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import SHAPES, draw
from training import PLAIN, SIDE, tiny_network

from toolkit.train.recipe import Recipe, Span


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Make job and training find a tiny recipe with two settings to search."""
    made = Recipe(
        name="tiny",
        summary="t",
        defaults=replace(PLAIN, epochs=2),
        smallest=4,
        build=tiny_network,
        search={"learning_rate": Span(1e-4, 0.5, log=True), "label_smoothing": (0.0, 0.1)},
    )
    for module in ("toolkit.train.job", "toolkit.tune.job"):
        monkeypatch.setattr(f"{module}.find_recipe", lambda name: made)
    return made


@pytest.fixture(scope="session")
def shapes_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz file with three classes of 16x16 pictures; its test split must not be looked at."""
    generator = np.random.default_rng(0)
    images = np.stack([draw(n, SIDE, generator) for n in SHAPES for _ in range(16)])
    labels = np.repeat(np.arange(len(SHAPES)), 16)
    path = tmp_path_factory.mktemp("shapes") / "shapes.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images[:3], y_test=labels[:3])
    return path
