"""A step of the export: what must hold before, the change, what must hold after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from toolkit.errors import ExportError

Check = Callable[[onnx.ModelProto], str | None]
Change = Callable[[onnx.ModelProto], onnx.ModelProto]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change of a graph.

    Args:
        name: in errors.
        before: returns what is wrong with the graph it would be given, or None.
        change: returns the changed graph; may change its argument.
        after: returns what is wrong with its result, or None.
    """

    name: str
    before: Check
    change: Change
    after: Check


def apply(model: onnx.ModelProto, steps: Sequence[Step]) -> onnx.ModelProto:
    """Apply steps in order, checking each before and after, and the whole graph at each end.

    Raises:
        ExportError: names the step, what didn't hold, and the steps that ran before it.
    """
    done: list[str] = []
    for step in steps:
        _hold(step.before(model), step.name, "before", done)
        model = step.change(model)
        _hold(step.after(model) or broken(model), step.name, "after", done)
        done.append(step.name)
    return model


def broken(model: onnx.ModelProto) -> str | None:
    """Return what ONNX's own full check finds wrong with a graph, or None."""
    try:
        onnx.checker.check_model(model, full_check=True)
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
