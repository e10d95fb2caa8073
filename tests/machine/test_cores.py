"""Cores that this process may use: made-up control groups, made-up topology, the real affinity."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.machine import cores
from toolkit.machine.cores import affinity, cpu_quota, default_threads, physical_cores, usable_cores


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("limit", "quota"),
    [("200000 100000\n", 2.0), ("max 100000\n", None), ("50000 100000\n", 0.5), ("nonsense\n", None),
     ("1 0\n", None), ("", None)],
)  # fmt: skip
def test_version_2_quota(tmp_path: Path, limit: str, quota: float | None) -> None:
    root = tree(tmp_path, {"cg/cpu.max": limit, "membership": "0::/\n"})
    assert cpu_quota(root / "cg", root / "membership") == quota


@pytest.mark.parametrize(
    ("quota_us", "period_us", "quota"),
    [("200000", "100000", 2.0), ("-1", "100000", None), ("150000", "100000", 1.5), ("x", "100000", None)],
)
@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
def test_version_1_quota(
    tmp_path: Path, folder: str, quota_us: str, period_us: str, quota: float | None
) -> None:
    files = {f"cg/{folder}/cpu.cfs_quota_us": quota_us, f"cg/{folder}/cpu.cfs_period_us": period_us}
    root = tree(tmp_path, files)
    assert cpu_quota(root / "cg", root / "none") == quota


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "membership": "0::/system.slice/docker-1.scope\n",
            "cg/system.slice/cpu.max": "150000 100000",
            "cg/system.slice/docker-1.scope/cpu.max": "400000 100000",
        },
    )
    assert cpu_quota(root / "cg", root / "membership") == 1.5


def test_a_version_1_membership_is_looked_up_below_its_controller(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "membership": "11:cpu,cpuacct:/docker/1\n4:memory:/docker/1\nbroken\n",
            "cg/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "300000",
            "cg/cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000",
        },
    )
    assert cpu_quota(root / "cg", root / "membership") == 3.0


@pytest.mark.parametrize("membership", ["0::/../../outside\n", "::::\n", "", "\n\n", "0::\n"])
def test_an_odd_membership_is_harmless(tmp_path: Path, membership: str) -> None:
    root = tree(tmp_path, {"cg/cpu.max": "200000 100000", "membership": membership})
    assert cpu_quota(root / "cg", root / "membership") == 2.0


def test_no_control_groups_mean_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "none", tmp_path / "none") is None


def topology(root: Path, siblings: dict[int, str]) -> Path:
    return tree(root, {f"cpu{n}/topology/thread_siblings_list": f"{text}\n" for n, text in siblings.items()})


def test_hyper_threads_of_one_core_count_once(tmp_path: Path) -> None:
    root = topology(tmp_path, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert physical_cores(frozenset({0, 1, 2, 3}), root) == 2
    assert physical_cores(frozenset({0, 2}), root) == 1
    assert physical_cores(frozenset({0, 1}), root) == 2


def test_a_processor_without_description_counts_as_a_core(tmp_path: Path) -> None:
    root = topology(tmp_path, {0: "0,1", 1: "0,1"})
    assert physical_cores(frozenset({0, 1, 2, 3}), root) == 3


def test_without_sysfs_the_system_is_asked(tmp_path: Path) -> None:
    assert 1 <= physical_cores(frozenset(range(4096)), tmp_path / "none") < 4096
    assert physical_cores(frozenset({0}), tmp_path / "none") == 1


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("150000 100000", 2),
        ("max 100000", 4),
        ("900000 100000", 4),
    ],
)
def test_usable_cores_are_the_smaller_of_affinity_and_quota_rounded_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, expected: int
) -> None:
    monkeypatch.setattr(cores, "affinity", lambda: frozenset(range(8)))
    cpus = topology(tmp_path / "cpus", {n: f"{n % 4},{n % 4 + 4}" for n in range(8)})
    root = tree(tmp_path / "groups", {"cpu.max": limit})
    assert usable_cores(root, cpus, tmp_path / "none") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2", 2), (" 3 ", 3), ("1,4", 1), ("64", 8), ("8", 8), ("0", 8), ("-2", 8), ("many", 8), ("2.5", 8),
     ("", 8), (",2", 8), ("²", 8)],
)  # fmt: skip
def test_omp_num_threads_lowers_the_threads_and_never_raises_them(value: str, expected: int) -> None:
    assert default_threads(8, {"OMP_NUM_THREADS": value}) == expected


def test_without_omp_num_threads_every_usable_core_has_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert default_threads(8, {}) == 8
    assert default_threads() == usable_cores()


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_a_process_bound_to_one_processor_uses_one_core() -> None:
    code = "from toolkit.machine.cores import *; print(len(affinity()), usable_cores())"
    processor = str(min(affinity()))
    done = subprocess.run(
        ["taskset", "-c", processor, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]


def test_affinity_is_what_the_system_says() -> None:
    if hasattr(os, "sched_getaffinity"):
        assert affinity() == os.sched_getaffinity(0)
    assert len(affinity()) >= 1
