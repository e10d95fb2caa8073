"""Against a baseline: counterpart, ratio, verdict."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from toolkit.bench.compare import SAME_CASE, compare_case, counterpart, refuse_other_machine, verdict
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
    assert found.smallest_visible_pct < 5


TRIALS = 300
PROCESSES = 8
PROCESS_SD, RUN_SD, SLOW_DRIFT_SD = 0.009, 0.012, 0.001
"""Of the logarithms: processes of one run, runs as a whole, and what the reference doesn't see of a run. Measured
with paper-cnn on a shared machine, see `toolkit.bench.reference`."""


BUSY_DRIFT_SD = 0.0085
"""The last of them under a load average of five on two cores."""


def simulated(
    generator: np.random.Generator, scale: float, drift_sd: float = SLOW_DRIFT_SD
) -> tuple[np.ndarray, np.ndarray]:
    """Medians of the processes of one run, and their reference times, with the noise that was measured."""
    machine = generator.normal(0, RUN_SD) + generator.normal(0, PROCESS_SD, PROCESSES)
    own = generator.normal(0, drift_sd) + generator.normal(0, PROCESS_SD, PROCESSES)
    return 50_000 * scale * np.exp(machine + own), 20_000 * np.exp(machine)


def gated(scale: float, *, adjusted: bool, busy: bool = False, seed: int = 1) -> list[bool]:
    """Whether `--max-regression 0` fails, for many pairs of runs of which the second is slower by `scale`."""
    generator = np.random.default_rng(seed)
    failed = []
    for _ in range(TRIALS):
        drift_sd = BUSY_DRIFT_SD if busy else SLOW_DRIFT_SD
        then, reference_then = simulated(generator, 1, drift_sd)
        now, reference_now = simulated(generator, scale, drift_sd)
        references = (reference_now, reference_then) if adjusted else None
        found = verdict(now, then, references=references, busy=busy)
        assert found is not None
        failed.append(found.verdict == "slower")
    return failed


@pytest.mark.parametrize(("adjusted", "busy"), [(True, False), (False, False), (True, True)])
def test_two_runs_of_one_model_pass_the_gate_99_times_in_100(adjusted: bool, busy: bool) -> None:
    assert sum(gated(1.0, adjusted=adjusted, busy=busy)) <= TRIALS // 100


def test_a_slow_down_of_five_percent_fails_the_gate() -> None:
    assert sum(gated(1.05, adjusted=True)) >= TRIALS * 99 // 100


def test_without_the_reference_less_is_seen_and_that_is_said() -> None:
    generator = np.random.default_rng(2)
    (then, reference_then), (now, reference_now) = simulated(generator, 1), simulated(generator, 1)
    raw = verdict(now, then)
    adjusted = verdict(now, then, references=(reference_now, reference_then))
    assert raw is not None
    assert adjusted is not None
    assert (raw.reference_adjusted, adjusted.reference_adjusted) == (False, True)
    assert adjusted.smallest_visible_pct < raw.smallest_visible_pct


def test_a_reference_that_only_adds_noise_is_not_used() -> None:
    generator = np.random.default_rng(3)
    then, now = (50_000 * np.exp(generator.normal(0, 0.002, 5)) for _ in range(2))
    noisy = tuple(20_000 * np.exp(generator.normal(0, 0.05, 5)) for _ in range(2))
    found = verdict(now, then, references=noisy)
    assert found is not None
    assert not found.reference_adjusted


def test_one_process_on_a_side_allows_no_verdict() -> None:
    assert verdict(np.array([1.0]), np.array([1.0, 1.0])) is None


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
