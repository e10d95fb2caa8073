"""Against a baseline: counterpart, ratio, verdict."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toolkit.bench.compare import compare_case, in_turns, verdict
from toolkit.bench.counterpart import SAME_CASE, counterpart, refuse_other_machine
from toolkit.bench.gates import regression_gate
from toolkit.bench.record import to_document
from toolkit.bench.result import BenchResult, CaseResult
from toolkit.errors import DataError
from toolkit.report.bench_lines import comparison_lines

MS = 1_000_000
MACHINE = {"cpu": "X", "cpu_features": ["avx2"], "cores_logical": 4, "memory_bytes": 8, "gpu": None}


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
    ("scale", "verdict"), [(1.0, "no difference seen"), (1.08, "slower"), (0.92, "faster")]
)
def test_eight_percent_are_seen_without_the_reference_and_noise_is_not(
    case: Any, scale: float, verdict: str
) -> None:
    found = compare_case(case(scale, seed=1), record(case()), "base.json", only_model=True)
    assert found is not None
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(scale, rel=0.02)
    assert found.ratio_ci95[0] < scale < found.ratio_ci95[1]
    assert found.smallest_visible_pct < 6


TRIALS = 300
PROCESSES = 8
RUN_SD, RUN_SD_REFERENCE, RUN_CORRELATION = 0.0086, 0.0114, 0.85
PROCESS_SD, PROCESS_SD_REFERENCE, PROCESS_CORRELATION = 0.0123, 0.0171, 0.18
"""Of the logarithms, of paper-cnn and of the reference arithmetic: how whole runs differ, and how the processes of one
run differ. Measured by bench/gate_errors.py on a shared machine of two cores."""

BUSY_DRIFT_SD = 0.0085
"""What the reference doesn't see of a run under a load average of five on two cores."""

Run = tuple[np.ndarray, np.ndarray]


def related(
    generator: np.random.Generator, first: float, second: float, correlation: float, size: int
) -> Run:
    """Draw pairs of noise of two standard deviations."""
    one, other = generator.normal(0, 1, (2, size))
    return first * one, second * (correlation * one + (1 - correlation**2) ** 0.5 * other)


def simulated(generator: np.random.Generator, scale: float, own_sd: float = 0.0) -> Run:
    """Medians of the processes of one run, and their reference times, with the noise that was measured."""
    run = related(generator, RUN_SD, RUN_SD_REFERENCE, RUN_CORRELATION, 1)
    each = related(generator, PROCESS_SD, PROCESS_SD_REFERENCE, PROCESS_CORRELATION, PROCESSES)
    own = generator.normal(0, own_sd) if own_sd else 0.0
    return 50_000 * scale * np.exp(run[0] + own + each[0]), 20_000 * np.exp(run[1] + each[1])


def gated(scale: float, *, adjusted: bool, busy: bool = False, seed: int = 1) -> list[bool]:
    """Whether `--max-regression 0` fails, for many pairs of runs of which the second is slower by `scale`."""
    generator = np.random.default_rng(seed)
    failed = []
    for _ in range(TRIALS):
        own_sd = BUSY_DRIFT_SD if busy else 0.0
        then, reference_then = simulated(generator, 1, own_sd)
        now, reference_now = simulated(generator, scale, own_sd)
        references = (reference_now, reference_then) if adjusted else None
        found = verdict(now, then, references=references, busy=busy)
        assert found is not None
        failed.append(found.verdict == "slower")
    return failed


def gated_in_turns(made: Any, scale: float, machine_sd: float, seed: int = 1) -> list[bool]:
    """The same for a baseline's model that is measured again in turns, on a machine that drifts all the while."""
    generator = np.random.default_rng(seed)
    failed = []
    for _ in range(TRIALS):
        drift = np.cumsum(generator.normal(0, machine_sd, PROCESSES))
        logs = drift + generator.normal(0, PROCESS_SD, (2, PROCESSES)) + np.log([[scale], [1]])
        now, again = (
            [made.round_of([50_000 * np.exp(log)] * 11, number=k) for k, log in enumerate(side)]
            for side in logs
        )
        found = in_turns(now, again, again, offline=False)
        assert found is not None
        failed.append(found.verdict == "slower")
    return failed


@pytest.mark.parametrize(("adjusted", "busy"), [(True, False), (False, False), (True, True)])
def test_two_runs_of_one_model_pass_the_gate_99_times_in_100(adjusted: bool, busy: bool) -> None:
    assert sum(gated(1.0, adjusted=adjusted, busy=busy)) <= TRIALS // 100


