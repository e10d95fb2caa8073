"""What of a baseline may be compared: the machine it was measured on, and the case that a case is compared with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import DataError

SAME_MACHINE = ("cpu", "cpu_features", "cores_logical", "memory_bytes", "gpu")
SAME_CASE = (
    "device", "transfer", "threads", "batch_size", "images_per_query", "scenario", "rate_qps", "arrivals"
)  # fmt: skip


def refuse_other_machine(machine: Mapping[str, Any], baseline: Mapping[str, Any], where: object) -> None:
    """Refuse a baseline that was measured elsewhere.

    Raises:
        DataError: processor, its features, cores, memory or GPU differ.
    """
    for key in SAME_MACHINE:
        now, then = machine.get(key), baseline["machine"].get(key)
        if now != then:
            raise DataError(
                f"the baseline was measured on another machine ({key}: {_short(then)}, here {_short(now)})",
                where=where,
                remedy="measure a baseline here, or add --across-machines",
            )


def counterpart(
    case: Mapping[str, Any], baseline: Mapping[str, Any], *, only_model: bool
) -> Mapping[str, Any] | None:
    """Find a case in a baseline: the same conditions and model, or else the same file name without folder and ending.

    Where several models of the baseline have that file name, only its folder tells which one is meant.

    Args:
        case: "model" and the conditions of `SAME_CASE`.
        baseline: a record.
        only_model: it is the only model measured now, so that a baseline of one model of another name
            (another version, another precision) is its counterpart, too.
    """
    same = [r for r in baseline["results"] if all(r.get(key) == case[key] for key in SAME_CASE)]
    named = [r for r in same if Path(r["model"]) == Path(case["model"])]
    if not named:
        named = [r for r in same if Path(r["model"]).stem == Path(case["model"]).stem]
        if len({r["model"] for r in named}) > 1:
            return None
    if not named and only_model and len({r["model"] for r in baseline["results"]}) == 1:
        named = same
    return named[0] if named else None


def _short(value: object) -> str:
    if value and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return "none" if value is None else str(value)[:60]
