"""Shipped models: names -> files and their figures."""

import difflib
from pathlib import Path

from toolkit.errors import ModelError

DEFAULT_MODEL = "paper-cnn"


def shipped_folder() -> Path:
    """Return the folder of shipped models: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "exported"
    return inside if inside.is_dir() else package.parent / "exported"


def shipped_models() -> dict[str, Path]:
    """Return the shipped models by name, sorted."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.onnx"))}


def find_model(argument: str) -> Path:
    """Return the file that a MODEL argument means.

    Args:
        argument: path of an .onnx file, or the name of a shipped model.

    Raises:
        ModelError: there is no such file, and no shipped model of that name.
    """
    path = Path(argument)
    if path.is_file():
        return path
    shipped = shipped_models()
    if argument in shipped:
        return shipped[argument]
    if path.is_dir():
        raise ModelError(
            "is a folder, not an .onnx file", where=path, remedy="export it first: toolkit export"
        )
    near = difflib.get_close_matches(argument, shipped, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ModelError(
        "no such model file, and no shipped model of that name",
        where=argument,
        remedy=f"{hint}see: toolkit models",
    )
