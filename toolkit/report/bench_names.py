"""How the cases of a benchmark are called, as shortly as the others allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.wording import count

Document = Mapping[str, Any]


def case_label(result: Document, results: Sequence[Document]) -> str:
    """Name a case as shortly as the others allow."""
    parts = [model_label(result["model"])]
    if varies(results, "device"):
        parts.append(result["device"])
    if varies(results, "threads"):
        parts.append(count(result["threads"], "thread"))
    if varies(results, "batch_size"):
        parts.append(f"batch {result['batch_size']}")
    return ", ".join(parts)


def model_label(model: str) -> str:
    """Return a model's name as tables show it: a file's name without folder and ending."""
    return Path(model).stem if model.endswith(".onnx") else model


def varies(results: Sequence[Document], key: str) -> bool:
    """Return whether cases differ in one of their entries."""
    return len({result[key] for result in results}) > 1
