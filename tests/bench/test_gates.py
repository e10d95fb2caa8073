"""Gates say by how much they missed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toolkit.bench.compare import in_turns, verdict
from toolkit.bench.gates import judge, latency_gate, regression_gate
from toolkit.bench.options import BenchOptions
from toolkit.bench.record import to_document
from toolkit.bench.result import BenchResult, Comparison
from toolkit.files import to_json

MS = 1_000_000


def comparison(ratio: float, low: float, high: float) -> Comparison:
    verdict = "slower" if low > 1 else "faster" if high < 1 else "no difference seen"
    return Comparison(
        measure="p50",
        ratio=ratio,
        ratio_ci95=(low, high),
        ratio_ci99=(low, high),
        verdict=verdict,
        smallest_visible_pct=3.0,
    )


def test_a_target_that_is_held(made: Any) -> None:
    gate = latency_gate(made.case_of([made.round_of(np.full(700, 5 * MS))]), 5.0, 99)
    assert gate.met
    assert gate.message == "p99 is 5 ms, the target 5 ms"
    assert gate.subject == "a.onnx, cpu, 1 thread, batch 1"


def test_a_target_that_is_missed_says_by_how_much(made: Any) -> None:
    gate = latency_gate(made.case_of([made.round_of(np.full(700, 6 * MS))]), 5.0, 99)
    assert not gate.met
    assert gate.message == "p99 is 6 ms, the target 5 ms: missed by 1 ms, a factor of 1.2"


def test_a_miss_by_far_has_no_powers_of_ten(made: Any) -> None:
    gate = latency_gate(made.case_of([made.round_of(np.full(700, 8_530 * MS))]), 0.01, 99)
    assert "missed by 8,530 ms, a factor of 853,000" in gate.message


def test_a_percentile_that_is_not_supported_cannot_meet_a_target(made: Any) -> None:
    gate = latency_gate(made.case_of([made.round_of(np.full(100, MS))]), 5.0, 99)
    assert not gate.met
    assert gate.message == "p99 can't be judged by 100 queries, it needs 662"


def test_an_overloaded_server_meets_no_target(made: Any) -> None:
    cut = replace(made.round_of(np.full(700, MS)), overloaded=True)
    assert not latency_gate(made.case_of([cut]), 5.0, 99).met


@pytest.mark.parametrize(
    ("found", "allowed", "met"),
    [
        (comparison(1.06, 1.04, 1.08), 5, False),
        (comparison(1.04, 1.03, 1.05), 5, True),
        (comparison(1.20, 0.90, 1.50), 5, True),  # noise alone never fails the gate
        (comparison(0.90, 0.85, 0.95), 0, True),
        (comparison(1.06, 1.04, 1.08), 0, False),
    ],
)
def test_a_regression_must_be_sure_and_too_large(
    made: Any, found: Comparison, allowed: float, met: bool
) -> None:
    case = made.case_of([made.round_of(np.full(20, MS))], comparison=found)
    assert regression_gate(case, allowed).met is met


def test_a_missed_regression_gate_says_by_how_much(made: Any) -> None:
    case = made.case_of([made.round_of(np.full(20, MS))], comparison=comparison(1.06, 1.04, 1.08))
    assert regression_gate(case, 5).message == (
        "p50 changed by +6.0 % in time (99 % interval +4.0 to +8.0), allowed are 5 %: missed by 1.0 points"
    )


def test_a_gate_over_several_cases_rests_on_the_wider_interval_and_says_so(made: Any) -> None:
    found = replace(comparison(1.06, 1.04, 1.08), cases=8, ratio_ci_gate=(0.99, 1.14))
    gate = regression_gate(made.case_of([made.round_of(np.full(20, MS))], comparison=found), 5)
    assert gate.met
    assert gate.message == (
        "p50 changed by +6.0 % in time (99 % interval over 8 cases together -1.0 to +14.0), allowed are 5 %; "
        "these rounds could only have shown 7.3 %"
    )


def test_a_gate_that_was_blind_says_so(made: Any) -> None:
    case = made.case_of([made.round_of(np.full(20, MS))], comparison=comparison(1.01, 0.98, 1.04))
    assert regression_gate(case, 2).message.endswith("these rounds could only have shown 3.0 %")


def test_a_hundred_cases_of_two_rounds_are_too_few_to_tell_and_that_is_said(made: Any) -> None:
    rounds = [made.round_of(np.full(20, size), number=k) for k, size in enumerate((MS, 1.3 * MS))]
    times = np.array([1.0, 1.3])
    for found in (
        verdict(times, np.ones(2), cases=100),
        in_turns(rounds, [replace(rounds[0], number=k) for k in range(2)], offline=False, cases=100),
    ):
        assert found is not None
        case = made.case_of(rounds, comparison=found)
        gate = regression_gate(case, 5)
        assert gate.met
        assert gate.message == (
            "p50 changed by +14.0 % in time, allowed are 5 %, but these rounds are too few to tell (--runs 8 or more)"
        )
        to_json(to_document(BenchResult(machine={}, conditions={}, settings={}, results=(case,))))


def test_few_rounds_that_tell_all_the_same_are_not_called_too_few(made: Any) -> None:
    case = made.case_of([made.round_of(np.full(20, MS))], comparison=comparison(0.1, 0.04, 0.27))
    assert "too few" not in regression_gate(case, 5).message


def test_a_case_without_counterpart_does_not_pass(made: Any) -> None:
    assert not regression_gate(made.case_of([made.round_of(np.full(20, MS))]), 5).met


def test_only_the_gates_that_were_set_are_judged(made: Any) -> None:
    case = made.case_of([made.round_of(np.full(700, MS))])
    assert judge([case], BenchOptions(models=("a",))) == ()
    gates = judge([case, case], BenchOptions(models=("a",), target_latency_ms=2))
    assert [(g.name, g.met) for g in gates] == [("latency", True)] * 2
