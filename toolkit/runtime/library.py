"""ONNX Runtime itself, imported so that it tells nobody what it runs, and what the installed build has."""

import contextlib
import io
import os
import threading
from functools import cache
from typing import Any

from toolkit.errors import ToolkitError, first_line

FATAL = 4  # its highest log level: what goes wrong comes to us as exceptions and comparisons
TELEMETRY = "ORT_DISABLE_TELEMETRY"
ONE_AT_A_TIME = threading.Lock()
SILENT = frozenset({"1", "true", "yes", "on"})  # what turns it off, tried with 1.31; "2" or "t" leave it on


@cache
def import_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry off, unless the user's environment decides about it.

    Since 1.29 its wheels send model names, hashes of weights and run times to the maker, and keep a database of them
    in the home folder; nobody who classifies pictures on a device of their own expects that. The variable counts only
    before the first import in a process.

    Raises:
        ToolkitError: it isn't installed, or is broken.

    Source: Privacy.md of the onnxruntime package, "Disabling Telemetry".
    """
    os.environ.setdefault(TELEMETRY, "1")
    try:
        import onnxruntime

        onnxruntime.InferenceSession  # noqa: B018 - of two that share a folder, one that was removed left the folder
    except (ImportError, AttributeError) as error:
        raise ToolkitError(
            f"ONNX Runtime can't be imported: {first_line(error)}",
            where="onnxruntime",
            remedy="see what is wrong with it: toolkit doctor",
        ) from error
    if os.name == "nt" and is_silent():
        onnxruntime.disable_telemetry_events()  # its older way there, which the variable doesn't reach
    return onnxruntime


def session_settings(threads: int, *, spinning: bool = False, optimize: bool) -> Any:
    """Return ONNX Runtime's options of a session, with its log turned off.

    Args:
        threads: intra-op threads.
        spinning: whether idle threads burn cycles for a quicker start of the next run.
        optimize: let ONNX Runtime rewrite the graph; off, it computes node by node as the file says.
    """
    ort = import_onnxruntime()
    ort.set_default_logger_severity(FATAL)
    settings = ort.SessionOptions()
    settings.log_severity_level = FATAL
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    if not optimize:
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    return settings


def is_silent() -> bool:
    """Tell whether ONNX Runtime, once imported here, keeps to itself what it runs."""
    return os.environ.get(TELEMETRY, "1").strip().lower() in SILENT


def available_providers() -> list[str]:
    """Return the execution providers compiled into the installed ONNX Runtime; not all may start."""
    ort = import_onnxruntime()
    return list(ort.get_available_providers())


def built_for_cuda() -> str:
    """Return the CUDA version that the installed ONNX Runtime was built for; empty for a CPU build."""
    ort = import_onnxruntime()
    return str(getattr(ort, "cuda_version", "") or "")


def preload_libraries() -> None:
    """Load the NVIDIA libraries that come as Python packages, where the installed ONNX Runtime can."""
    ort = import_onnxruntime()
    if hasattr(ort, "preload_dlls"):
        # It prints what it doesn't find; the diagnosis says the same in one line. The streams belong to the process: of
        # two threads that overlap, the last would put back what the other one had put there, for good.
        with (
            ONE_AT_A_TIME,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            ort.preload_dlls()
