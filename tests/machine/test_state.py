"""The machine's state, read from the files of the kernel."""

from pathlib import Path

import pytest

from toolkit.machine.cores import affinity
from toolkit.machine.state import MachineState, machine_state


@pytest.fixture
def kernel(tmp_path: Path) -> dict[str, Path]:
    """A tree like /sys, with two events of heat a processor, in a container that was stopped three times."""
    for processor in affinity():
        folder = tmp_path / "cpu" / f"cpu{processor}"
        (folder / "cpufreq").mkdir(parents=True)
        (folder / "cpufreq" / "scaling_cur_freq").write_text("2400000\n")
        (folder / "cpufreq" / "cpuinfo_max_freq").write_text("3600000\n")
        (folder / "thermal_throttle").mkdir()
        (folder / "thermal_throttle" / "core_throttle_count").write_text("2\n")
    group = tmp_path / "cgroup" / "box"
    group.mkdir(parents=True)
    (group / "cpu.stat").write_text("usage_usec 10\nnr_periods 9\nnr_throttled 3\nthrottled_usec 5\n")
    (tmp_path / "membership").write_text("0::/box\n")
    (tmp_path / "status").write_text("Name:\tx\nVmSwap:\t     12 kB\n")
    return {"cpu_root": tmp_path / "cpu", "cgroup_root": tmp_path / "cgroup",
            "membership": tmp_path / "membership", "status": tmp_path / "status"}  # fmt: skip


def test_a_group_that_version_1_links_to_is_counted_once(kernel: dict[str, Path]) -> None:
    group = kernel["cgroup_root"] / "cpu,cpuacct"
    group.mkdir()
    (group / "cpu.stat").write_text("nr_periods 9\nnr_throttled 4\nthrottled_time 5\n")
    (kernel["cgroup_root"] / "cpu").symlink_to("cpu,cpuacct")
    kernel["membership"].write_text("4:cpu,cpuacct:/\n")
    assert machine_state(**kernel).quota_stops == 4


def test_what_the_kernel_tells_is_read(kernel: dict[str, Path]) -> None:
    state = machine_state(**kernel)
    assert (state.mhz, state.mhz_limit) == (2400, 3600)
    assert state.thermal_events == 2 * len(affinity())
    assert state.quota_stops == 3
    assert state.swapped_bytes == 12 * 1024


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    none = tmp_path / "none"
    state = machine_state(none, none, none, none)
    assert (state.mhz, state.mhz_limit, state.thermal_events, state.quota_stops, state.swapped_bytes) == (
        None,
    ) * 5


def test_time_passes_and_work_is_counted() -> None:
    before = machine_state()
    while machine_state().own_s - before.own_s < 0.02:
        sum(range(1000))
    after = machine_state()
    assert after.wall_s > before.wall_s
    assert after.own_s >= before.own_s + 0.02


def test_a_state_survives_the_way_through_json() -> None:
    state = machine_state()
    assert MachineState.from_document(state.to_document()) == state
