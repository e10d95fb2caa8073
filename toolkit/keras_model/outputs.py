"""The outputs of a Keras model, by names that tell them apart."""

from collections.abc import Iterator
from typing import Any


def named_outputs(model: Any) -> dict[str, Any]:
    """Return the outputs of a Keras model by the names that `choose_output` knows them by.

    In a dictionary the keys name them, with the place in a list beside it ("h_0", "h_1"); elsewhere the
    layer does that they come from. A name that comes again gets a number ("sub", "sub_1"): a nested model with two
    outputs is one layer, and neither of them may hide the other.
    """
    # A Sequential model tells its output only once it has been called.
    found = list(_named(getattr(model, "output", model.outputs)))
    given = {name for name, _ in found}
    named: dict[str, Any] = {}
    for name, tensor in found:
        free, number = name, 0
        while free in named or (number and free in given):
            number += 1
            free = f"{name}_{number}"
        named[free] = tensor
    return named


def _named(value: Any, *path: str | int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _named(part, *path, str(key))
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            yield from _named(part, *path, place)
    elif value is None:  # Keras leaves it out as well
        return
    elif any(isinstance(part, str) for part in path):
        yield "_".join(map(str, path)), value
    else:
        yield str(value._keras_history.operation.name), value
