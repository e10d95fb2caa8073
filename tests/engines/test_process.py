import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from engines import workers

from toolkit.engines.process import WorkerProcess

HANGS = """
import time
from engines.workers import Items, Start
from toolkit.engines.process import WorkerProcess
process = WorkerProcess(Start())
process.ready()
process.give(0, Items((1000.0,)))
print(process._process.pid, flush=True)
time.sleep(1000)
"""


def test_a_worker_that_hangs_goes_with_its_parent_however_that_dies() -> None:
    tests = os.path.dirname(os.path.dirname(workers.__file__))  # noqa: PTH120
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        os.kill(process.pid, signal.SIGKILL)
    gone, _ = psutil.wait_procs([worker], timeout=60)
    assert gone == [worker]


def test_a_worker_that_hangs_is_ended() -> None:
    process = WorkerProcess(workers.Start())
    process.ready()
    process.give(0, workers.Items((1000.0,)))
    worker = psutil.Process(process._process.pid)
    process.end()
    assert not worker.is_running()


STARTING = """
import os, signal, time
from engines import workers
from toolkit.engines.process import WorkerProcess
for number in range(2):  # the first of a program starts Python's resource tracker as well
    process = WorkerProcess(workers.Start())
    for _ in range(20):  # while it imports what it needs, and before it says that it ignores them
        os.kill(process._process.pid, signal.SIGINT)
        time.sleep(0.01)
    print(process.ready(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    process.end()
"""


def test_a_ctrl_c_that_comes_while_it_starts_is_not_for_the_worker_but_for_its_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTING],
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(workers.__file__))},  # noqa: PTH120
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "ready False\n" * 2


SCRIPT = """
import os
from engines import workers
from toolkit.engines.process import WorkerProcess
if __name__ == "__main__":
    process = WorkerProcess(workers.Start())
    print(process.ready(), os.environ.get("PYTHONSAFEPATH"))
    process.end()
"""


def test_what_is_called_like_a_module_of_python_in_the_working_folder_is_not_run(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for name in ("pickle", "signal", "socket", "struct", "types"):
        (work / f"{name}.py").write_text("raise SystemExit('code of somebody else')")
    # As the installed command, it has its own folder on its path and not this one.
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    places = [os.path.dirname(os.path.dirname(workers.__file__)), *filter(os.path.isdir, sys.path)]  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, script],
        cwd=work,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "ready None\n"
