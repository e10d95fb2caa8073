"""Measuring in a real fresh process: its answer, its errors, and Ctrl-C."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import encoded, picture

from toolkit.bench import processes, worker
from toolkit.bench.figures import ColdStart, median_start
from toolkit.bench.measure import SystemClock
from toolkit.bench.options import Scenario, Transfer
from toolkit.bench.processes import in_process
from toolkit.bench.request import Measured, Request
from toolkit.bench.scenarios import Traffic, warm_up
from toolkit.bench.worker import measure
from toolkit.errors import ImageError, ModelError, ToolkitError, UsageError
from toolkit.preprocess.normalization import parse
from toolkit.preprocess.plan import Plan


def request(model: object, **fields: Any) -> Request:
    traffic = Traffic(scenario=fields.pop("scenario", Scenario.SINGLE_STREAM), batch_size=2)
    return Request(
        **{"model": str(model), "device": "cpu", "threads": 1, "provider_options": (), "traffic": traffic,
           "plan": Plan(height=8, width=8), "head": "probabilities", "transfer": Transfer.HOST_ARRAYS,
           "pictures": (), "duration_ns": 10**7, "min_queries": 20, "warmup_ns": 10**6, "seed": 0,
           "arrivals_seed": 0, **fields}
    )  # fmt: skip


def test_a_fresh_process_times_load_first_run_and_queries(tiny_model: Path) -> None:
    found = in_process(request(tiny_model))
    assert found.process != os.getpid()
    assert found.start.load_ns > 0
    assert found.start.first_inference_ns > 0
    assert 10**7 < found.start.base_rss_bytes <= found.start.peak_rss_bytes
    assert found.start.repeats == 1
    assert len(found.due_ns) == len(found.finished_ns) >= 20
    assert (found.finished_ns > found.due_ns).all()
    assert found.warmup_runs >= 1
    assert found.after.wall_s > found.before.wall_s
    assert not found.interrupted


def test_a_slow_first_call_is_told_apart_and_is_none_of_the_queries(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.runtime.session import Session

    real, calls = Session.host_run, 0

    def host_run(self: Session) -> Any:
        run = real(self)

        def slow_at_first(batch: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                time.sleep(1)
            return run(batch)

        return slow_at_first

    monkeypatch.setattr(Session, "host_run", host_run)
    found = measure(request(tiny_model))
    assert found.start.first_inference_ns > 1e9
    assert (found.finished_ns - found.due_ns).max() < 1e9
    assert calls > len(found.due_ns)


def test_the_warm_up_is_none_of_the_stages_of_a_pipeline(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(SystemClock):
        """Time that goes on by an hour with each look at it while `slow`."""

        slow = False
        ahead = 0

        def now_ns(self) -> int:
            self.ahead += 3600 * 10**9 if self.slow else 0
            return super().now_ns() + self.ahead

    def slow_warm_up(*arguments: Any) -> int:
        clock.slow = True
        done = warm_up(*arguments)
        clock.slow = False
        return done

    (tmp_path / "a.png").write_bytes(encoded(picture((9, 9, 9))))
    clock = Clock()
    monkeypatch.setattr(worker, "warm_up", slow_warm_up)
    asked = request(tiny_model, scenario=Scenario.PIPELINE, pictures=(str(tmp_path / "a.png"),))
    found = measure(asked, clock)
    assert found.warmup_runs >= 1
    assert found.stages_ns is not None
    assert found.stages_ns.max() < 3600 * 10**9


def test_a_request_and_an_answer_survive_the_way_through_json(tiny_model: Path, tmp_path: Path) -> None:
    import json

    file = tmp_path / "a.png"
    file.write_bytes(encoded(picture((9, 9, 9))))
    asked = request(tiny_model, scenario=Scenario.PIPELINE, pictures=(str(file),))
    assert Request.from_json(asked.to_json()) == asked
    plan = Plan(height=8, width=8, normalization=parse("mean=0.4914,0.4822,0.4465,std=0.247,0.2435,0.2616"))
    foreign = request(tiny_model, plan=plan)
    assert Request.from_json(foreign.to_json()) == foreign
    found = in_process(asked)
    assert found.stages_ns is not None
    assert found.stages_ns.shape == (len(found.due_ns), 5)
    again = Measured.from_document(json.loads(found.to_json()))
    assert again.to_json() == found.to_json()


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [(b"\x08\x08not a model", ModelError, "not a valid ONNX file"), (None, ModelError, "no such model file")],
)
def test_the_reason_of_a_failure_comes_back_in_its_class(
    tmp_path: Path, content: bytes | None, kind: type[ToolkitError], text: str
) -> None:
    broken = tmp_path / "broken.onnx"
    if content is not None:
        broken.write_bytes(content)
    with pytest.raises(kind, match=text):
        in_process(request(broken))


def test_a_broken_picture_and_a_wrong_option_come_back_in_their_classes(
    tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"broken\.png"):
        in_process(request(tiny_model, scenario=Scenario.PIPELINE, pictures=(str(broken),)))
    with pytest.raises(UsageError, match="has no option use_tf32"):
        in_process(request(tiny_model, provider_options=("use_tf32=1",)))


def test_a_file_in_the_working_folder_is_not_imported(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert in_process(request(tiny_model)).start.load_ns > 0


def test_what_a_library_prints_does_not_mix_with_the_answer(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit\natexit.register(lambda: print('{\"noise\": 1}'))"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert len(in_process(request(tiny_model)).due_ns) >= 20


def test_a_process_that_dies_is_named(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("import os\nos._exit(7)")
    monkeypatch.setattr(processes, "PACKAGE_PARENT", tmp_path)
    here = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(ToolkitError, match="ended with code 7: nothing on standard error"):
        in_process(request(tiny_model))


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_brings_back_what_was_measured_until_then(tiny_model: Path) -> None:
    def interrupted_after(seconds: float) -> Measured | None:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
        with contextlib.suppress(KeyboardInterrupt):  # on a busy machine it came before the clock started
            return in_process(request(tiny_model, duration_ns=600 * 10**9))
        return None

    found = next(filter(None, map(interrupted_after, (2.5, 10, 40))))
    assert found.interrupted
    assert len(found.due_ns) == len(found.finished_ns) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_it_ends_when_the_one_that_wants_the_answer_is_killed(tiny_model: Path, tmp_path: Path) -> None:
    marker = tmp_path / "measuring"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'toolkit.bench.worker' in sys.orig_argv:\n"
        f"    open({str(marker)!r}, 'w').write(str(os.getpid()))"
    )
    asked = request(tiny_model, duration_ns=600 * 10**9)
    code = (
        "import sys; from toolkit.bench.processes import in_process; from toolkit.bench.request import Request;"
        "in_process(Request.from_json(sys.argv[1]))"
    )
    path = os.pathsep.join([str(tmp_path), str(processes.PACKAGE_PARENT)])
    parent = subprocess.Popen(
        [sys.executable, "-c", code, asked.to_json()], env={**os.environ, "PYTHONPATH": path}
    )
    until(lambda: marker.exists() and marker.read_text() != "")
    time.sleep(1)  # it measures by now, or is about to
    parent.kill()
    parent.wait()
    until(lambda: not runs(int(marker.read_text())))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return (
        not Path(f"/proc/{process}/stat").exists() or ") Z " not in Path(f"/proc/{process}/stat").read_text()
    )


def test_the_median_of_each_figure_is_taken() -> None:
    starts = [
        ColdStart(load_ns=a, first_inference_ns=b, peak_rss_bytes=c, base_rss_bytes=1, repeats=1)
        for a, b, c in [(1, 30, 500), (2, 10, 400), (9, 20, 600)]
    ]
    assert median_start(starts) == ColdStart(
        load_ns=2, first_inference_ns=20, peak_rss_bytes=500, base_rss_bytes=1, repeats=3
    )


def test_too_little_memory_in_the_process_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object) -> None:
        raise MemoryError("Unable to allocate 3.00 TiB")

    monkeypatch.setattr(worker, "measure", too_large)
    told = json.loads(worker.answer(request("m.onnx").to_json()))
    assert told["what"] == "not enough memory: Unable to allocate 3.00 TiB"
    assert told["where"] == "m.onnx"