def test_a_grid_of_ten_cases_of_unchanged_models_passes_as_a_whole_99_times_in_100(made: Any) -> None:
    generator = np.random.default_rng(2)
    wrong = [0, 0]
    for _ in range(TRIALS // 2):
        sides = np.exp(generator.normal(0, PROCESS_SD, (10, 2, PROCESSES)))
        found = [
            verdict(now, then, cases=10)
            for now, then in sides * np.exp(generator.normal(0, 0.015, (10, 2, 1)))
        ]
        gates = [regression_gate(made.case_of([made.round_of([MS] * 20)], comparison=f), 0) for f in found]
        wrong[0] += not all(gate.met for gate in gates)
        wrong[1] += any(f is not None and f.verdict == "slower" for f in found)
    assert wrong[0] <= TRIALS // 2 // 100 < wrong[1]  # each by itself is judged as before


@pytest.mark.parametrize("machine_sd", [0.0, 0.05])
def test_two_files_of_one_model_pass_in_turns_99_times_in_100(made: Any, machine_sd: float) -> None:
    assert sum(gated_in_turns(made, 1.0, machine_sd)) <= TRIALS // 100


@pytest.mark.parametrize("machine_sd", [0.0, 0.05])
def test_a_slow_down_of_five_percent_fails_the_gate_in_turns(made: Any, machine_sd: float) -> None:
    assert sum(gated_in_turns(made, 1.05, machine_sd)) >= TRIALS * 98 // 100


def test_across_time_a_slow_down_of_five_percent_is_mostly_seen_and_one_of_ten_always() -> None:
    assert sum(gated(1.05, adjusted=True)) >= TRIALS * 3 // 4
    assert sum(gated(1.10, adjusted=True)) >= TRIALS * 99 // 100


def test_in_turns_only_rounds_that_both_have_count(made: Any) -> None:
    def rounds(*numbers: int, scale: float = 1.0) -> list[Any]:
        return [made.round_of([int(50_000 * scale * (1 + 0.001 * k))] * 11, number=k) for k in numbers]

    assert in_turns(rounds(0, 1), rounds(1), rounds(0, 1), offline=False) is None
    found = in_turns(rounds(0, 1, 2, scale=1.1), rounds(0, 1, 2, 3), rounds(0, scale=0.8), offline=False)
    assert found is not None
    assert found.in_turns
    assert found.ratio == pytest.approx(1.1, rel=1e-4)
    assert found.machine_ratio == pytest.approx(1.25, rel=1e-2)


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
    noisy = tuple(20_000 * np.exp(generator.normal(0, 0.15, 5)) for _ in range(2))
    found = verdict(now, then, references=noisy)
    assert found is not None
    assert not found.reference_adjusted


def test_a_machine_that_runs_at_another_speed_makes_no_model_slower() -> None:
    generator = np.random.default_rng(4)
    (then, reference_then), (now, reference_now) = simulated(generator, 1), simulated(generator, 1)
    slow = (now * 1.2, reference_now * 1.2)
    alone, beside = verdict(slow[0], then), verdict(slow[0], then, references=(slow[1], reference_then))
    assert alone is not None
    assert beside is not None
    assert (alone.verdict, beside.verdict) == ("slower", "no difference seen")


def pairs_of(
    seed: int, processes: int, sd: float, *, scale: float = 1, speed: float = 1, unlike: float = 0
) -> Iterator[tuple[Run, Run]]:
    """Pairs of runs with their reference times, the second slower by `scale`, on a machine of another `speed`, which
    the model follows only up to a share of the change, normally distributed."""
    generator = np.random.default_rng(seed)
    while True:
        noise = generator.normal(0, sd, (4, processes))
        own = generator.normal(0, 0.006, 2)
        change = np.log(speed) * np.array([1 + generator.normal(0, unlike), 1])
        then = (50_000 * np.exp(own[0] + noise[0]), 20_000 * np.exp(noise[1]))
        now = (50_000 * scale * np.exp(own[1] + change[0] + noise[2]), 20_000 * np.exp(change[1] + noise[3]))
        yield now, then


def verdicts(pairs: Iterator[tuple[Run, Run]], count: int) -> list[str]:
    found = [
        verdict(now[0], then[0], references=(now[1], then[1])) for now, then in itertools.islice(pairs, count)
    ]
    return [each.verdict for each in found if each is not None]


@pytest.mark.parametrize("sd", [0.005, 0.02])
def test_two_runs_of_one_model_with_two_rounds_each_are_told_apart_no_more_than_once_in_100(
    sd: float,
) -> None:
    found = verdicts(pairs_of(7, 2, sd), 1000)
    assert len(found) == 1000
    assert 1000 - found.count("no difference seen") <= 10


def test_a_model_that_follows_half_the_speed_of_the_machine_less_than_the_reference_is_not_slower() -> None:
    found = verdicts(pairs_of(8, PROCESSES, 0.01, speed=2, unlike=0.085), TRIALS)
    assert TRIALS - found.count("no difference seen") <= TRIALS // 100


def test_steady_rounds_show_a_slow_down_of_five_percent_beside_a_reference_that_hardly_changed() -> None:
    assert verdicts(pairs_of(9, PROCESSES, 0.005, scale=1.05), TRIALS).count("slower") >= TRIALS * 98 // 100


def test_a_machine_that_changed_widens_what_the_reference_adjusts_and_one_of_nearly_the_same_speed_does_not() -> (
    None
):
    reaches = []
    for speed in (1, 1.05, 1.2, 2):
        (now, then) = next(pairs_of(10, PROCESSES, 0.001, speed=speed))
        found = verdict(now[0], then[0], references=(now[1], then[1]))
        assert found is not None
        assert found.reference_adjusted
        reaches.append(np.log(found.ratio_ci99[1] / found.ratio_ci99[0]) / 2)
    # 5 % of speed make 0.4 %, less than the 0.6 % between runs.
    assert reaches[1] == pytest.approx(reaches[0])
    assert reaches[2] == pytest.approx(2.576 * 2**0.5 * 0.085 * np.log(1.2), rel=0.03)
    assert reaches[3] == pytest.approx(2.576 * 2**0.5 * 0.085 * np.log(2), rel=0.03)


def test_a_reference_that_changed_by_far_without_telling_for_sure_is_not_used() -> None:
    # Its processes differ by 20 %, so that a change of 30 % isn't sure; the times follow them half the way, so that
    # the processes vary alike with and without it. What is left is doubt of runs: 2.6 % adjusted, 1.5 % as it is.
    spread = np.array([-0.25, -0.15, 0, 0.15, 0.25])
    times = 50_000 * np.exp(spread / 2)
    found = verdict(times, times, references=(20_000 * np.exp(0.3 + spread), 20_000 * np.exp(spread)))
    assert found is not None
    assert not found.reference_adjusted
    beside = verdict(times, times, references=(20_000 * np.exp(0.03 + spread), 20_000 * np.exp(spread)))
    assert beside is not None
    assert beside.reference_adjusted


@pytest.mark.parametrize(
    ("scenario", "device", "adjusted"),
    [("single-stream", "cpu", True), ("server", "cpu", False), ("single-stream", "cuda:0", False)],
)
def test_the_reference_is_for_times_that_the_processor_decides(
    case: Any, scenario: str, device: str, adjusted: bool
) -> None:
    def on_a_machine(speed: float) -> CaseResult:
        found = case(speed, noise=0.001, scenario=scenario, device=device)
        rounds = tuple(replace(each, reference_ns=20_000 * speed) for each in found.rounds)
        return replace(found, rounds=rounds)  # type: ignore[no-any-return]

    found = compare_case(on_a_machine(1.3), record(on_a_machine(1.0)), "b", only_model=True)
    assert found is not None
    assert found.reference_adjusted is adjusted


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


def test_of_two_files_of_one_name_each_is_compared_with_the_one_of_its_folder(case: Any) -> None:
    base = record(case(model="old/m.onnx"), case(model="new/m.onnx", sha256="b"))
    conditions = {k: getattr(case(), k) for k in SAME_CASE}
    found = counterpart({"model": "./new/m.onnx", **conditions}, base, only_model=True)
    assert found is not None
    assert found["sha256"] == "b"
    assert counterpart({"model": "other/m.onnx", **conditions}, base, only_model=True) is None


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
    # Machines of a cloud share a name.
    newer = {"machine": {**MACHINE, "cpu_features": ["avx2", "avx512_vnni"]}}
    with pytest.raises(DataError, match="another machine \\(cpu_features: avx2 avx512_vnni, here avx2"):
        refuse_other_machine(MACHINE, newer, "base.json")
    with pytest.raises(DataError, match="gpu"):
        refuse_other_machine(MACHINE, {"machine": {**MACHINE, "gpu": [{"name": "H100"}]}}, "base.json")


def test_damaged_samples_of_the_baseline_are_named(case: Any) -> None:
    base = record(case())
    base["results"][0]["rounds"][0]["latency_ns"] = "?"
    with pytest.raises(DataError, match=r"raw samples can't be read.*base\.json"):
        compare_case(case(), base, "base.json", only_model=True)


@pytest.mark.parametrize("in_turns", [False, True])
def test_memory_that_has_grown_since_the_baseline_is_said(case: Any, in_turns: bool) -> None:
    then = case()
    rounds = then.rounds if in_turns else ()
    for megabytes, said in ((70, False), (80, False), (210, True), (20, True)):
        start = replace(then.cold_start, peak_rss_bytes=megabytes * 1_000_000)
        now = case(seed=1, cold_start=start, baseline_rounds=rounds)
        found = compare_case(now, record(then), "b", only_model=True)
        assert found is not None
        assert found.memory_ratio == pytest.approx(megabytes / 70)
        (row,) = record(replace(now, comparison=found))["results"]
        lines = comparison_lines([row])
        assert any(f"peak memory is {megabytes / 70:.2f} times" in line for line in lines) is said


@pytest.mark.parametrize("memory", [None, 0, "big", -4, float("nan"), "missing"])
def test_a_record_without_memory_can_still_be_compared(case: Any, memory: object) -> None:
    baseline = record(case())
    baseline["results"][0]["peak_rss_mb"] = memory
    if memory == "missing":
        del baseline["results"][0]["peak_rss_mb"]
    found = compare_case(case(seed=1), baseline, "b", only_model=True)
    assert found is not None
    assert found.memory_ratio is None
