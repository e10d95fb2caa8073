"""Against a baseline: counterpart, ratio, verdict."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from toolkit.bench.compare import SAME_CASE, compare_case, counterpart, refuse_other_machine
from toolkit.bench.record import to_document
from toolkit.bench.result import BenchResult, CaseResult
from toolkit.errors import DataError

MS = 1_000_000
MACHINE = {"cpu": "X", "cores_logical": 4, "memory_bytes": 8, "gpu": None}


def record(*cases: CaseResult) -> dict[str, Any]:
    return to_document(BenchResult(machine=MACHINE, conditions={}, settings={}, results=cases))


@pytest.fixture
def case(made: Any) -> Callable[..., CaseResult]:
    def build(scale: float = 1.0, seed: int = 0, noise: float = 0.005, **changes: Any) -> CaseResult:
        generator = np.random.default_rng(seed)
        rounds = []
        for number in range(5):
            level = 10 * MS * scale * generator.normal(1, noise)  # rounds differ, as on a real machine
            rounds.append(made.round_of(level * generator.normal(1, 0.01, 200), number=number))
        return made.case_of(rounds, **changes)

    return build


@pytest.mark.parametrize(
    ("scale", "verdict"), [(1.0, "no difference seen"), (1.05, "slower"), (0.95, "faster")]
)
def test_five_percent_are_seen_and_noise_is_not(case: Any, scale: float, verdict: str) -> None:
    found = compare_case(case(scale, seed=1), record(case()), "base.json", only_model=True)
    assert found is not None
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(scale, rel=0.02)
    assert found.ratio_ci95[0] < scale < found.ratio_ci95[1]
    assert found.smallest_visible_pct < 4


def test_two_processes_of_one_model_are_rarely_told_apart(case: Any) -> None:
    # Medians of whole processes differ by 1 %, rounds of a process by much less, as was measured.
    levels = np.random.default_rng(5).normal(1, 0.01, (60, 2))
    wrong = 0
    for seed, (now, then) in enumerate(levels):
        base = record(case(then, seed=1000 + seed, noise=0.002))
        found = compare_case(case(now, seed=seed, noise=0.002), base, "b", only_model=True)
        assert found is not None
        wrong += found.verdict != "no difference seen"
    assert wrong <= 8  # 5 % of 60 are expected; 8 or fewer with a probability of 0.99


def test_offline_compares_wall_time(case: Any) -> None:
    found = compare_case(
        case(1.5, scenario="offline"), record(case(scenario="offline")), "b", only_model=True
    )
    assert found is not None
    assert (found.measure, found.verdict) == ("throughput", "slower")


@pytest.mark.parametrize("key", SAME_CASE)
def test_other_conditions_are_no_counterpart(case: Any, key: str) -> None:
    mine = {"model": "a.onnx", **{k: getattr(case(), k) for k in SAME_CASE}, key: "other"}
    assert counterpart(mine, record(case()), only_model=True) is None


def test_the_name_of_the_file_decides_and_not_its_folder(case: Any) -> None:
    base = record(case(model="old/a.onnx"), case(model="old/b.onnx", sha256="b"))
    mine = {"model": "new/b.onnx", **{k: getattr(case(), k) for k in SAME_CASE}}
    found = counterpart(mine, base, only_model=False)
    assert found is not None
    assert found["sha256"] == "b"


def test_two_single_models_are_compared_whatever_they_are_called(case: Any) -> None:
    mine = {"model": "int8.onnx", **{k: getattr(case(), k) for k in SAME_CASE}}
    assert counterpart(mine, record(case()), only_model=True) is not None
    assert counterpart(mine, record(case()), only_model=False) is None
    assert counterpart(mine, record(case(), case(model="c.onnx")), only_model=True) is None


def test_one_round_on_either_side_gives_no_verdict(made: Any, case: Any) -> None:
    single = made.case_of([made.round_of(np.full(20, MS))])
    assert compare_case(single, record(case()), "b", only_model=True) is None
    assert compare_case(case(), record(single), "b", only_model=True) is None


def test_a_baseline_of_another_machine_is_refused() -> None:
    refuse_other_machine(MACHINE, {"machine": dict(MACHINE)}, "base.json")
    with pytest.raises(DataError, match="another machine \\(cpu: Y, here X\\)"):
        refuse_other_machine(MACHINE, {"machine": {**MACHINE, "cpu": "Y"}}, "base.json")
    with pytest.raises(DataError, match="gpu"):
        refuse_other_machine(MACHINE, {"machine": {**MACHINE, "gpu": [{"name": "H100"}]}}, "base.json")


def test_damaged_samples_of_the_baseline_are_named(case: Any) -> None:
    base = record(case())
    base["results"][0]["rounds"][0]["latency_ns"] = "?"
    with pytest.raises(DataError, match=r"raw samples can't be read.*base\.json"):
        compare_case(case(), base, "base.json", only_model=True)
