"""A Ray actor with one worker in it: what runs on the machines of a cluster.

The worker has a process of its own below the actor. So a picture that kills its process is found and given
up right there, as on one machine, and the cluster doesn't notice.
"""

import contextlib
import socket
import sys
from typing import Any

from toolkit.engines.local import LocalEngine
from toolkit.errors import ToolkitError


class RayWorker:
    """Does shards, one after the other; whatever goes wrong is a result."""

    def __init__(self) -> None:
        # A spawned process loads its parent's main module. Here that is Ray's own, and the worker needs none.
        with contextlib.suppress(AttributeError):
            del sys.modules["__main__"].__file__
        self._engine = LocalEngine(1)

    def open(self, start: Any) -> Any:
        """Make the worker and return what it has to tell, or the error that says why it can't be made."""
        try:
            return self._engine.open(start)
        except ToolkitError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has to know
            return ToolkitError(
                f"a worker can't be made on {socket.gethostname()}: {error}",
                where="--engine ray",
                remedy="install the same version there from its checkout: pip install .",
            )

    def machine(self) -> str:
        """Return Ray's name of the machine that this is."""
        import ray

        name: str = ray.get_runtime_context().get_node_id()
        return name

    def work(self, shard: Any) -> Any:
        """Do a shard and return what was made of it, or the error that its work raised."""
        try:
            (made,) = self._engine.map([shard])
        except Exception as error:  # noqa: BLE001 - raised again where the rows are written
            return error
        return made
