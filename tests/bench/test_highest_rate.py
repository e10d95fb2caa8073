"""A rate that a short trial let pass is judged again by the whole measurement."""

from typing import Any

import numpy as np
import pytest

from toolkit.bench.cases import Case, Setup
from toolkit.bench.figures import Trial
from toolkit.bench.highest_rate import confirm
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.rounds import Running
from toolkit.bench.scenarios import Traffic

MS = 1_000_000


@pytest.fixture
def options() -> BenchOptions:
    return BenchOptions(
        models=("a",), scenario=Scenario.SERVER, find_rate=True, target_latency_ms=5, percentile=90
    )


def running(made: Any, latency_ms: float, rate: float, *trials: tuple[float, bool]) -> Running:
    case = Case(
        setup=Setup(position=0, model="a", device="cpu", threads=1),
        traffic=Traffic(scenario=Scenario.SERVER, batch_size=1),
    )
    each = Running(case=case, subject=None)  # type: ignore[arg-type]  # nothing here looks at it
    each.rounds = [made.round_of(np.full(100, int(latency_ms * MS)))]
    each.rate_qps = rate
    each.trials = [
        Trial(rate_qps=r, queries=100, percentile_ns=MS, overloaded=False, held=held) for r, held in trials
    ]
    return each


def test_a_rate_that_holds_is_confirmed_with_the_whole_measurement_s_figures(
    made: Any, options: BenchOptions
) -> None:
    each = running(made, 4, 20, (10, True), (20, True), (30, False))
    assert confirm([each], options) == []
    assert [(t.rate_qps, t.percentile_ns, t.held) for t in each.trials][1] == (20, 4 * MS, True)
    assert each.rounds


def test_a_rate_that_does_not_hold_is_followed_by_the_next_lower_one(
    made: Any, options: BenchOptions
) -> None:
    each = running(made, 6, 20, (10, True), (20, True), (30, False))
    assert confirm([each], options) == [each]
    assert each.rate_qps == 10
    assert each.rounds == []
    assert [t.held for t in each.trials] == [True, False, False]


def test_below_the_lowest_rate_that_was_tried_it_goes_on_in_halves_and_ends(
    made: Any, options: BenchOptions
) -> None:
    each, rates = running(made, 6, 20, (20, True)), []
    rounds = each.rounds
    while confirm([each], options):
        rates.append(each.rate_qps)
        each.rounds = rounds
    assert rates == [10, 5, 2.5, 1.25, 0.625, 0.3125]  # a 64th of the first
    assert each.rounds == rounds
