"""The parent's side of a measuring process: start it, wait, and read its answer."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from toolkit import errors
from toolkit.bench.request import Measured, Request
from toolkit.errors import DeviceError, ToolkitError

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
GRACE_S = 10  # that an interrupted process has to hand over what it measured


def in_process(request: Request) -> Measured:
    """Measure one round in a fresh process; nothing else of ours works meanwhile.

    Returns:
        The measurement; where Ctrl-C came, what was measured until then, marked as interrupted.

    Raises:
        ToolkitError: the process failed, with its reason.
        KeyboardInterrupt: Ctrl-C came before the process had measured anything.
    """
    # -P keeps the working folder off the path: a file there called numpy.py must not be imported.
    command = [sys.executable, "-P", "-m", "toolkit.bench.worker"]
    path = os.pathsep.join(filter(None, [str(PACKAGE_PARENT), os.environ.get("PYTHONPATH")]))
    theirs, ours = os.pipe()
    # Open until the answer is there: its end is how the process learns that this one was killed.
    with os.fdopen(ours, "wb", buffering=0) as requests:
        with os.fdopen(theirs, "rb", buffering=0) as stdin:
            child = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "PYTHONPATH": path},
            )
        with child:
            try:
                with contextlib.suppress(OSError):  # it died at once: its exit code tells
                    requests.write(f"{request.to_json()}\n".encode())
                stdout, stderr = child.communicate()
            except KeyboardInterrupt:
                return _interrupted(child, request)
            except BaseException:
                child.kill()
                raise
    return _read(stdout, stderr, child.returncode, request)


def _interrupted(child: "subprocess.Popen[str]", request: Request) -> Measured:
    """Ask the process for what it has; it may have ended already, or know of the Ctrl-C by itself."""
    with contextlib.suppress(OSError, ValueError):
        child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    try:
        stdout, stderr = child.communicate(timeout=GRACE_S)
        measured = _read(stdout, stderr, child.returncode, request)
    except (subprocess.TimeoutExpired, ToolkitError):
        child.kill()
        raise KeyboardInterrupt from None
    # It may have finished its round in the same moment; the run ends here all the same.
    return Measured(**{**vars(measured), "interrupted": True})


def _read(stdout: str, stderr: str, code: int, request: Request) -> Measured:
    answer = _last_line(stdout)
    if answer is None:
        last = (stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        raise DeviceError(
            f"a fresh process that measures it ended with code {code}: {last}",
            where=f"{request.model} on {request.device}",
            remedy="check the device with: toolkit doctor",
        )
    if "nothing" in answer:
        raise KeyboardInterrupt
    if "what" in answer:
        # The class decides about the exit code, so it is kept.
        kind = getattr(errors, answer["error"], ToolkitError)
        raise kind(answer["what"], where=answer["where"], remedy=answer["remedy"])
    return Measured.from_document(answer)


def _last_line(text: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(text.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None
