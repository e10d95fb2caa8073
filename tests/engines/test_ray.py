"""The Ray engine with real clusters: one that it starts, and one of two machines that loses one of them."""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import psutil
import pytest
from classify.deadly import DEADLY, StartDeadlyWorker
from engines import cluster
from engines.workers import (
    FAILS,
    KILLS,
    KILLS_ONCE,
    KILLS_PARENT,
    KILLS_UNSEEN,
    Items,
    Scripted,
    Start,
    flat,
    refuse,
    shards,
)
from support import CommandLine, encoded, error_line, picture

from toolkit.classify import choose_engine
from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.engines import ray_engine
from toolkit.engines.ray_engine import RayEngine
from toolkit.engines.ray_settings import RaySettings
from toolkit.errors import DeviceError, InputError, MissingDependency, ModelError, ToolkitError

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    """Two workers that double numbers, on a cluster of this machine's own; an item may kill one once."""
    said: list[str] = []
    opened = RayEngine(2, address=None, cores=1, spare_cores=1, tell=said.append)
    with pytest.MonkeyPatch.context() as patch:
        # A worker that hangs while the item at fault is looked for is given up after 15 seconds.
        patch.setattr(ray_engine, "RaySettings", functools.partial(RaySettings, part_s=15.0))
        assert opened.open(Start(tmp_path_factory.mktemp("once") / "once")) == "ready"
    assert said == ["Ray: 2 workers on this machine"]
    yield opened
    opened.close()


@pytest.mark.parametrize("items", [[], [1], [0.3, 0.0, 0.1, 0.0, 0.0], list(range(30))])
def test_results_come_in_the_order_of_the_stream(engine: RayEngine, items: list[Any]) -> None:
    assert flat(engine.map(shards(*items, size=1))) == [2 * item for item in items]


def test_only_a_few_shards_are_taken_in_advance(engine: RayEngine) -> None:
    taken = []

    def stream() -> Iterator[Items]:
        for number in range(1000):
            taken.append(number)
            yield Items((number,))

    results = engine.map(stream())
    assert [next(results) for _ in range(3)] == [[0], [2], [4]]
    assert len(taken) <= 3 + 2 * 4
    results.close()


def test_what_a_stream_or_a_worker_raises_is_raised_when_its_turn_comes(engine: RayEngine) -> None:
    def stream() -> Iterator[Items]:
        yield from shards(1, 2, size=1)
        raise InputError("line 3 is broken", where="list.csv", remedy="correct it")

    results = engine.map(stream())
    assert [next(results), next(results)] == [[2], [4]]
    with pytest.raises(InputError, match="line 3"):
        next(results)
    results = engine.map(shards(1, FAILS, 3, size=1))
    assert next(results) == [2]
    with pytest.raises(DeviceError, match="the device is gone"):
        next(results)
    with pytest.raises(RuntimeError, match="TypeError") as caught:
        list(engine.map([Items((None,))]))
    assert "workers.py" in caught.value.__notes__[0]


def test_an_item_that_kills_its_process_is_given_up_as_on_one_machine(engine: RayEngine) -> None:
    items: list[object] = [*range(16)]
    items[6], items[9], items[13] = KILLS, KILLS_UNSEEN, KILLS_ONCE
    results = flat(engine.map(shards(*items)))
    assert results[6] == results[9] == "the process that worked on it died (killed by SIGSEGV)"
    assert results[13] == 2 * KILLS_ONCE
    others = [n for n in range(16) if n not in (6, 9, 13)]
    assert [results[n] for n in others] == [2 * n for n in others]


def test_an_item_that_kills_the_whole_worker_is_found_by_trying(engine: RayEngine) -> None:
    results = flat(engine.map(shards(0, 1, KILLS_PARENT, 3, 4, 5, size=3)))
    assert results == [0, 2, "the process that worked on it died (its Ray worker with it)", 6, 8, 10]


def test_one_that_hangs_while_the_item_at_fault_is_looked_for_is_given_up_and_nobody_is_blamed(
    engine: RayEngine, tmp_path: Path
) -> None:
    item = Scripted(tmp_path, ("worker", "worker", "hang"))
    assert flat(engine.map(shards(1, item))) == [2, "done"]
    assert len(list(tmp_path.iterdir())) > 3


def test_the_workers_are_the_most_that_were_ready_at_once(engine: RayEngine) -> None:
    deadline = time.monotonic() + 120
    while engine.workers < 2:
        assert time.monotonic() < deadline
        list(engine.map(shards(0.1, 0.1, 0.1, 0.1, size=1)))
    assert engine.workers == 2


