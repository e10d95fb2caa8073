"""A picture that kills the process that decodes it, in a run of one process; and how it is found by resuming."""

import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from classify.deadly import DEADLY, StartDeadlyWorker
from support import Listener, encoded, picture

from toolkit.classify import choose_engine, journal, prepare
from toolkit.classify import worker as worker_module
from toolkit.classify.choose_engine import engine_for
from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.result import Record
from toolkit.classify.worker import Worker
from toolkit.engines.local import LocalEngine
from toolkit.engines.ray_engine import RayEngine
from toolkit.engines.shared import SharedEngine
from toolkit.engines.threads import ThreadsEngine
from toolkit.errors import ModelError
from toolkit.images.feed import Feed
from toolkit.images.sources import listing
from toolkit.machine.cores import usable_cores
from toolkit.models.open import OpenModel
from toolkit.observer import SilentObserver

CRASHING = """
import sys
from pathlib import Path

from classify.deadly import StartDeadlyWorker
from toolkit.classify import choose_engine
from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions

choose_engine.StartWorker = StartDeadlyWorker
if __name__ == "__main__":
    run(ClassifyOptions(paths=(sys.argv[1],), model=sys.argv[2], output=Path(sys.argv[3]), device="cpu", batch_size=2,
                        resume="--resume" in sys.argv))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures, of which the seventh crashes the decoder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02d}.png").write_bytes(encoded(picture((250 - number, number, 0))))
    (folder / "06.png").write_bytes(DEADLY)
    return folder


def engine_of(options: ClassifyOptions) -> Any:
    with engine_for(options, Feed(listing(options.paths)), SilentObserver()) as (engine, _):
        return engine


def test_a_run_that_a_picture_crashed_finds_it_when_it_is_resumed(
    folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", CRASHING, str(folder), str(tiny_model), str(output)]
    environment = {**os.environ, "PYTHONPATH": tests}
    crashed = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert crashed.returncode == -signal.SIGSEGV
    assert journal.part_of(output).is_file()
    subprocess.run([*command, "--resume"], env=environment, check=True, capture_output=True)
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["path"]).name for row in rows] == [f"{number:02d}.png" for number in range(12)]
    assert {row["path"][-6:]: row["error"] for row in rows if row["error"]} == {
        "06.png": "the process that worked on it died (killed by SIGSEGV)"
    }
    assert not list(tmp_path.glob("out.csv.part*"))


def test_only_a_run_that_was_cut_off_is_resumed_in_processes_and_says_so(
    colour_folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"

    def options(**changes: Any) -> ClassifyOptions:
        return ClassifyOptions(
            **{"paths": (str(colour_folder),), "model": str(tiny_model), "output": output, "device": "cpu",
               "batch_size": 4, "resume": True, **changes}
        )  # fmt: skip

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    assert isinstance(engine_of(options()), ThreadsEngine)
    with pytest.raises(KeyboardInterrupt):
        run(options(), sink=interrupted)
    assert isinstance(engine_of(options()), ThreadsEngine)  # it ended by itself

    log = journal.journal_of(output)
    log.write_bytes(log.read_bytes().removesuffix(b"\n").rpartition(b"\n")[0] + b"\n")  # as if it hadn't
    assert isinstance(engine_of(options(workers=1)), LocalEngine)
    assert isinstance(engine_of(options(resume=False, force=True)), ThreadsEngine)
    observer = Listener()
    result = run(options(), observer)
    assert (result.inputs, result.resumed) == (12, 4)
    assert observer.notices[0].startswith("the earlier run was cut off: should a picture crash its decoder")
    assert isinstance(engine_of(options()), ThreadsEngine)  # nothing is left of it


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session on the CPU that says it was on a GPU."""

    class Pretending(Worker):
        def __init__(self, model: OpenModel, **options: Any) -> None:
            session = replace(model.session, provider="CUDAExecutionProvider", device="cuda:0")
            super().__init__(replace(model, session=session), **options)

    monkeypatch.setattr(choose_engine, "_is_cpu", lambda _: False)
    monkeypatch.setattr(worker_module, "Worker", Pretending)


@pytest.mark.usefixtures("gpu")
def test_a_gpu_gets_pictures_from_processes_when_they_are_many(
    mixed: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ClassifyOptions(paths=(str(mixed),), model=str(tiny_model), batch_size=3, device="auto")
    assert isinstance(engine_of(options), ThreadsEngine)
    alone: list[Record] = []
    threads = run(options, sink=alone.extend)
    monkeypatch.setattr(choose_engine, "MANY", 20)
    engine = engine_of(options)
    assert isinstance(engine, SharedEngine)
    assert engine.workers == usable_cores()
    fed: list[Record] = []
    processes = run(replace(options, workers=2), sink=fed.extend)
    assert fed == alone
    assert (processes.workers, processes.provider, processes.errors) == (2, "CUDAExecutionProvider", 3)
    assert processes.class_counts.tolist() == threads.class_counts.tolist()


@pytest.mark.usefixtures("gpu")
def test_a_picture_that_crashes_the_decoder_costs_a_row_beside_a_gpu(
    folder: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "decode_near", prepare.decode_near)  # put back at the end
    monkeypatch.setattr(choose_engine, "StartWorker", StartDeadlyWorker)
    options = ClassifyOptions(
        paths=(str(folder),), model=str(tiny_model), batch_size=2, workers=2, device="auto"
    )
    rows: list[Record] = []
    run(options, sink=rows.extend)
    assert {Path(row.path).name: row.error for row in rows if row.error} == {
        "06.png": "the process that worked on it died (killed by SIGSEGV)"
    }
    assert [row.predictions[0].label for row in rows if not row.error] == ["red"] * 11


@pytest.mark.usefixtures("gpu")
def test_a_run_on_a_gpu_that_was_cut_off_is_resumed_with_a_process(
    colour_folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    journal.part_of(output).touch()
    journal.journal_of(output).write_text('{"schema": 1}\n')
    options = ClassifyOptions(
        paths=(str(colour_folder),), model=str(tiny_model), output=output, resume=True, workers=1
    )
    assert isinstance(engine_of(options), SharedEngine)


def test_a_model_that_auto_leaves_to_the_cpu_gets_a_process_a_core(
    colour_folder: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_engine, "_is_cpu", lambda _: False)  # there is a driver, and nothing else
    options = ClassifyOptions(paths=(str(colour_folder),), model=str(tiny_model), workers=2, device="auto")
    observer = Listener()
    with engine_for(options, Feed(listing(options.paths)), observer) as (engine, facts):
        assert isinstance(engine, LocalEngine)
        assert facts.device == "cpu"
        assert engine._start.device == "cpu"
    assert len(observer.notices) == len(set(observer.notices))


def test_a_model_that_cannot_be_used_is_refused_before_ray_is_started(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_it(*_: Any) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(RayEngine, "open", open_it)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    for model, reason in (("broken.onnx", "not a valid ONNX file"), ("missing.onnx", "no such model")):
        options = ClassifyOptions(paths=(str(folder),), model=str(tmp_path / model), engine="ray")
        with pytest.raises(ModelError, match=reason):
            engine_of(options)
