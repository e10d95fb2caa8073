"""How the cases of a benchmark are called, as shortly as the others allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.wording import count

Document = Mapping[str, Any]


def case_label(result: Document, results: Sequence[Document]) -> str:
    """Name a case as shortly as the others allow."""
    parts = [model_label(result["model"], results)]
    if varies(results, "device"):
        parts.append(result["device"])
    if varies(results, "threads"):
        parts.append(count(result["threads"], "thread"))
    if varies(results, "batch_size"):
        parts.append(f"batch {result['batch_size']}")
    return ", ".join(parts)


def model_label(model: str, results: Sequence[Document] = ()) -> str:
    """Return a model's name as tables show it: a file's name without ending, its folder only where that is needed.

    Args:
        model: how the user called it.
        results: those that it is told apart from: two files of one name in different folders keep their folders.
    """
    same = {result["model"] for result in results if _stem(result["model"]) == _stem(model)}
    return _stem(model) if same <= {model} else model.removesuffix(".onnx")


def varies(results: Sequence[Document], key: str) -> bool:
    """Return whether cases differ in one of their entries."""
    return len({result[key] for result in results}) > 1


def _stem(model: str) -> str:
    return Path(model).stem if model.endswith(".onnx") else model
