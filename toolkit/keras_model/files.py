"""Which kind of Keras file or folder a path is, and whether it carries code."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError
from toolkit.models.catalog import KERAS_FILES, KERAS_SUFFIXES, shipped_models

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
SAVED_MODEL, RUN_MODEL = KERAS_FILES
RUN_RECORD = "run.json"
MEND_RECORD = "move or rename run.json, or train again"
RECORD_TYPES = {"classes": list, "resize": str, "test_accuracy": float | int | None, "test_pictures": int}
"""What is used of the record, where it is there."""


class Kind(StrEnum):
    """What holds the model; decided by content, not by the name."""

    KERAS = "keras"
    H5 = "h5"
    SAVED_MODEL = "saved_model"
    RUN = "run"


def looks_like_keras(argument: str) -> bool:
    """Tell whether an argument means a Keras model rather than an ONNX file, as cheaply as possible."""
    path = Path(argument)
    if path.is_dir():
        # A folder that happens to be called like a shipped model is no model, unless one is in it.
        holds_model = (path / SAVED_MODEL).is_file() or (path / RUN_MODEL).is_file()
        return holds_model or argument not in shipped_models()
    if path.suffix.lower() in KERAS_SUFFIXES:
        return True
    if path.suffix.lower() == ".onnx" or not path.is_file():
        return False
    try:
        return _signature(path) is not None
    except OSError:  # whoever opens it as an ONNX file will say so
        return False


def kind_of(path: Path) -> Kind:
    """Tell what kind of Keras model a path is.

    Raises:
        ModelError: nothing is there, it can't be read, or it is none of the kinds.
    """
    if path.is_dir():
        if (path / SAVED_MODEL).is_file():
            return Kind.SAVED_MODEL
        if (path / RUN_MODEL).is_file():
            return Kind.RUN
        raise ModelError(
            "the folder holds neither a run of toolkit train nor a SavedModel",
            where=path,
            remedy=f"give a folder with {RUN_MODEL} or {SAVED_MODEL}, or a .keras or .h5 file",
        )
    if not path.exists():
        raise ModelError("no such model", where=path, remedy="check the path")
    if not path.is_file():  # a pipe would be waited for
        raise ModelError("not a regular file", where=path, remedy="give a .keras or .h5 file")
    try:
        kind = _signature(path)
    except OSError as error:
        raise ModelError(
            f"can't be read: {error.strerror or error}", where=path, remedy="check its permissions"
        ) from error
    if kind is None:
        raise ModelError(
            f"not a Keras file ({path.stat().st_size:,} bytes): neither a .keras archive nor HDF5",
            where=path,
            remedy="save it again with model.save('NAME.keras')",
        )
    return kind


def unfinished_run(argument: str) -> Path | None:
    """Return the run folder of a model whose training was interrupted; None for any other.

    Args:
        argument: a KERAS_MODEL.
    """
    path = Path(argument)
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name != RUN_MODEL:
        return None
    try:
        record = json.loads((folder / RUN_RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # no run of ours, or one that loading will complain about
        return None
    return folder if isinstance(record, dict) and record.get("finished") is False else None


def _signature(path: Path) -> Kind | None:
    with path.open("rb") as file:
        start = file.read(8)
    if start == HDF5_SIGNATURE:
        return Kind.H5
    return Kind.KERAS if start.startswith(ZIP_SIGNATURE) else None


def read_config(path: Path, kind: Kind) -> dict[str, Any]:
    """Read a model's configuration without running anything in the file.

    Args:
        path: a .keras archive or an HDF5 file.
        kind: which of the two.

    Raises:
        ModelError: the file is damaged, or holds weights only.
    """
    try:
        text = _h5_config(path) if kind is Kind.H5 else zipfile.ZipFile(path).read("config.json")
        config = json.loads(text)
    except (KeyError, OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"the Keras file is damaged or holds weights only: {error}",
            where=path,
            remedy="save the whole model again with model.save('NAME.keras')",
        ) from error
    if not isinstance(config, dict):
        raise ModelError("its configuration is not a model's", where=path, remedy="save the model again")
    return config


def code_layers(config: Any) -> list[str]:
    """Return the names of the layers that carry Python code (Lambda and the like), in order.

    Args:
        config: a model's configuration, as nested dictionaries and lists.
    """
    return [
        str(part.get("config", {}).get("name") or part.get("class_name"))
        for part in _parts(config)
        if part.get("class_name") in ("Lambda", "__lambda__")
    ]


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
            if config["class_name"] == "Lambda":
                return  # what is inside belongs to it
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _h5_config(path: Path) -> str:
    import h5py  # comes with Keras

    with h5py.File(path, "r") as file:
        text = file.attrs["model_config"]
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)


def read_record(path: Path) -> dict[str, Any]:
    """Read what `toolkit train` wrote beside the model, where it is the run's own model.

    Args:
        path: a Keras file.

    Raises:
        ModelError: it can't be read, or isn't such a record.
    """
    file = path.parent / RUN_RECORD
    if path.name != RUN_MODEL or not file.is_file():
        return {}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"the run's record can't be read: {error}", where=file, remedy=MEND_RECORD
        ) from error
    if isinstance(record, dict) and not {"recipe", "settings"} <= record.keys():
        return {}  # other tools write a run.json, too
    if not isinstance(record, dict) or not all(
        isinstance(record[key], kind) for key, kind in RECORD_TYPES.items() if key in record
    ):
        raise ModelError("the run's record isn't one of toolkit train", where=file, remedy=MEND_RECORD)
    return record


def stand_in(source: Path, name: Path) -> None:
    """Make what stands for a file or folder under another name: a link, or a copy where links aren't allowed.

    On Windows they need a privilege that users don't have by default.
    """
    try:
        name.symlink_to(source.resolve())
    except OSError:
        if source.is_dir():
            shutil.copytree(source, name)
        else:
            shutil.copyfile(source, name)
