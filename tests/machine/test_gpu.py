"""What befell the GPU, asked from a stand-in for nvidia-smi that prints what the real one prints."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.machine.gpu import GpuSnapshot, GpuState, gpu_meanwhile, gpu_snapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")

PLACE = "0000:65:00.0"
Answers = Callable[..., None]


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Put an nvidia-smi on the path that answers both questions about one device, and knows no other."""

    def answers(counters: str, processes: str, code: int = 0) -> None:
        script = tmp_path / "nvidia-smi"
        script.write_text(
            f'#!/bin/sh\ncase "$1" in --id={PLACE}) ;; *) exit 6;; esac\ncase "$*" in\n'
            f"*clocks_event_reasons_counters*) printf '{counters}\\n'; exit {code};;\n"
            f"*compute-apps*) printf '{processes}';;\nesac\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answers


def snapshot(wall_s: float, *slowed_us: int, processes: tuple[int, ...] = (42,)) -> GpuSnapshot:
    names = ("power cap", "heat (software)", "heat (hardware)", "power brake")
    return GpuSnapshot(wall_s, dict(zip(names, slowed_us, strict=False)), frozenset(processes))


def test_counters_and_processes_of_one_device_are_read(smi: Answers) -> None:
    smi("711320, 0, 12, 0", "42\\n1234\\n")
    found = gpu_snapshot(PLACE)
    assert found is not None
    assert found.slowed_us == {
        "power cap": 711320, "heat (software)": 0, "heat (hardware)": 12, "power brake": 0
    }  # fmt: skip
    assert found.processes == {42, 1234}


def test_a_device_that_does_not_count_still_tells_its_processes(smi: Answers) -> None:
    smi("[N/A], [N/A], 5, [N/A]", "42\\n")
    found = gpu_snapshot(PLACE)
    assert found is not None
    assert found.slowed_us == {"heat (hardware)": 5}
    smi('Field "clocks_event_reasons_counters.sw_power_cap" is not a valid field to query.', "42\\n", code=2)
    found = gpu_snapshot(PLACE)  # a driver from before the counters
    assert found is not None
    assert (found.slowed_us, found.processes) == ({}, {42})


def test_another_device_no_driver_and_an_unknown_place_give_nothing(
    smi: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi("0, 0, 0, 0", "42\\n")
    assert gpu_snapshot("0000:b3:00.0") is None
    assert gpu_snapshot(None) is None
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert gpu_snapshot(PLACE) is None


def test_only_what_a_counter_gained_meanwhile_is_a_slowdown() -> None:
    # Long ago it was hot for an hour; while measuring, the power cap held for 3 of 10 seconds.
    before = snapshot(100, 0, 3_600_000_000, 0, 0)
    assert gpu_meanwhile(before, snapshot(110, 0, 3_600_000_000, 0, 0)) == GpuState((), (42,))
    after = snapshot(110, 3_000_000, 3_600_000_000, 0, 0)
    assert gpu_meanwhile(before, after) == GpuState(("power cap",), (42,))


def test_a_moment_of_slowness_and_a_driver_that_was_loaded_anew_are_none() -> None:
    before = snapshot(100, 500, 9_000_000)
    assert gpu_meanwhile(before, snapshot(110, 90_000, 4)) == GpuState((), (42,))


def test_processes_count_that_were_there_all_the_time() -> None:
    before, after = snapshot(0, processes=(42, 7, 9)), snapshot(1, processes=(42, 9, 11))
    assert gpu_meanwhile(before, after) == GpuState((), (9, 42))


def test_a_snapshot_that_is_missing_gives_nothing() -> None:
    assert gpu_meanwhile(None, snapshot(1)) is None
    assert gpu_meanwhile(snapshot(1), None) is None
