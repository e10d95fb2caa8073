"""What a user may have to say about a Keras model, because the file can't."""

import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, UsageError
from toolkit.models.head import Head


@dataclass(frozen=True, kw_only=True)
class KerasChoices:
    """How a Keras model is to be taken.

    Args:
        allow_code: run Python code that the file carries (Lambda layers).
        custom_objects: module that defines the classes of its own: a dotted name or a .py file.
        output: name of the output with the classes, for a model that has several.
        head: what the output is; None finds it out.
        normalize: range of values that it expects; None finds it out or refuses.
        labels_file: class names, for a model that carries none.
        resize: how pictures are brought to size; None means as in its training, else stretch.
    """

    allow_code: bool = False
    custom_objects: str | None = None
    output: str | None = None
    head: Head | None = None
    normalize: str | None = None
    labels_file: Path | None = None
    resize: str | None = None


def head_choice(from_logits: bool | None) -> Head | None:
    """Turn the flag pair --from-logits/--from-probabilities into a head; None where neither was given."""
    if from_logits is None:
        return None
    return Head.LOGITS if from_logits else Head.PROBABILITIES


def load_custom_objects(module: str | None) -> dict[str, Any]:
    """Import a user's module and return its classes and functions by name.

    Args:
        module: a dotted name, or the path of a .py file; None means none.

    Raises:
        UsageError: there is no such module.
        InputError: importing it failed.
    """
    if module is None:
        return {}
    try:
        imported = _import(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"no module '{error.name}'",
            where="--custom-objects",
            remedy="give a module that Python finds, or the path of a .py file",
        ) from error
    except Exception as error:
        raise InputError(
            f"importing it failed: {type(error).__name__}: {error}", where=module, remedy="mend the module"
        ) from error
    return {
        name: value
        for name, value in vars(imported).items()
        if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
    }


def _import(module: str) -> Any:
    if not module.endswith(".py"):
        return importlib.import_module(module)
    path = Path(module)
    if not path.is_file():
        raise ModuleNotFoundError(f"no file {path}", name=str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no file {path}", name=str(path))
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded  # Keras looks a class's module up by its name
    spec.loader.exec_module(loaded)
    return loaded
