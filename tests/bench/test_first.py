"""Cases against those of the first model: measured in turns, so that a drift hits both."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toolkit.bench.first import compared_with_first
from toolkit.bench.record import to_document
from toolkit.bench.result import BenchResult, CaseResult
from toolkit.report.bench import relative_speeds
from toolkit.report.bench_lines import comparison_lines, first_lines

MS = 1_000_000
DRIFT = (1.0, 1.4, 0.8, 1.1, 1.25)  # of the machine, from round to round


@pytest.fixture
def case(made: Any) -> Any:
    def build(model: str, scale: float, seed: int, rounds: int = 5, **changes: Any) -> CaseResult:
        generator = np.random.default_rng(seed)
        return made.case_of(
            [
                made.round_of(
                    10 * MS * scale * DRIFT[number] * generator.normal(1, 0.005, 100), number=number
                )
                for number in range(rounds)
            ],
            model=model,
            **changes,
        )

    return build


@pytest.mark.parametrize(
    ("scale", "verdict"), [(1.0, "no difference seen"), (1.02, "slower"), (0.5, "faster")]
)
def test_two_percent_show_although_the_machine_drifts_by_half(case: Any, scale: float, verdict: str) -> None:
    first, second = compared_with_first([case("a.onnx", 1.0, 1), case("b.onnx", scale, 2)])
    assert first.first_comparison is None
    found = second.first_comparison
    assert found is not None
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(scale, rel=0.005)
    assert found.in_turns
    assert found.machine_ratio is None
    assert second.comparison is None


def test_only_the_same_conditions_are_compared_and_one_round_tells_nothing(case: Any) -> None:
    cases = [
        case("a.onnx", 1.0, 1, batch_size=1),
        case("a.onnx", 1.0, 2, batch_size=8),
        case("b.onnx", 2.0, 3, batch_size=8),
        case("b.onnx", 2.0, 4, batch_size=32),
    ]
    found = [each.first_comparison for each in compared_with_first(cases)]
    assert [each is None for each in found] == [True, True, False, True]
    short = compared_with_first([case("a.onnx", 1.0, 1, rounds=1), case("b.onnx", 2.0, 2, rounds=1)])
    assert [each.first_comparison for each in short] == [None, None]


def test_what_is_said_and_shown_is_the_ratio_in_turns(case: Any) -> None:
    cases = compared_with_first(
        [
            case("dir/a.onnx", 1.0, 1),
            case("b.onnx", 4.0, 2),
            case("c.onnx", 40.0, 3),
            case("d.onnx", 0.002, 4),
        ]
    )
    document = to_document(BenchResult(machine={}, conditions={}, settings={}, results=cases))
    lines = first_lines(document["results"])
    assert [line.split(" times")[0] for line in lines] == [
        "b against a: slower, 4.00",
        "c against a: slower, 40.0",
        "d against a: faster, 0.00200",
    ]
    assert relative_speeds(document["results"]) == pytest.approx([1, 1 / 4, 1 / 40, 500], rel=0.01)


def test_the_same_model_twice_is_compared_with_the_first_of_them(case: Any) -> None:
    first, second = compared_with_first([case("a.onnx", 1.0, 1), case("a.onnx", 1.0, 2)])
    assert first.first_comparison is None
    assert second.first_comparison is not None


def test_rounds_that_can_tell_nothing_are_said_to(case: Any) -> None:
    cases = [case("a.onnx", 1.0, 1, rounds=2), case("b.onnx", 1.0, 2, rounds=2)]
    found = compared_with_first(cases)[1].first_comparison
    assert found is not None
    blind = replace(cases[1], first_comparison=replace(found, smallest_visible_pct=2e17))
    results = to_document(BenchResult(machine={}, conditions={}, settings={}, results=(cases[0], blind)))[
        "results"
    ]
    (line,) = first_lines(results)
    assert line.endswith("times its time, but these rounds are too few to tell (--runs 8 or more)")
    results[1]["comparison"] = results[1]["first_comparison"]
    assert comparison_lines(results)[0].endswith(
        "% in time, in turns with the baseline's model, but these rounds are too few to tell (--runs 8 or more)"
    )
