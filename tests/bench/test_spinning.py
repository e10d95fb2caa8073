"""Threads far beyond the cores are put to sleep between runs, and the record says so."""

import json
from pathlib import Path

import pytest
from support import CommandLine

from toolkit.bench import spinning
from toolkit.machine.cores import usable_cores
from toolkit.ranges import MOST_PARALLEL

TOO_MANY = spinning.THREADS_PER_CORE * usable_cores() + 1


def test_idle_threads_spin_up_to_a_few_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinning, "usable_cores", lambda: 2)
    assert [spinning.spins(threads) for threads in (None, 1, 2, 16, 17, 1024)] == [True] * 4 + [False] * 2
    assert spinning.spinning([1, 16]) == {"spinning": True, "threads_without_spinning": []}
    assert spinning.spinning([1024, 1, 64, 64]) == {
        "spinning": False,
        "threads_without_spinning": [64, 1024],
    }


@pytest.mark.skipif(TOO_MANY > MOST_PARALLEL, reason="no number of threads is too many for so many cores")
def test_the_record_says_with_how_many_threads_idle_ones_were_put_to_sleep(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    brief = ("--duration", "0.05", "--warmup", "0", "--runs", "1", "--min-queries", "5")
    done = toolkit(
        "bench", tiny_model, "--device", "cpu", "--threads", f"1,{TOO_MANY}", *brief, "-o", "b.json"
    )
    conditions = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))["conditions"]
    assert conditions["spinning"] is False
    assert conditions["threads_without_spinning"] == [TOO_MANY]
    assert "so many that idle ones are put to sleep: use fewer --threads" in done.stderr
    toolkit("bench", tiny_model, "--device", "cpu", "--threads", "1", *brief, "-o", "one.json")
    conditions = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))["conditions"]
    assert (conditions["spinning"], conditions["threads_without_spinning"]) == (True, [])
