"""KERAS_MODEL -> a model and what is known about it."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.keras_model.files import RUN_MODEL, RUN_RECORD, Kind, code_layers, kind_of, read_config
from toolkit.keras_model.tensorflow import import_keras

UNKNOWN_CLASS = re.compile(r"(?:Could not locate class|Unknown layer:?) '?([\w.>]+)")


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A Keras model in memory.

    Args:
        model: the Keras model.
        path: the file it came from.
        labels: class names in output order; empty where unknown.
        record: what the run of `toolkit train` wrote down; empty for a model from elsewhere.
        sha256: digest of the file.
    """

    model: Any
    path: Path
    labels: tuple[str, ...]
    record: dict[str, Any]
    sha256: str

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels.

        Raises:
            ModelError: the input isn't one picture of known size with 1 or 3 channels in the last axis.
        """
        shape = self.model.input_shape
        fits = isinstance(shape, tuple) and len(shape) == 4 and shape[3] in (1, 3) and shape[1] and shape[2]
        if not fits:
            raise ModelError(
                f"not an image classifier: its input is {shape}",
                where=self.path,
                remedy="give a model of one picture of fixed size, [N, height, width, 1 or 3]",
            )
        return int(shape[1]), int(shape[2])

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return int(self.model.input_shape[3])


def load_keras(argument: str, *, where: str) -> LoadedModel:
    """Load a Keras model.

    Args:
        argument: a .keras or .h5 file, or a run folder of `toolkit train`.
        where: the command that needs it.

    Raises:
        MissingDependency: the extra with TensorFlow isn't installed.
        ModelError: nothing is there, the file is damaged, of another version, or carries code.
    """
    path = Path(argument)
    kind = kind_of(path)
    if kind is Kind.SAVED_MODEL:
        raise ModelError(
            "a SavedModel folder can't be loaded as a Keras model yet",
            where=path,
            remedy="save the model with model.save('NAME.keras')",
        )
    if kind is Kind.RUN:
        path, kind = path / RUN_MODEL, kind_of(path / RUN_MODEL)
    keras = import_keras(where)
    config = read_config(path, kind)
    names = code_layers(config)
    if names:
        raise ModelError(
            f"the file carries Python code that would run when it is loaded (Lambda layer '{names[0]}')",
            where=path,
            remedy="replace the Lambda with a built-in layer and save the model again",
        )
    model = _load(keras, path, kind)
    record = _record(path)
    return LoadedModel(
        model=model,
        path=path,
        labels=tuple(str(name) for name in record.get("classes", [])),
        record=record,
        sha256=sha256_of(path),
    )


def _load(keras: Any, path: Path, kind: Kind) -> Any:
    try:
        with _right_suffix(path, kind) as file:
            return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        raise _translated(error, path) from error


@contextlib.contextmanager
def _right_suffix(path: Path, kind: Kind) -> Iterator[Path]:
    # Keras goes by the suffix; what counts is the content, so a misnamed file is read through a link.
    suffix = ".h5" if kind is Kind.H5 else ".keras"
    if path.suffix.lower() == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(path.resolve())
        yield link


def _translated(error: Exception, path: Path) -> ModelError:
    text = str(error)
    unknown = UNKNOWN_CLASS.search(text)
    if unknown is not None:
        return ModelError(
            f"it uses a class of its own, {unknown.group(1)}, which isn't known here",
            where=path,
            remedy="build it from built-in layers, or register the class with keras.saving",
        )
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return ModelError(
        f"Keras can't load it: {first[:200]}",
        where=path,
        remedy="save it again with the installed version of Keras: model.save('NAME.keras')",
    )


def _record(path: Path) -> dict[str, Any]:
    """Read what `toolkit train` wrote beside the model, where it is the run's own model."""
    file = path.parent / RUN_RECORD
    if path.name != RUN_MODEL or not file.is_file():
        return {}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the run's record can't be read: {error}", where=file, remedy="train again"
        ) from error
    return record if isinstance(record, dict) else {}
