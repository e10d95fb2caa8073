"""Raw samples of a record -> rounds; every value that is reckoned with is looked at: a record may have been edited."""

import math
from collections.abc import Mapping
from typing import Any

from toolkit.bench import samples
from toolkit.bench.figures import Round
from toolkit.errors import DataError
from toolkit.machine.state import MachineState


def rounds_of(case: Mapping[str, Any], where: object) -> tuple[Round, ...]:
    """Read the raw samples of one entry of `results`.

    Raises:
        DataError: they are missing or damaged.
    """
    try:
        return tuple(map(_round, case["rounds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"its raw samples can't be read: {error}", where=where, remedy="measure it again"
        ) from error


def _round(each: Mapping[str, Any]) -> Round:
    due = samples.decode(each["due_ns"])
    latency = samples.decode(each["latency_ns"])
    if len(due) != len(latency):
        raise ValueError(f"{len(due)} starts for {len(latency)} times")
    if len(latency) and latency.min() < 0:
        raise ValueError(f"a query of {latency.min()} ns")
    reference = each.get("reference_ns")
    if reference is not None and not _number(reference) > 0:
        raise ValueError(f"a reference of {reference} ns")
    return Round(
        number=int(each["round"]),
        warmup_runs=int(each["warmup_runs"]),
        due_ns=due,
        finished_ns=due + latency,
        overloaded=bool(each["overloaded"]),
        reference_ns=reference,
        before=_state(each.get("machine_before")),
        after=_state(each.get("machine_after")),
    )


def _state(document: Mapping[str, Any] | None) -> MachineState | None:
    if document is None:
        return None
    state = MachineState.from_document(document)
    for value in document.values():
        if value is not None:
            _number(value)
    return state


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return value
