"""One benchmark against another: ratio, interval, verdict."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.options import Scenario
from toolkit.bench.record import rounds_of
from toolkit.bench.result import CaseResult, Comparison, Round
from toolkit.errors import DataError
from toolkit.stats.intervals import median_of, ratio_interval

SAME_MACHINE = ("cpu", "cores_logical", "memory_bytes", "gpu")
SAME_CASE = ("device", "threads", "batch_size", "images_per_query", "scenario", "rate_qps", "arrivals")

PROCESS_SD = 0.01
"""How far medians of one model differ from process to process, as a share, although nothing was changed.

Memory layout and clock frequency are drawn anew for each process, so rounds of one process are more alike
than two runs are. Source: the shipped paper-cnn at batch 1 on a shared machine of two cores: 0.9 % over six
runs, of which rounds alone would have called nine of fifteen pairs different."""


def refuse_other_machine(machine: Mapping[str, Any], baseline: Mapping[str, Any], where: object) -> None:
    """Refuse a baseline that was measured elsewhere.

    Raises:
        DataError: processor, cores, memory or GPU differ.
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
    """Find a case in a baseline: the same conditions and the same file name, without folder and ending.

    Args:
        case: "model" and the conditions of `SAME_CASE`.
        baseline: a record.
        only_model: it is the only model measured now, so that a baseline of one model of another name
            (another version, another precision) is its counterpart, too.
    """
    same = [r for r in baseline["results"] if all(r.get(key) == case[key] for key in SAME_CASE)]
    named = [r for r in same if Path(r["model"]).stem == Path(case["model"]).stem]
    if not named and only_model and len({r["model"] for r in baseline["results"]}) == 1:
        named = same
    return named[0] if named else None


def compare_case(
    case: CaseResult, baseline: Mapping[str, Any], where: object, *, only_model: bool
) -> Comparison | None:
    """Compare a case with its counterpart in a baseline.

    Args:
        case: what was measured now.
        baseline: a record.
        where: its file, for errors.
        only_model: see `counterpart`.

    Returns:
        None where the baseline has no such case, or one side has fewer than two rounds.

    Raises:
        DataError: the samples of the baseline can't be read.
    """
    identity = {key: getattr(case, key) for key in ("model", *SAME_CASE)}
    found = counterpart(identity, baseline, only_model=only_model)
    if found is None:
        return None
    offline = case.scenario == Scenario.OFFLINE
    ratio, interval = ratio_interval(
        _per_round(case.rounds, offline),
        _per_round(rounds_of(found, where), offline),
        group_sd=PROCESS_SD,
    )
    if interval is None:
        return None
    low, high = interval
    return Comparison(
        measure="throughput" if offline else "p50",
        ratio=ratio,
        ratio_ci95=interval,
        verdict="slower" if low > 1 else "faster" if high < 1 else "no difference seen",
        smallest_visible_pct=(math.sqrt(high / low) - 1) * 100,
    )


def _per_round(rounds: Sequence[Round], offline: bool) -> NDArray[np.float64]:
    """Return one time per round, float64 [rounds]: wall time a query offline, else the median latency."""
    done = [r for r in rounds if len(r.due_ns)]
    if offline:
        return np.array([r.wall_ns / len(r.due_ns) for r in done], np.float64)
    return np.array([median_of(r.latency_ns) for r in done], np.float64)


def _short(value: object) -> str:
    return str(value)[:60]
