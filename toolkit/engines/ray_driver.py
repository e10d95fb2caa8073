"""The process that talks to Ray, from its beginning to its end."""

import contextlib
import shutil
import signal
from pathlib import Path
from typing import Any

from toolkit.engines.process import Start
from toolkit.engines.ray_cluster import joined, silence
from toolkit.engines.ray_dispatch import Dispatch
from toolkit.engines.ray_settings import RaySettings
from toolkit.errors import ToolkitError, one_line
from toolkit.machine.scratch import hold


def drive(connection: Any, settings: RaySettings) -> None:
    """Work in a process of one's own until the other side of the connection goes away.

    Args:
        connection: what makes a worker comes through it, then shards; results go back.
        settings: how to come by a cluster.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    hold(Path(settings.folder))  # with the parent, which may be killed; the handle ends with this process
    silence(settings)
    message: Exception
    try:
        try:
            start: Start = connection.recv()
        except (EOFError, OSError):  # nobody wants anything any more
            return
        with joined(settings) as ray:
            Dispatch(ray, connection, settings, start).run()
        return
    except ToolkitError as error:
        message = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to know
        message = ToolkitError(
            f"Ray failed: {type(error).__name__}: {one_line(error)[:300]}",
            where=settings.where,
            remedy=settings.remedy,
        )
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)  # the parent may have been killed
    with contextlib.suppress(OSError):
        connection.send(message)
