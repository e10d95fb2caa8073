"""Import TensorFlow and Keras quietly, or say which extra is missing."""

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from toolkit.errors import MissingDependency

EXTRA = "train"


def require(*names: str, where: str) -> None:
    """Refuse to go on when a library of the extra isn't installed, without importing any.

    Args:
        names: import names.
        where: the command that needs them.

    Raises:
        MissingDependency: one isn't installed.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingDependency(name, extra=EXTRA, where=where)


def import_keras(where: str) -> Any:
    """Import Keras on TensorFlow and return it.

    Args:
        where: the command that needs it.

    Raises:
        MissingDependency: TensorFlow or Keras isn't installed.
    """
    require("tensorflow", "keras", where=where)
    import_tensorflow(where)
    return importlib.import_module("keras")


def import_tensorflow(where: str) -> Any:
    """Import TensorFlow and return it.

    Args:
        where: the command that needs it.

    Raises:
        MissingDependency: it isn't installed.
    """
    require("tensorflow", where=where)
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    # TensorFlow reads these once, while it is being imported; a user's own log level wins.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    with _without_stderr():
        return importlib.import_module("tensorflow")


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    # The C++ side writes a greeting straight to descriptor 2 before its log level is set up. Python's own
    # errors are raised, so nothing of use is lost.
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
