"""Match the classes of data, or of another model, to a model's outputs."""

import difflib
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError, as_place
from toolkit.observer import Observer
from toolkit.wording import count

NAMES_KEY = "labels_are_names"
"""Key of the metadata of a file whose labels look like numbers of outputs, and were given as names."""


class Unnamed(tuple[str, ...]):
    """Labels of a model that has no names for its classes: the numbers of its outputs."""

    @classmethod
    def of(cls, classes: int) -> Self:
        """Return those of a model of so many classes."""
        return cls(str(index) for index in range(classes))

    @classmethod
    def looks_like(cls, labels: Sequence[str]) -> bool:
        """Tell whether labels are numbers of outputs, whether somebody gave them or not."""
        return tuple(labels) == cls.of(len(labels))


def match_classes(classes: Sequence[str], labels: Sequence[str], *, where: object) -> NDArray[np.int64]:
    """Find the model's output for each class of the data, by name.

    Labels or classes that are only numbers ("0", "1", ...), as of a model without names or an .npz file, say
    nothing about names; then the classes are matched by position. Folders that are called like numbers could stand for
    the outputs in the order of the numbers or in that of their names ("0", "1", "10", "2"), which is how Keras lists
    them: where that makes a difference and the model has no names, nothing is guessed.

    Args:
        classes: class names of the data, in its order.
        labels: class names of the model, in output order.
        where: the data, for errors.

    Returns:
        int64 [classes of the data], output indices.

    Raises:
        DataError: the model doesn't know a class, one side has no names and the numbers don't fit, or they could be
            meant in two orders.
    """
    position = {label: index for index, label in enumerate(labels)}
    unknown = [name for name in classes if name not in position]
    if not unknown:
        if isinstance(labels, Unnamed) and _in_order_of_names(classes):
            raise DataError(
                f"the model has no class names, and '{_first_moved(classes)}' may mean its output of that number or the"
                " one at that folder's place in the list",
                where=where,
                remedy="name its outputs in the order of its training, one a line, with --labels FILE (an export keeps"
                " them)",
            )
        return np.array([position[name] for name in classes], np.int64)
    if Unnamed.looks_like(labels):
        if len(classes) != len(labels):
            raise DataError(
                f"the data has {count(len(classes), 'class')}, the model {count(len(labels), 'output')} without names",
                where=where,
                remedy="name the outputs with --labels FILE",
            )
        return np.arange(len(labels), dtype=np.int64)
    if Unnamed.looks_like(classes):
        if len(classes) > len(labels):
            raise DataError(
                f"the data has {count(len(classes), 'class')} without names, the model only {len(labels)}",
                where=where,
                remedy="use data of the model's classes",
            )
        return np.arange(len(classes), dtype=np.int64)
    raise DataError(_complaint(unknown), where=where, remedy=_remedy(unknown[0], labels))


def tell_order(
    classes: Sequence[str],
    labels: Sequence[str],
    observer: Observer,
    *,
    data: str = "the data",
    model: str = "the model",
    remedy: str = "; --labels FILE names them",
) -> None:
    """Tell of classes that are matched by position: only the user knows whether that is the order of the training.

    Args:
        classes: class names of the data, or of another model, that were matched.
        labels: class names of the model.
        observer: told, where only one side has names.
        data: what has the classes, in words.
        model: what has the labels, in words.
        remedy: how a model's outputs are named, where the command can.
    """
    if set(classes) <= set(labels):
        return
    if Unnamed.looks_like(labels):
        observer.notice(
            f"{model} has no class names: its outputs are taken to be in the order of the classes of {data}"
            f" ({_first(classes)}){remedy}"
        )
    else:
        observer.notice(
            f"{data} has no class names: its classes are taken to be in the order of those of {model}"
            f" ({_first(labels)})"
        )


def column_order(labels: Sequence[str], other: Sequence[str], *, where: object) -> NDArray[np.int64]:
    """Find where each class of one model stands in another, so that their outputs can be compared.

    Args:
        labels: class names of the first model.
        other: class names of the second; a model without names is matched by position.
        where: the second model, for errors.

    Returns:
        int64 [classes], indices into the second model's outputs.

    Raises:
        DataError: they don't have the same classes.
    """
    if len(labels) == len(other) and (Unnamed.looks_like(labels) or Unnamed.looks_like(other)):
        return np.arange(len(labels), dtype=np.int64)
    odd = sorted(set(labels) ^ set(other))
    if odd:
        raise DataError(
            f"has other classes (only one of the two models knows '{odd[0]}')",
            where=where,
            remedy="compare models of the same classes",
        )
    return match_classes(labels, other, where=where)


def _in_order_of_names(classes: Sequence[str]) -> bool:
    """Return whether classes that are numbers stand in the order of their names, and that is another one."""
    return list(classes) == sorted(classes) != sorted(classes, key=int)


def _first_moved(classes: Sequence[str]) -> str:
    return next(name for name, other in zip(classes, sorted(classes, key=int), strict=True) if name != other)


def _complaint(unknown: Sequence[str]) -> str:
    if len(unknown) == 1:
        return f"the model doesn't know the class '{unknown[0]}'"
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return f"the model doesn't know the classes {', '.join(map(repr, unknown[:5]))}{more}"


def _remedy(name: str, labels: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, labels, n=1)
    if near:
        return f"the model calls a class '{near[0]}'; rename the class, or give --labels FILE"
    return f"use data of the model's classes ({_first(labels)}), or give --labels FILE"


def _first(names: Sequence[str]) -> str:
    return ", ".join(map(as_place, names[:10])) + (", …" if len(names) > 10 else "")
