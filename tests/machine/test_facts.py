"""Facts about this computer: plausible, plain and complete."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import __version__
from toolkit.machine import facts, versions
from toolkit.machine.cores import affinity
from toolkit.machine.facts import (
    busy_cores,
    cpu_governor,
    cpu_model,
    gpus,
    load_average,
    machine_facts,
    parse_gpus,
    runtime_version,
)


def test_facts_are_plain_json_and_name_what_decides_about_speed() -> None:
    found = machine_facts()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {
        "cpu", "cpu_features", "cores_usable", "cores_physical", "cores_logical", "cpu_quota", "memory_bytes", "gpu",
        "cpu_governor", "os", "python", "onnxruntime", "numpy", "toolkit",
    }  # fmt: skip
    assert found["toolkit"] == __version__
    assert found["cores_usable"] >= 1
    assert found["memory_bytes"] > 10**8
    assert found["onnxruntime"].startswith("onnxruntime")


def test_the_processor_is_read_from_cpuinfo(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Fast: 9000\n")
    assert cpu_model(info) == "Fast: 9000"
    info.write_text("Model\t\t: Raspberry Pi 5\n")
    assert cpu_model(info) == "Raspberry Pi 5"


def test_without_cpuinfo_the_platform_is_asked(tmp_path: Path) -> None:
    assert cpu_model(tmp_path / "none")


def test_macos_is_asked_for_the_processor_s_name_and_python_where_it_gives_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.processor", lambda: "arm")
    monkeypatch.setattr(facts, "MACOS_CPU", (sys.executable, "-c", "print('Apple M2 Pro')"))
    assert cpu_model(tmp_path / "none") == "Apple M2 Pro"
    for command in ((sys.executable, "-c", "raise SystemExit(1)"), (str(tmp_path / "no such program"),)):
        monkeypatch.setattr(facts, "MACOS_CPU", command)
        assert cpu_model(tmp_path / "none") == "arm"


def test_the_governor_is_that_of_the_processors_in_use(tmp_path: Path) -> None:
    for number, governor in enumerate(["powersave", "performance"]):
        folder = tmp_path / f"cpu{sorted([*affinity(), 9999])[number]}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
    expected = "performance,powersave" if len(affinity()) > 1 else "powersave"
    assert cpu_governor(tmp_path) == expected
    assert cpu_governor(tmp_path / "none") is None


def test_gpus_are_read_from_the_driver_s_list() -> None:
    assert parse_gpus("NVIDIA H100, 580.1, 81559 MiB\nbroken\n") == [
        {"name": "NVIDIA H100", "driver": "580.1", "memory": "81559 MiB"}
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="makes a POSIX script")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'A, 1, 2 MiB'", [{"name": "A", "driver": "1", "memory": "2 MiB"}]),
        ("echo failed; exit 9", None),
        ("exit 0", None),
    ],
)
def test_gpus_come_from_nvidia_smi_where_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: object
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert gpus() == expected


def test_no_driver_means_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() is None


def test_the_runtime_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "RUNTIMES", ("no-such-distribution", "numpy"))
    found = runtime_version()
    assert found is not None
    assert found.startswith("numpy ")
    monkeypatch.setattr(versions, "RUNTIMES", ("no-such-distribution",))
    assert runtime_version() is None


def test_a_busy_process_beside_this_one_is_seen() -> None:
    spinner = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    )
    try:
        assert spinner.stdout is not None
        spinner.stdout.readline()
        seen = max(busy_cores(0.5) for _ in range(3))
        spinner.stdout.close()
    finally:
        spinner.kill()
        spinner.wait()
    assert 0.3 < seen <= (os.cpu_count() or 1)


def test_the_load_is_plausible() -> None:
    load = load_average()
    assert load is None or load >= 0