def lineage(process: psutil.Process) -> set[int]:
    """Return the ids of a process and of those that it descends from, below this one."""
    pids = {process.pid}
    with contextlib.suppress(psutil.NoSuchProcess):
        pids |= {parent.pid for parent in process.parents()}
    return pids - {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def test_a_worker_that_cannot_be_made_says_why_and_nothing_is_left_behind() -> None:
    resource_tracker.ensure_running()  # Python's own, one for all that this process ever starts
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    failing = RayEngine(1, address=None, cores=1, spare_cores=1)
    with pytest.raises(ModelError, match="no such model"):
        failing.open(refuse)
    failing.close()
    # A cluster of another test may start processes of its own meanwhile: they descend from one that was there.
    left = [c for c in psutil.Process().children(recursive=True) if before.isdisjoint(lineage(c))]
    _, alive = psutil.wait_procs(left, timeout=30)  # a busy machine takes its time over their end
    assert [c for c in alive if c.status() != psutil.STATUS_ZOMBIE] == []


def test_an_address_where_nobody_answers_is_one_line(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    options = ["classify", "a.png", "-m", tiny_model, "--engine", "ray", "--ray-address", "127.0.0.1:9"]
    line = error_line(toolkit(*options, check=1))
    assert line.startswith("error: nothing answers there")
    assert "(--ray-address 127.0.0.1:9)" in line


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match=r"pip install '\.\[ray\]'"):
        RayEngine(1, address=None, cores=1, spare_cores=1).open(Start())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four hundred pictures whose colour is their number, a broken one and one that kills its process among them."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(400):
        content = encoded(picture((number % 250, 255 - number % 250, 0), (5, 9)))
        content = {33: content[:-30], 250: DEADLY}.get(number, content)
        (root / f"{number:03d}.png").write_bytes(content)
    return root


def options(model: Path, output: Path, *paths: str, **changes: Any) -> ClassifyOptions:
    return ClassifyOptions(
        **{"paths": paths, "model": str(model), "output": output, "device": "cpu", "threads": 1, "batch_size": 4,
           **changes}
    )  # fmt: skip


@contextlib.contextmanager
def machines(first_cores: int, others: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a cluster; give its address, and what takes one of its machines away."""
    tests = str(Path(cluster.__file__).parents[1])  # where its machines find the worker of these tests
    with (
        # A socket's name must be short.
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, cluster.__file__, folder, str(first_cores), str(others)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])},
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address

        def lose() -> None:
            process.stdin.write("lose\n")
            process.stdin.flush()
            assert process.stdout.readline() == "lost\n"

        try:
            yield address, lose
        finally:
            process.stdin.close()
            process.wait()


@pytest.fixture
def two_machines() -> Iterator[tuple[str, Callable[[], None]]]:
    """A cluster of two machines with a core each."""
    with machines(1, 1) as cluster:
        yield cluster


def test_an_item_is_not_blamed_for_the_loss_of_its_machine_nor_for_that_of_room(tmp_path: Path) -> None:
    item = Scripted(tmp_path, ("worker", "worker", "machine"))
    said: list[str] = []
    with machines(0, 2) as (address, _):
        engine = RayEngine(3, address=address, cores=1, spare_cores=1, tell=said.append)
        try:
            engine.open(Start())
            assert flat(engine.map(shards(1, item, 3, size=1))) == [2, "done", 6]
        finally:
            engine.close()
    assert said == [
        "Ray: 2 workers on a cluster of 3 machines",
        "--workers 3: the cluster has cores for 2; the others begin when it has more",
    ]
    assert len(list(tmp_path.iterdir())) > 3


def test_a_machine_lost_in_the_middle_costs_no_row_and_no_model_nor_archive_is_needed_there(
    two_machines: tuple[str, Callable[[], None]], tiny_model: Path, pictures: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    address, lose = two_machines
    monkeypatch.setattr(choose_engine, "StartWorker", StartDeadlyWorker)
    monkeypatch.chdir(tmp_path)  # a folder in which no machine of the cluster works
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for file in sorted(pictures.iterdir())[:100]:
            archive.write(file, file.name)
    paths = ("pictures", "archive.zip", "gone.png", "pictures")
    run(options(tiny_model, tmp_path / "local.csv", *paths, workers=2))
    model = tmp_path / "copy.onnx"
    shutil.copy(tiny_model, model)
    rows = 0

    def sink(records: list[Any]) -> None:
        nonlocal rows
        if not rows:
            model.unlink()  # whoever needs it now has its own
        if rows < 100 <= rows + len(records):
            lose()
        rows += len(records)

    result = run(options(model, tmp_path / "ray.csv", *paths, engine="ray", ray_address=address), sink=sink)
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
    assert (result.inputs, result.errors) == (901, 6)


def below() -> dict[int, psutil.Process]:
    """The processes that this one has started, and theirs, by number."""
    return {process.pid: process for process in psutil.Process().children(recursive=True)}


def test_a_cluster_that_goes_away_is_one_error_and_the_rows_before_are_kept_to_be_resumed(
    tiny_model: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "2")
    monkeypatch.setattr(choose_engine, "StartWorker", StartDeadlyWorker)
    before, killed = below(), []

    def sink(_: list[Any]) -> None:
        for pid, process in below().items() if not killed else ():
            if pid not in before and process.name().startswith(("raylet", "gcs_server", "ray::RayWorker")):
                killed.append(process.name())
                process.kill()

    paths = (str(pictures), str(pictures))
    with pytest.raises(ToolkitError, match=r"^the Ray cluster is gone \(--engine ray\): .*--resume"):
        run(options(tiny_model, tmp_path / "out.csv", *paths, engine="ray", workers=1), sink=sink)
    assert len(killed) == 3
    result = run(options(tiny_model, tmp_path / "out.csv", *paths, workers=2, resume=True))
    assert result.resumed
    run(options(tiny_model, tmp_path / "whole.csv", *paths, workers=2))
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for what the engine makes for a while, apart from that of tests beside; Ray needs a short name."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as name:
        yield Path(name)


def test_ctrl_c_while_the_process_that_talks_to_ray_begins_is_one_line_and_leaves_nothing(
    tmp_path: Path, scratch: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((200, 30, 0))))
    with subprocess.Popen(
        # The model's file is larger than a pipe holds: this process waits for the other to take it.
        [sys.executable, "-m", "toolkit", "classify", "a.png", "-m", "paper-cnn", "--engine", "ray"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as process:  # fmt: skip
        wait_for(lambda: any(is_importing(child) for child in psutil.Process(process.pid).children()))
        os.killpg(process.pid, signal.SIGINT)
        words = process.communicate()[1].splitlines()
    assert words == ["error: interrupted (Ctrl-C): what was finished is kept"]
    assert process.returncode == 130
    assert list(scratch.glob("toolkit-*")) == []


def is_importing(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline()) and process.memory_info().rss > 16 << 20
    return False


def stopped(how: signal.Signals, arguments: list[str], folder: Path, scratch: Path) -> list[str]:
    """Run the command until it has written more rows, stop it, and give its words; fail if anything lives on."""
    part = folder / "out.csv.part"
    size = part.stat().st_size if part.exists() else 0
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", *arguments],
        cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "HOME": str(folder), "TMPDIR": str(scratch)},
    ) as process:  # fmt: skip
        wait_for(lambda: part.exists() and part.stat().st_size > size + 1000)
        family = psutil.Process(process.pid).children(recursive=True)
        # Ctrl-C reaches the whole group; killed is the command alone.
        os.kill(process.pid, how) if how == signal.SIGKILL else os.killpg(process.pid, how)
        words = process.communicate()[1].splitlines()
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    return words


def test_the_command_is_quiet_leaves_nothing_running_when_stopped_and_goes_on_with_resume(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path, scratch: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((200, 30, 0))))
    (tmp_path / "list.txt").write_text("a.png\n" * 12_000 + "gone.png\n")
    local = ["classify", "list.txt", "-m", str(tiny_model), "-o"]
    arguments = [*local, "out.csv", "--engine", "ray", "--workers", "2"]
    cluster, device, kept, interrupted = stopped(signal.SIGINT, arguments, tmp_path, scratch)
    assert cluster == "Ray: 2 workers on this machine"
    assert device == "device: cpu (CPUExecutionProvider; the workers of --engine ray run on CPUs)"
    assert re.fullmatch(r"kept the [\d,]+ finished rows in out.csv.part: --resume goes on from there", kept)
    assert interrupted == "error: interrupted (Ctrl-C): what was finished is kept"
    arguments.append("--resume")
    stopped(signal.SIGKILL, arguments, tmp_path, scratch)
    assert list(scratch.glob("toolkit-*")) == []
    assert not (tmp_path / ".ray").exists()  # Ray would leave a secret in the user's home
    toolkit(*arguments, check=3)
    toolkit(*local, "local.csv", check=3)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
