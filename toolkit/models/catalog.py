"""Shipped models: names -> files and their figures."""

import difflib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError, UsageError
from toolkit.models.card import Card, from_metadata
from toolkit.models.onnx_file import load_onnx
from toolkit.wording import export_command

DEFAULT_MODEL = "edge-m-int8"  # of demo and classify: near the best, at a fraction of its time
REFERENCE_MODEL = "paper-cnn"  # whose latency is 1.0
KERAS_SUFFIXES = frozenset({".keras", ".h5", ".hdf5"})
KERAS_FILES = ("saved_model.pb", "model.keras")
"""What the folder of a Keras model holds: a SavedModel the first, a run of toolkit train the second."""


@dataclass(frozen=True, kw_only=True)
class ShippedModel:
    """A shipped model and what its file says about it. Figures that it doesn't give are None.

    Args:
        name: as a MODEL argument.
        path: of the file.
        size_bytes: of the file.
        card: accuracy, data, precision and so on.
        parameters: weights and biases.
        macs: multiply-accumulates for one picture.
        relative_latency: of one picture, 1.0 being that of `REFERENCE_MODEL`.
    """

    name: str
    path: Path
    size_bytes: int
    card: Card
    parameters: int | None
    macs: int | None
    relative_latency: float | None

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "name": self.name,
            "path": str(self.path),
            "accuracy": self.card.accuracy,
            "data": self.card.data or None,
            "recipe": self.card.recipe or None,
            "parameters": self.parameters,
            "macs": self.macs,
            "size_bytes": self.size_bytes,
            "precision": self.card.precision or None,
            "relative_latency": self.relative_latency,
        }


def shipped_folder() -> Path:
    """Return the folder of shipped models: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "exported"
    return inside if inside.is_dir() else package.parent / "exported"


def shipped_models() -> dict[str, Path]:
    """Return the shipped models by name, sorted."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.onnx"))}


def catalog(folder: Path | None = None) -> tuple[ShippedModel, ...]:
    """Return the shipped models with their figures, read from the files themselves.

    Args:
        folder: where they are; None means `shipped_folder()`.

    Raises:
        ModelError: there are none, or one of the files is broken.
    """
    folder = shipped_folder() if folder is None else folder
    paths = sorted(folder.glob("*.onnx"))
    if not paths:
        raise ModelError(
            "no shipped models",
            where=folder,
            remedy="install the package again, or make a model with: toolkit train, toolkit export",
        )
    return tuple(_shipped_model(path) for path in paths)


def _shipped_model(path: Path) -> ShippedModel:
    metadata = _metadata_of(path)
    card = from_metadata(metadata, path)
    try:
        return ShippedModel(
            name=path.stem,
            path=path,
            size_bytes=path.stat().st_size,
            card=card,
            parameters=int(metadata["parameters"]) if metadata.get("parameters") else None,
            macs=int(metadata["macs"]) if metadata.get("macs") else None,
            relative_latency=float(metadata["relative_latency"])
            if metadata.get("relative_latency")
            else None,
        )
    except ValueError as error:
        raise ModelError(
            f"a figure in its metadata can't be read: {error}", where=path, remedy="export the model again"
        ) from error


def _metadata_of(path: Path) -> dict[str, str]:
    model = load_onnx(path, remedy="install the package again")
    return {entry.key: entry.value for entry in model.metadata_props}


def find_model(argument: str) -> Path:
    """Return the file that a MODEL argument means.

    Args:
        argument: path of an .onnx file, or the name of a shipped model.

    Raises:
        UsageError: it is empty.
        ModelError: there is no such file, and no shipped model of that name; or it can't be looked at.
    """
    if not argument:
        raise UsageError(
            "an empty name is no model",
            where="MODEL",
            remedy="give a model, or look at the variable it is from",
        )
    path = Path(argument)
    _refuse_unseen(path)
    if path.suffix.lower() in KERAS_SUFFIXES and path.is_file():
        raise ModelError(
            "is a Keras model, and this needs an ONNX file",
            where=path,
            remedy=f"export it first: {export_command(path)}",
        )
    if path.is_file():
        if not os.access(path, os.R_OK):
            raise ModelError(
                "not allowed to read it (permission denied)", where=path, remedy="change its permissions"
            )
        return path
    shipped = shipped_models()
    if argument in shipped:
        return shipped[argument]
    if path.is_dir():
        is_model = any((path / name).is_file() for name in KERAS_FILES)
        raise ModelError(
            "is a folder, not an .onnx file" if is_model else "is a folder, and no model is in it",
            where=path,
            remedy=f"export it first: {export_command(path)}"
            if is_model
            else "give an .onnx file, or a name that toolkit models lists",
        )
    near = difflib.get_close_matches(argument, shipped, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ModelError(
        "no such model file, and no shipped model of that name",
        where=argument,
        remedy=f"{hint}see: toolkit models",
    )


def _refuse_unseen(path: Path) -> None:
    """Refuse a name of which the system doesn't even tell whether a file has it: pathlib's questions would raise."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        return
    except OSError as error:
        told = {errno.ENAMETOOLONG: "the name is too long", errno.EACCES: "permission denied"}
        raise ModelError(
            told.get(error.errno or 0, f"can't be looked at: {error.strerror or error}"),
            where=path,
            remedy="check the name, and who owns the file and the folders above it",
        ) from error
