"""What a model file tells about itself: labels, input size, recipe, accuracy ... <-> metadata_props."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from toolkit import __version__
from toolkit.errors import InputError, ModelError


@dataclass(frozen=True, kw_only=True)
class Card:
    """The metadata of a model file. Every text may be empty where the file doesn't say.

    Args:
        labels: class names in output order; empty where unknown.
        input_size: (height, width), pixels, or None.
        recipe: the training recipe.
        accuracy: top-1 on the data's test split, 0 to 1, or None.
        data: what the accuracy was measured on, such as "CIFAR-10 (JPEG), test split, 10,000 pictures".
        precision: fp32, fp16 or int8.
        resize: how pictures were brought to size: stretch, crop or pad.
        source_sha256: of the model it was exported from.
        toolkit_version: that wrote the file; empty for a file from elsewhere.
        extra: whatever else the file carries.
    """

    labels: tuple[str, ...] = ()
    input_size: tuple[int, int] | None = None
    recipe: str = ""
    accuracy: float | None = None
    data: str = ""
    precision: str = ""
    resize: str = ""
    source_sha256: str = ""
    toolkit_version: str = ""
    extra: dict[str, str] = field(default_factory=dict)


def to_metadata(card: Card) -> dict[str, str]:
    """Turn a card into `metadata_props`; what is unknown is an empty string."""
    return {
        **card.extra,
        "labels": json.dumps(list(card.labels), ensure_ascii=False),
        "input_size": json.dumps(list(card.input_size)) if card.input_size else "",
        "recipe": card.recipe,
        "accuracy": "" if card.accuracy is None else f"{card.accuracy:.6g}",
        "data": card.data,
        "precision": card.precision,
        "resize": card.resize,
        "source_sha256": card.source_sha256,
        "toolkit_version": card.toolkit_version or __version__,
    }


def from_metadata(metadata: dict[str, str], where: object) -> Card:
    """Read a card from `metadata_props`.

    A file from elsewhere may use our keys for something else, so that nothing but `extra` is taken from it.

    Raises:
        ModelError: a key of ours holds something that can't be read.
    """
    if "toolkit_version" not in metadata:
        return Card(extra=dict(metadata))
    known = ("recipe", "data", "precision", "resize", "source_sha256", "toolkit_version")
    try:
        labels = json.loads(metadata.get("labels") or "[]")
        size = json.loads(metadata.get("input_size") or "null")
        return Card(
            labels=tuple(str(label) for label in labels),
            input_size=(int(size[0]), int(size[1])) if size else None,
            accuracy=float(metadata["accuracy"]) if metadata.get("accuracy") else None,
            extra={
                k: v for k, v in metadata.items() if k not in (*known, "labels", "input_size", "accuracy")
            },
            **{key: metadata.get(key, "") for key in known},
        )
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise ModelError(
            f"its metadata can't be read: {error}", where=where, remedy="export the model again"
        ) from error


def read_labels(path: Path) -> tuple[str, ...]:
    """Read class names from a file: one name a line (UTF-8), a JSON list, or names and numbers in a JSON object.

    Raises:
        InputError: it can't be read, is empty, or names a class twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"can't read the labels: {error.strerror or error}", where=path, remedy="give a UTF-8 text file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"the labels are not UTF-8: {error}", where=path, remedy="give a UTF-8 text file"
        ) from error
    try:
        names = _from_json(text) if text.lstrip().startswith(("[", "{")) else text.splitlines()
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not class names in JSON: {error}", where=path, remedy="write one class name a line"
        ) from error
    labels = tuple(name.strip() for name in names if name.strip())
    if not labels:
        raise InputError("no class names in it", where=path, remedy="write one class name a line")
    if len(set(labels)) != len(labels):
        twice = next(name for name in labels if labels.count(name) > 1)
        raise InputError(
            f"names the class '{twice}' twice", where=path, remedy="give each class a name of its own"
        )
    return labels


def _from_json(text: str) -> list[str]:
    """Return names in the order of their classes: of a list, {"cat": 0, "dog": 1} or {"0": "cat", "1": "dog"}.

    The first object is what Keras's generators call `class_indices`, the second what ImageNet's names come in, each
    behind its WordNet number: {"0": ["n01440764", "tench"]}.

    Raises:
        ValueError: it is something else, or the numbers have gaps.
    """
    found = json.loads(text)
    if isinstance(found, dict):
        counted = all(type(number) is int for number in found.values())
        numbers = [int(number) for number in (found.values() if counted else found)]
        if sorted(numbers) != list(range(len(found))):
            raise ValueError("the numbers of the classes don't go from 0 up, each once")
        named = dict(zip(numbers, found if counted else found.values(), strict=True))
        found = [named[number] for number in range(len(found))]
    names = [name[-1] if isinstance(name, list) and name else name for name in found]
    if not all(isinstance(name, str | int) for name in names):
        raise ValueError("a class has no text for its name")
    return [str(name) for name in names]
