import hashlib
import importlib.util
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from toolkit.data import cifar10
from toolkit.data.cifar10 import read_archive
from toolkit.data.resolve import load_data
from toolkit.errors import DataError, UsageError


def _sibling(name: str) -> ModuleType:
    # The test folders are no packages, so what their conftest makes is loaded by its path.
    spec = importlib.util.spec_from_file_location(f"data_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


make = _sibling("official")
FORMATS: dict[str, Callable[[], dict[str, bytes]]] = {
    "cifar-10-python.tar.gz": make.python_members,
    "cifar-10-binary.tar.gz": make.binary_members,
}
