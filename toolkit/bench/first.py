"""Each case against the first model's under the same conditions: they were measured in turns."""

from collections.abc import Sequence
from dataclasses import replace

from toolkit.bench.compare import in_turns
from toolkit.bench.counterpart import SAME_CASE
from toolkit.bench.options import Scenario
from toolkit.bench.result import CaseResult


def compared_with_first(results: Sequence[CaseResult]) -> tuple[CaseResult, ...]:
    """Add to each case of another model how it compares with the first model, round by round.

    Args:
        results: in the order asked for, all of one run.
    """
    first: dict[tuple[object, ...], CaseResult] = {}
    for result in results:
        if result.model == results[0].model:
            first.setdefault(tuple(getattr(result, key) for key in SAME_CASE), result)
    found = []
    for result in results:
        other = first.get(tuple(getattr(result, key) for key in SAME_CASE))
        if other is not None and other is not result:
            offline = result.scenario == Scenario.OFFLINE
            comparison = in_turns(result.rounds, other.rounds, offline=offline)
            result = replace(result, first_comparison=comparison)
        found.append(result)
    return tuple(found)
