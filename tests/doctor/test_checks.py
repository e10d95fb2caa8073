import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from toolkit.doctor import checks, job
from toolkit.doctor.probe import probe
from toolkit.doctor.result import DoctorResult, State
from toolkit.runtime.cuda import Problem

WITH_CUDA = ["CUDAExecutionProvider", "CPUExecutionProvider"]


def works(_: str) -> None:
    return None


def test_the_probe_really_computes_on_the_cpu() -> None:
    assert probe("cpu") is None


def test_the_probe_says_in_one_line_why_cuda_does_not_start_where_there_is_no_gpu() -> None:
    reason = probe("cuda")
    if reason is None:
        pytest.skip("this machine has a working GPU")
    assert "CUDA" in reason.finding
    assert reason.remedy
    assert "\n" not in reason.finding + reason.remedy


def test_two_runtimes_at_once_are_broken_and_one_is_not() -> None:
    (finding,) = checks.runtimes({"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"})
    assert finding.state is State.BROKEN
    assert "onnxruntime 1.32.0 and onnxruntime-gpu 1.31.1 are both installed" in finding.finding
    assert finding.remedy.startswith("pip uninstall")
    (finding,) = checks.runtimes({"onnxruntime-gpu": "1.31.1"})
    assert finding.state is State.OK
    (finding,) = checks.runtimes({})
    assert finding.state is State.BROKEN


def test_a_runtime_for_another_provider_is_one_too_and_beside_the_usual_one_it_is_broken() -> None:
    (alone,) = checks.runtimes({"onnxruntime-openvino": "1.24.1"})
    assert (alone.state, alone.finding) == (State.OK, "onnxruntime-openvino 1.24.1, the only one installed")
    (beside,) = checks.runtimes({"onnxruntime-gpu": "1.31.1", "onnxruntime-openvino": "1.24.1"})
    assert beside.state is State.BROKEN
    assert (
        beside.remedy
        == "pip uninstall -y onnxruntime-gpu onnxruntime-openvino; pip install onnxruntime-openvino"
    )


def test_no_remedy_takes_from_an_index_whatever_has_the_name_of_this_package() -> None:
    findings = [
        *checks.versions(lambda name: "1.0" if name == "onnxruntime-gpu" else None),
        *checks.runtimes({}),
        *checks.providers(["CPUExecutionProvider"], "", try_device=lambda _: Problem("no", "")),
        *checks.cuda_files(WITH_CUDA, "13.0", loads=lambda _: False),
    ]
    remedies = [finding.remedy for finding in findings if "pip install" in finding.remedy]
    assert len(remedies) >= 9
    assert not [remedy for remedy in remedies if re.search(r"install (\S+ )*'?toolkit", remedy)]
    (missing,) = checks.runtimes({})
    assert re.search("pip install onnxruntime(-gpu)?$", missing.remedy)


def test_the_libraries_for_cuda_are_installed_by_one_command_wherever_they_are_missed() -> None:
    versions = checks.versions(lambda name: "1.0" if name == "onnxruntime-gpu" else None)
    (extra,) = (finding for finding in versions if finding.check == "extra cuda")
    (files,) = checks.cuda_files(WITH_CUDA, "13.0", loads=lambda _: False)
    commands = [finding.remedy[finding.remedy.index("pip install") :] for finding in (extra, files)]
    assert commands == ["pip install 'onnxruntime-gpu[cuda,cudnn]'"] * 2


def test_every_extra_for_users_is_looked_at_with_what_it_brings() -> None:
    described = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = described["project"]["optional-dependencies"]
    assert set(checks.EXTRAS) == set(extras) - {"dev"}
    for extra, names in checks.EXTRAS.items():
        if extra != "cuda":  # its libraries come through an extra of ONNX Runtime's own
            needed = [Requirement(line) for line in extras[extra] if not line.startswith("toolkit[")]
            assert set(names) == {r.name for r in needed if r.marker is None or r.marker.evaluate()}, extra


def test_the_libraries_of_cuda_are_looked_for_with_the_gpu_build_only_and_in_either_version() -> None:
    def found(*names: str) -> list[State]:
        versions = checks.versions(lambda name: "1.0" if name in names else None)
        return [finding.state for finding in versions if finding.check == "extra cuda"]

    assert found("onnxruntime") == []
    assert found("onnxruntime-gpu") == [State.NOTE]
    assert found("onnxruntime-gpu", "nvidia-cudnn-cu12") == [State.OK]
    assert found("onnxruntime-gpu", "nvidia-cudnn-cu13") == [State.OK]


def test_without_onnx_runtime_no_provider_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "installed_runtimes", dict)
    monkeypatch.setattr(job, "installed_runtimes", dict)
    monkeypatch.setattr(job, "available_providers", lambda: pytest.fail("imported ONNX Runtime"))
    result = job.run()
    assert result.broken
    assert not [finding for finding in result.findings if finding.check.endswith("provider")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "raise ImportError('libstdc++.so.6: version GLIBCXX_3.4.99 not found')",
            "version GLIBCXX_3.4.99 not found",
        ),
        ("", "has no attribute 'InferenceSession'"),
    ],
    ids=["broken", "half removed"],
)
def test_an_onnx_runtime_that_can_not_be_imported_is_found_broken_by_the_doctor_and_told_by_the_rest(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(content)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])

    def called(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "toolkit", *arguments],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    doctor = called("doctor", "--json")
    assert doctor.returncode == 1
    (broken,) = (f for f in json.loads(doctor.stdout)["findings"] if f["state"] == "broken")
    assert reason in broken["finding"]
    assert re.fullmatch("pip install --force-reinstall onnxruntime(-gpu)?", broken["remedy"])
    bench = called("bench", "paper-cnn")
    assert bench.returncode == 1
    assert bench.stderr.startswith("error: ONNX Runtime can't be imported: ")
    assert bench.stderr.endswith("(onnxruntime): see what is wrong with it: toolkit doctor\n")


