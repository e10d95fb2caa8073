"""A step of the export: what must hold before, the change, what must hold after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft

Check = Callable[[Draft], str | None]
Change = Callable[[Draft], None]


def nothing_to_check(_: Draft) -> None:
    """Hold always: for a step that looks for a pattern and leaves everything else alone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change of a graph.

    Args:
        name: in errors.
        before: returns what is wrong with the graph it would be given, or None.
        change: changes the graph in place.
        after: returns what is wrong with its result, or None.
    """

    name: str
    before: Check = nothing_to_check
    change: Change
    after: Check = nothing_to_check


def apply(draft: Draft, steps: Sequence[Step]) -> Draft:
    """Apply steps in order, checking each before and after, and the whole graph after each.

    Returns:
        The draft that was given.

    Raises:
        ExportError: names the step, what didn't hold, and the steps that ran before it.
    """
    done: list[str] = []
    for step in steps:
        _hold(step.before(draft), step.name, "before", done)
        step.change(draft)
        _hold(step.after(draft) or broken(draft), step.name, "after", done)
        done.append(step.name)
    return draft


def broken(draft: Draft) -> str | None:
    """Return what ONNX's own full check finds wrong with a graph, or None."""
    try:
        onnx.checker.check_model(draft.model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return str(error)
    return None


def _hold(fault: str | None, step: str, moment: str, done: Sequence[str]) -> None:
    if fault is not None:
        history = f"; done before: {', '.join(done)}" if done else ""
        raise ExportError(
            f"the graph is not as it must be {moment} '{step}': {fault[:300]}{history}",
            where=f"step '{step}'",
            remedy="report the model's layers with this message",
        )
