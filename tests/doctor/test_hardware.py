"""What of this machine decides about speed."""

from pathlib import Path

import pytest

from toolkit.doctor import hardware
from toolkit.doctor.result import State


@pytest.mark.parametrize(("flags", "state"), [("avx2 avx512_vnni", State.OK), ("sse4_2 avx2", State.NOTE)])
def test_a_processor_without_int8_instructions_gets_a_note(tmp_path: Path, flags: str, state: State) -> None:
    (tmp_path / "cpuinfo").write_text(f"model name\t: Some CPU\nflags\t\t: fpu {flags}\n")
    (finding,) = hardware.processor(tmp_path / "cpuinfo")
    assert finding.state is state
    assert finding.finding.startswith("Some CPU")


def test_omp_num_threads_that_leaves_cores_idle_is_a_note_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "usable_cores", lambda: 8)
    for value, state, words in (("2", State.NOTE, "2 by default"), ("16", State.OK, "8 by default")):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        (finding,) = hardware.threads()
        assert finding.state is state
        assert finding.finding.startswith(words)
        assert finding.finding.endswith(f", OMP_NUM_THREADS={value}")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert hardware.threads()[0].remedy == "to use more: unset OMP_NUM_THREADS, or give --threads 8"
