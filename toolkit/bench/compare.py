"""One benchmark against another: ratio, interval, verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.disturbances import OTHERS_BUSY_CORES, others_cores, states_of
from toolkit.bench.options import Scenario
from toolkit.bench.record import BYTES_PER_MB, rounds_of
from toolkit.bench.result import CaseResult, Comparison, Round
from toolkit.bench.summary import medians_of
from toolkit.errors import DataError
from toolkit.stats.intervals import mean_interval, ratio_interval

Floats = NDArray[np.float64]

SAME_MACHINE = ("cpu", "cpu_features", "cores_logical", "memory_bytes", "gpu")
SAME_CASE = ("device", "threads", "batch_size", "images_per_query", "scenario", "rate_qps", "arrivals")
FIRST_TRANSFER = "host-arrays"  # what records without the key were measured with

VERDICT_LEVEL = 0.99
"""Of the interval that the verdict rests on: at 95 %, two runs of one model would be told apart in one of
twenty gates, and nobody would believe a red one."""

RUN_SD = 0.015
"""How far runs of one model differ beyond what their processes tell, as a share: the machine's speed drifts.

Source: bench/gate_errors.py: the shipped paper-cnn at batch 1, one thread, on a shared machine of two cores: 0.97 %
between 58 runs within seven minutes (0.44 % explained by the processes), 1.52 % (0.45 %) two hours later."""

BUSY_RUN_SD = 0.012
"""The same where other processes worked beside one of the runs, adjusted or not: what they do to caches and
memory, the reference arithmetic doesn't feel. Source: eight runs under a load average of five on two cores
differed by 0.95 % after the adjustment, of which 0.45 % are explained by the processes."""

ADJUSTED_RUN_SD = 0.006
"""The same for times divided by those of the reference arithmetic. Source: bench/gate_errors.py: 116 unchanged runs of
eight short processes, half of them two hours after the others and on a machine 7 % faster: with 0.6 % fewer than one
in 100 pairs of them are told apart wrongly, with 0.3 % more."""

FOR_SURE = 3.0
"""Standard deviations by which the reference must differ before the machine counts as another one than it was."""


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
    """Find a case in a baseline: the same conditions and the same file name, without folder and ending.

    Args:
        case: "model" and the conditions of `SAME_CASE`.
        baseline: a record.
        only_model: it is the only model measured now, so that a baseline of one model of another name
            (another version, another precision) is its counterpart, too.
    """
    same = [
        r
        for r in baseline["results"]
        if all(r.get(key) == case[key] for key in SAME_CASE)
        and r.get("transfer", FIRST_TRANSFER) == case.get("transfer", FIRST_TRANSFER)
    ]
    named = [r for r in same if Path(r["model"]).stem == Path(case["model"]).stem]
    if not named and only_model and len({r["model"] for r in baseline["results"]}) == 1:
        named = same
    return named[0] if named else None


def compare_case(
    case: CaseResult,
    baseline: Mapping[str, Any],
    where: object,
    *,
    only_model: bool,
    same_reference: bool = True,
    cases: int = 1,
) -> Comparison | None:
    """Compare a case with its counterpart in a baseline: in turns where that was measured again, else across time.

    Args:
        case: what was measured now.
        baseline: a record.
        where: its file, for errors.
        only_model: see `counterpart`.
        same_reference: the reference arithmetic was the same on both sides: one machine, one numpy.
        cases: how many are compared in this run.

    Returns:
        None where the baseline has no such case, or one side has fewer than two rounds.

    Raises:
        DataError: the samples of the baseline can't be read.
    """
    identity = {key: getattr(case, key) for key in ("model", "transfer", *SAME_CASE)}
    found = counterpart(identity, baseline, only_model=only_model)
    if found is None:
        return None
    offline = case.scenario == Scenario.OFFLINE
    now, then = case.rounds, rounds_of(found, where)
    if case.baseline_rounds:
        judged = in_turns(now, case.baseline_rounds, then, offline=offline, cases=cases)
    else:
        sides = (medians_of(now, offline=offline), medians_of(then, offline=offline))
        # On a GPU the processor's speed says little, and in a server the arrivals decide, not the machine.
        usable = same_reference and case.device == "cpu" and case.scenario != Scenario.SERVER
        references = (_references(now), _references(then)) if usable else None
        busy = max(others_cores(states_of(side)) for side in (now, then)) > OTHERS_BUSY_CORES
        measure = "throughput" if offline else "p50"
        judged = verdict(*sides, references=references, busy=busy, measure=measure, cases=cases)
    memory = found.get("peak_rss_mb")
    if judged is None or not memory:
        return judged
    return replace(judged, memory_ratio=case.cold_start.peak_rss_bytes / BYTES_PER_MB / memory)


def verdict(
    now: Floats,
    then: Floats,
    *,
    references: tuple[Floats, Floats] | None = None,
    busy: bool = False,
    measure: str = "p50",
    cases: int = 1,
) -> Comparison | None:
    """Judge whether two runs differ, each a set of processes.

    Args:
        now: one time per process, float64 [processes].
        then: the same of the baseline.
        references: times of the reference arithmetic beside each, float64 [processes] of both; None where
            one side has none. They are used unless they only add noise.
        busy: other processes worked beside one of the runs.
        measure: name of what the times are.
        cases: how many are compared in this run.

    Returns:
        None where one side has fewer than two values.
    """
    if min(len(now), len(then)) < 2:
        return None
    run_sd, adjusted = RUN_SD, False
    if references is not None and all(len(r) == len(v) for r, v in zip(references, (now, then), strict=True)):
        divided = (now / references[0], then / references[1])
        less_doubt = _variance(*divided, ADJUSTED_RUN_SD) < _variance(now, then, RUN_SD)
        if less_doubt or _changed(*references):
            (now, then), run_sd, adjusted = divided, ADJUSTED_RUN_SD, True
    if busy:
        run_sd = max(run_sd, BUSY_RUN_SD)
    ratio, _ = ratio_interval(now, then)
    found = [ratio_interval(now, then, level, group_sd=run_sd)[1] for level in _levels(cases)]
    return _comparison(ratio, found, cases=cases, measure=measure, reference_adjusted=adjusted)


def in_turns(
    now: Sequence[Round], again: Sequence[Round], then: Sequence[Round] = (), *, offline: bool, cases: int = 1
) -> Comparison | None:
    """Compare a model with another that was measured in turns with it: a drift of the machine hits both.

    Args:
        now: rounds of the model.
        again: rounds of the other, such as a baseline's model, measured just before or after them.
        then: rounds of the other in an earlier record; empty where there is none.
        offline: times are wall times a query, else medians.
        cases: how many are compared in this run.

    Returns:
        None where fewer than two rounds have both.
    """
    pairs = {r.number: r for r in again if len(r.due_ns)}
    both = [(r, pairs[r.number]) for r in now if len(r.due_ns) and r.number in pairs]
    if len(both) < 2:
        return None
    mine, theirs = (medians_of([pair[side] for pair in both], offline=offline) for side in (0, 1))
    found = [mean_interval(mine / theirs, level) for level in _levels(cases)]
    ratio = math.exp(float(np.log(mine / theirs).mean()))
    machine_ratio = None
    if then:
        stored = medians_of(then, offline=offline)
        machine_ratio = math.exp(float(np.log(theirs).mean() - np.log(stored).mean()))
    return _comparison(
        ratio,
        found,
        cases=cases,
        measure="throughput" if offline else "p50",
        in_turns=True,
        machine_ratio=machine_ratio,
    )


def _levels(cases: int) -> tuple[float, float, float]:
    """Of the interval that is shown, of that of the verdict, and of a gate's: the verdict's over all cases together."""
    return 0.95, VERDICT_LEVEL, 1 - (1 - VERDICT_LEVEL) / cases


def _comparison(ratio: float, intervals: Sequence[tuple[float, float] | None], **how: Any) -> Comparison:
    shown, wide, gate = intervals
    assert shown is not None
    assert wide is not None
    low, high = wide
    return Comparison(
        ratio=ratio,
        ratio_ci95=shown,
        ratio_ci99=wide,
        ratio_ci_gate=gate,
        verdict="slower" if low > 1 else "faster" if high < 1 else "no difference seen",
        smallest_visible_pct=(math.sqrt(high / low) - 1) * 100,
        **how,
    )


def _references(rounds: Sequence[Round]) -> Floats:
    return np.array([r.reference_ns for r in rounds if len(r.due_ns) and r.reference_ns], np.float64)


def _variance(now: Floats, then: Floats, run_sd: float) -> float:
    """Return the variance of the logarithm of a ratio: of the processes, and of runs as a whole."""
    return sum(float(np.log(side).var(ddof=1)) / len(side) for side in (now, then)) + 2 * run_sd**2


def _changed(now: Floats, then: Floats) -> bool:
    """Return whether the reference tells for sure that the machine runs at another speed than it did."""
    change = abs(float(np.log(now).mean() - np.log(then).mean()))
    return change > FOR_SURE * math.sqrt(_variance(now, then, RUN_SD))


def _short(value: object) -> str:
    if value and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return "none" if value is None else str(value)[:60]