def test_a_provider_that_computes_wrongly_is_broken() -> None:
    findings = checks.providers(
        ["CPUExecutionProvider"], "", try_device=lambda _: Problem("a convolution gave 3", "")
    )
    assert findings[0].state is State.BROKEN
    assert findings[0].finding == "a convolution gave 3"


def test_a_provider_that_computes_nothing_here_is_not_tried() -> None:
    asked: list[str] = []
    checks.providers(
        ["AzureExecutionProvider", "CPUExecutionProvider"], "", try_device=lambda device: asked.append(device)
    )
    assert asked == ["cpu"]


def test_no_driver_is_a_note_since_most_machines_have_no_gpu() -> None:
    findings = checks.providers(WITH_CUDA, "13.0", try_device=works, loads=lambda _: False)
    assert [f.state for f in findings] == [State.OK, State.NOTE]
    assert "no NVIDIA driver" in findings[1].finding


def test_a_cuda_provider_that_should_start_but_does_not_is_broken() -> None:
    def fails_on_cuda(device: str) -> Problem | None:
        return Problem("no kernel image is available", "") if device == "cuda" else None

    findings = checks.providers(WITH_CUDA, "13.0", try_device=fails_on_cuda, loads=lambda _: True)
    if len(checks.installed_runtimes()) == 1:
        assert findings[1].state is State.BROKEN
        assert "no kernel image" in findings[1].finding


def test_missing_cuda_libraries_are_listed_by_name() -> None:
    (finding,) = checks.cuda_files(WITH_CUDA, "13.0", loads=lambda name: name == "libcuda.so.1")
    if sys.platform == "linux":
        assert "found: libcuda.so.1" in finding.finding
        assert "libcudnn.so.9" in finding.finding
    assert checks.cuda_files(["CPUExecutionProvider"], "") == []


def test_a_missing_extra_names_its_pip_install() -> None:
    findings = checks.versions(lambda name: None if name == "tf2onnx" else "1.0")
    (extra,) = [f for f in findings if f.check == "extra train"]
    assert extra.finding == "not installed: tf2onnx"
    assert extra.remedy == "for what needs it: pip install '.[train]' in the checkout"


def test_a_library_of_another_version_than_is_needed_is_broken() -> None:
    needed = [
        "numpy>=2.0",
        "tf2onnx<2,>=1.17; extra == 'train'",
        "tf2onnx<2,>=1.17; extra == 'dev'",
        "zstandard>=0.23; python_version < '3' and extra == 'formats'",
        "hypothesis>=99; extra == 'dev'",
        "optuna>=4.2; extra == 'tune'",
    ]
    there = {"numpy": "2.1", "tf2onnx": "1.16.1", "zstandard": "0.1", "hypothesis": "1"}
    (found,) = checks.misfits(there.get, needed)
    assert found.state is State.BROKEN
    assert found.finding == "tf2onnx 1.16.1 is installed, and <2,>=1.17 is needed"
    assert found.remedy == "pip install 'tf2onnx<2,>=1.17'"
    # As pip writes an extra within another.
    twice = ["plotext<6; extra == 'train'", "plotext<6; extra == 'tune'"]
    assert len(checks.misfits({"plotext": "6.1.0"}.get, twice)) == 1


def test_what_is_installed_here_fits_and_every_requirement_can_be_read() -> None:
    assert checks.misfits() == []
    assert len(checks.misfits(lambda _: "0.0.1")) > 10


def test_only_what_is_broken_makes_the_whole_broken() -> None:
    (ok,) = checks.runtimes({"onnxruntime": "1"})
    (bad,) = checks.runtimes({})
    assert not DoctorResult(findings=(ok,)).broken
    assert DoctorResult(findings=(ok, bad)).broken
    assert DoctorResult(findings=(ok, bad)).to_document()["ok"] is False


def test_other_providers_are_really_started_and_one_that_does_not_breaks_nothing() -> None:
    asked = []

    def try_device(device: str) -> Problem | None:
        asked.append(device)
        return Problem("no library", "install it") if device == "provider:Tensorrt" else None

    available = ["TensorrtExecutionProvider", "OpenVINOExecutionProvider", *WITH_CUDA[1:]]
    findings = checks.providers(available, "", try_device=try_device)
    assert asked == ["cpu", "provider:Tensorrt", "provider:OpenVINO"]
    by_name = {finding.check: finding for finding in findings}
    assert by_name["TensorRT provider"].state is State.NOTE
    assert by_name["TensorRT provider"].finding == "no library"
    assert by_name["TensorRT provider"].remedy == "only for --device provider:Tensorrt: install it"
    assert by_name["OpenVINO provider"].state is State.OK


def test_telemetry_is_off_unless_the_environment_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    (finding,) = checks.telemetry()
    assert (finding.state, finding.finding) == (State.OK, "off: what runs here is told to nobody")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    (finding,) = checks.telemetry()
    assert finding.state is State.NOTE
    assert finding.finding.startswith("on (ORT_DISABLE_TELEMETRY=0)")
    assert finding.remedy == "unset ORT_DISABLE_TELEMETRY"
