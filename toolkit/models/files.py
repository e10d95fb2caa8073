"""All files of a model, to take along to where this machine's disk isn't seen."""

import hashlib
import mmap
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputError, ModelError
from toolkit.models.catalog import find_model
from toolkit.models.onnx_file import external_names, load_onnx

LOCATION = b"location"
"""Key of TensorProto.external_data. Source: onnx/onnx.proto3."""


def model_files(argument: str) -> dict[str, Path]:
    """Return the files of a model: its own first, then those that hold large weights beside it.

    Args:
        argument: path of an .onnx file, or the name of a shipped model.

    Returns:
        Name, relative to the model's folder -> path.

    Raises:
        ModelError: there is no such file, and no shipped model of that name.
    """
    path = find_model(argument)
    names = {path.name: path}
    # Of a model that is a link, ONNX Runtime also takes files from where it leads: so Hugging Face's cache is made.
    homes = {path.parent.resolve(), path.resolve().parent}
    for name in sorted(_external_names(path)):
        file = path.parent / name
        # What lies elsewhere ONNX Runtime refuses, and it says so when the model is opened.
        if any(map(file.resolve().is_relative_to, homes)) and file.is_file():
            names[name] = file
    return names


def digest_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 of files one after the other: of one file its own, of several what `cat` would give.

    Args:
        files: of a model, see `model_files`.
    """
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: whole)  # goes on with the one it is given
    return whole.hexdigest()


def model_digest(argument: str) -> str:
    """Return the SHA-256 of a model with all its files; see `model_files` and `digest_of`."""
    return digest_of(model_files(argument).values())


def contents(files: Mapping[str, Path]) -> dict[str, NDArray[np.uint8]]:
    """Read files whole: name -> uint8 [bytes].

    Raises:
        InputError: one can't be read.
    """
    read = {}
    for name, path in files.items():
        try:
            read[name] = np.fromfile(path, np.uint8)
        except OSError as error:
            raise InputError(
                f"can't be read: {error.strerror or error}", where=path, remedy="check the path"
            ) from error
    return read


def _external_names(path: Path) -> set[str]:
    # Nearly always there is none, and loading the library to find that out takes longer than the rest.
    if not _names_a_location(path):
        return set()
    try:
        return external_names(load_onnx(path))
    except ModelError:
        return set()  # whoever opens the model says what is wrong with it


def _names_a_location(path: Path) -> bool:
    """Return whether the key under which a file names another one stands anywhere in it."""
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(LOCATION) >= 0
        except (ValueError, OSError):  # it is empty, or on a file system that can't do that
            file.seek(0)
            return LOCATION in file.read()
