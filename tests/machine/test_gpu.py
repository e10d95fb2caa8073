"""The GPU's state, asked from a stand-in for nvidia-smi that prints what the real one prints."""

import sys
from pathlib import Path

import pytest

from toolkit.machine.gpu import gpu_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Put an nvidia-smi on the path that answers both questions."""

    def answers(reasons: str, processes: str, code: int = 0) -> None:
        script = tmp_path / "nvidia-smi"
        script.write_text(
            '#!/bin/sh\ncase "$*" in\n'
            f"*throttle_reasons*) printf '{reasons}\\n';;\n*compute-apps*) printf '{processes}';;\nesac\nexit {code}\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answers


def test_a_cool_gpu_of_our_own(smi) -> None:  # type: ignore[no-untyped-def]
    smi("0x0000000000000001", "42\\n")
    state = gpu_state(0)
    assert state is not None
    assert (state.slowdowns, state.processes) == ((), (42,))


def test_every_reason_that_lowers_the_clocks_is_named(smi) -> None:  # type: ignore[no-untyped-def]
    smi("0x00000000000000e4", "42\\n1234\\n")
    state = gpu_state(0)
    assert state is not None
    assert state.slowdowns == ("power cap", "heat (software)", "heat (hardware)", "power brake")
    assert state.processes == (42, 1234)


def test_a_device_that_does_not_tell_its_reasons(smi) -> None:  # type: ignore[no-untyped-def]
    smi("[N/A]", "")
    state = gpu_state(0)
    assert state is not None
    assert (state.slowdowns, state.processes) == ((), ())


def test_a_driver_that_does_not_answer_gives_nothing(smi) -> None:  # type: ignore[no-untyped-def]
    smi("0x1", "", code=9)
    assert gpu_state(0) is None


def test_no_driver_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_state(0) is None
