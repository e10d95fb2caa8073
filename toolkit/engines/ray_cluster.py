"""Start a Ray cluster on this machine, or join one: quietly, and with errors in plain words."""

import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import toolkit
from toolkit.engines.ray_settings import AUTO, RaySettings
from toolkit.errors import ToolkitError, one_line

CLIENT = "ray://"
LOG = "ray.log"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent home
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # no warning about what a later version will do with GPUs
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",  # seconds until a cluster that doesn't answer is given up
}
CODE_ONLY = ["exported/", "demo/photos/", "__pycache__/"]  # not sent along with the package's code


def silence(settings: RaySettings) -> None:
    """Send what Ray prints in this process, and its children's words, to a file in the run's folder."""
    handle = os.open(Path(settings.folder) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def joined(settings: RaySettings) -> Iterator[Any]:
    """Yield the module `ray`, connected; at the end leave the cluster, or end the one that was started.

    Raises:
        ToolkitError: the cluster can't be started or joined.
    """
    if settings.address is None:
        # Workers find the code where this process finds it, installed or not.
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # What a worker that is killed leaves behind goes with the folder.
        os.environ["TMPDIR"] = settings.folder
        if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token":
            # Ray would make a secret for all clusters to come and leave it in the user's home.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())
    import ray

    try:
        ray.init(**_arguments(settings))
    except Exception as error:
        # Ray raises nearly anything here: RuntimeError, ConnectionError, ValueError, errors of gRPC.
        raise _refused(error, settings) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _arguments(settings: RaySettings) -> dict[str, Any]:
    """Return the arguments of `ray.init`."""
    address = settings.address
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address is None:
        return {
            "address": "local",  # a new cluster, whatever RAY_ADDRESS says
            "num_cpus": (settings.workers or 1) * settings.cores,
            "num_gpus": 0,
            "include_dashboard": False,
            "_temp_dir": settings.folder,
            **quiet,
        }
    # Other machines may have no toolkit, or another version: the code comes from here.
    code = {"py_modules": [str(Path(toolkit.__file__).parent)], "excludes": CODE_ONLY}
    return {"address": address, "runtime_env": code, **({} if address.startswith(CLIENT) else quiet)}


def _refused(error: Exception, settings: RaySettings) -> ToolkitError:
    words = one_line(error)[:300] or type(error).__name__
    if settings.address is None:
        return ToolkitError(
            f"Ray doesn't start on this machine: {words}",
            where=settings.where,
            remedy="use --engine local, which needs no cluster on one machine",
        )
    if settings.address == AUTO and isinstance(error, ConnectionError):
        return ToolkitError(
            "no Ray cluster runs on this machine",
            where=settings.where,
            remedy="start one with: ray start --head, or give its HOST:PORT",
        )
    return ToolkitError(
        f"the Ray cluster can't be joined: {words}",
        where=settings.where,
        remedy=f"this machine must be one of the cluster's (ray start --address=...), with the same Ray and "
        f"Python {sys.version_info.major}.{sys.version_info.minor}; from any other use ray://HOST:10001. If the "
        "cluster asks for a token, set RAY_AUTH_MODE=token",
    )
