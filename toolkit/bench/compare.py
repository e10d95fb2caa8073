"""One benchmark against another: ratio, interval, verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.counterpart import SAME_CASE, counterpart
from toolkit.bench.disturbances import OTHERS_BUSY_CORES, others_cores, states_of
from toolkit.bench.figures import Round
from toolkit.bench.options import Scenario
from toolkit.bench.record import BYTES_PER_MB
from toolkit.bench.result import CaseResult, Comparison
from toolkit.bench.stored_rounds import rounds_of
from toolkit.bench.summary import medians_of
from toolkit.stats.intervals import mean_interval, ratio_interval

Floats = NDArray[np.float64]

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

ADJUSTED_SHARE = 0.085
"""The least of that as a share of the adjustment: a model doesn't follow the machine quite as the reference does.
Source: the same runs, 0.6 % over 7 % of adjustment."""

FOR_SURE = 3.0
"""Standard deviations by which the reference must differ before the machine counts as another one than it was."""


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
    identity = {key: getattr(case, key) for key in ("model", *SAME_CASE)}
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
    if judged is None or not (isinstance(memory, int | float) and 0 < memory < math.inf):
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
        divided, change = (now / references[0], then / references[1]), _change(*references)
        adjusted_sd = max(ADJUSTED_RUN_SD, ADJUSTED_SHARE * change)
        less_doubt = _variance(*divided, adjusted_sd) < _variance(now, then, RUN_SD)
        # Raw times are of no use where the reference tells for sure that the machine runs at another speed.
        if less_doubt or change > FOR_SURE * math.sqrt(_variance(*references, RUN_SD)):
            (now, then), run_sd, adjusted = divided, adjusted_sd, True
    if busy:
        run_sd = max(run_sd, BUSY_RUN_SD)
    found = [ratio_interval(now, then, level, group_sd=run_sd) for level in _levels(cases)]
    intervals = [interval for _, interval in found]
    return _comparison(found[0][0], intervals, cases=cases, measure=measure, reference_adjusted=adjusted)


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


def _change(now: Floats, then: Floats) -> float:
    """Return how far the machine's speed lies from what it was, as the reference tells it: of the logarithm."""
    return abs(float(np.log(now).mean() - np.log(then).mean()))
