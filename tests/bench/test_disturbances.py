"""Each sign of the machine appears when its cause is injected, and only then."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from toolkit.bench import disturbances
from toolkit.bench.figures import Round
from toolkit.bench.options import BenchOptions
from toolkit.machine.gpu import GpuState
from toolkit.machine.state import MachineState

Options = Callable[..., BenchOptions]
CALM: dict[str, Any] = {
    "wall_s": 0.0, "own_s": 0.0, "busy_s": 0.0, "stolen_s": 0.0, "mhz": 3000.0, "mhz_limit": 3100.0,
    "thermal_events": 5, "quota_stops": 7, "swapped_bytes": 0,
}  # fmt: skip
SECOND_LATER: dict[str, Any] = {**CALM, "wall_s": 1.0, "own_s": 1.0, "busy_s": 1.05}


def measured(gpu: GpuState | None = None, **after: Any) -> Round:
    """A round of one second on a calm machine, but for what is given."""
    return Round(
        number=0,
        warmup_runs=0,
        due_ns=np.zeros(1, np.int64),
        finished_ns=np.ones(1, np.int64),
        before=MachineState(**CALM),
        after=MachineState(**{**SECOND_LATER, **after}),
        gpu=gpu,
        process=42,
    )


def codes(*rounds: Round, governor: str | None = None) -> list[str]:
    return [c.code for c in disturbances.check_machine(rounds, governor)]


def test_a_calm_machine_has_no_warning() -> None:
    ours = (42, os.getpid())  # the process that measured, and this one: CUDA keeps what it opened at first
    assert codes(measured(), measured(gpu=GpuState((), (42,))), measured(gpu=GpuState((), ours))) == []


def test_a_machine_that_tells_nothing_has_no_warning() -> None:
    empty = MachineState(wall_s=0, own_s=0)
    assert codes(Round(number=0, warmup_runs=0, due_ns=np.zeros(1, np.int64), finished_ns=np.ones(1, np.int64),
                       before=empty, after=MachineState(wall_s=9, own_s=0))) == []  # fmt: skip


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ({"thermal_events": 6}, "thermal-throttling"),
        ({"quota_stops": 9}, "quota-stops"),
        ({"swapped_bytes": 4096}, "swapped"),
        ({"stolen_s": 0.03}, "stolen-time"),
        ({"busy_s": 1.3}, "others-meanwhile"),
        ({"mhz": 2000.0}, "frequency-scaling"),
        ({"gpu": GpuState(("heat (hardware)",), (42,))}, "gpu-throttled"),
        ({"gpu": GpuState((), (42, 77))}, "gpu-shared"),
    ],
)
def test_each_cause_gives_its_warning_with_a_remedy(after: dict[str, Any], code: str) -> None:
    (caution,) = disturbances.check_machine([measured(**after)], None)
    assert caution.code == code
    assert caution.remedy


def test_counts_are_those_while_measuring_and_add_up_over_rounds() -> None:
    (caution,) = disturbances.check_machine([measured(quota_stops=9), measured(quota_stops=10)], None)
    assert "5 times" in caution.message


def test_a_frequency_that_changes_from_round_to_round_is_named() -> None:
    (caution,) = disturbances.check_machine([measured(mhz=3000.0), measured(mhz=2500.0)], "powersave")
    assert "2,500 to 3,000 MHz" in caution.message
    assert "governor to performance" in caution.remedy


def test_a_low_but_steady_frequency_is_no_fault_under_the_performance_governor() -> None:
    assert codes(measured(mhz=2000.0), governor="performance") == []


def test_a_round_too_short_for_the_kernel_s_accounts_is_not_judged() -> None:
    assert codes(measured(wall_s=0.05, own_s=0.05, busy_s=0.2, stolen_s=0.05)) == []


def test_foreign_processes_on_the_gpu_are_named_and_our_own_are_not() -> None:
    caution = disturbances.gpu_shared([measured(gpu=GpuState((), (77, 42, 5)))])
    assert caution is not None
    assert "process 5, 77)" in caution.message


def test_processes_are_not_told_apart_by_the_numbers_of_another_machine() -> None:
    # In a container the driver gives the host's numbers, so that our own process looks like another one.
    assert disturbances.gpu_shared([measured(gpu=GpuState((), (90_042, 90_001)))]) is None


def test_more_threads_than_cores_or_quota(options_of: Options) -> None:
    options = options_of(threads=(1, 4))
    assert disturbances.too_many_threads([1, 4], 4, None, options) == ()
    assert [c.code for c in disturbances.too_many_threads([1, 4], 2, None, options)] == ["threads-over-cores"]
    assert [c.code for c in disturbances.too_many_threads([1, 4], 4, 2.5, options)] == ["threads-over-quota"]
    assert disturbances.too_many_threads([3], 4, 2.5, options) == ()
    both = disturbances.too_many_threads([4], 1, 0.5, options)
    assert [c.code for c in both] == ["threads-over-cores", "threads-over-quota"]
    assert "use fewer --threads" in both[0].remedy


def test_others_that_keep_the_processor_busy() -> None:
    assert disturbances.others_busy(0.05, 3.0) is None
    caution = disturbances.others_busy(1.5, 2.0)
    assert caution is not None
    assert str(caution) == (
        "other processes kept 1.5 processors busy at the start, load average 2.0: stop them, and measure again"
    )
