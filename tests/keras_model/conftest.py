"""Small Keras models of the kinds that people have, saved once for all tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def saved(keras: Any, tmp_path: Path) -> Callable[..., Path]:
    """Save a small model made of the given layers under a name; returns its path."""

    def save(*layers: Any, name: str = "model.keras", shape: tuple[int, ...] = (8, 8, 3)) -> Path:
        model = keras.Sequential([keras.Input(shape), *layers])
        path = tmp_path / name
        model.save(path)
        return path

    return save
