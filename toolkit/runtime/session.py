"""Open an ONNX Runtime session on the device that was asked for, and run batches through it."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DeviceError, ModelError, UsageError
from toolkit.machine.cores import usable_cores
from toolkit.observer import SILENT, Observer
from toolkit.runtime.cuda import diagnose
from toolkit.runtime.devices import CPU, CUDA, Device, parse_device, parse_provider_options
from toolkit.runtime.signature import Signature, read_signature

FATAL = 4  # ONNX Runtime's highest log level: what goes wrong comes to us as exceptions and comparisons


@dataclass(frozen=True, kw_only=True)
class Session:
    """An open model on one execution provider.

    Args:
        path: of the model file.
        signature: its input and output.
        metadata: the file's `metadata_props`.
        provider: the execution provider obtained.
        device: where it runs: "cpu" or "cuda:N".
        threads: intra-op threads.
    """

    path: Path
    signature: Signature
    metadata: dict[str, str]
    provider: str
    device: str
    threads: int
    _session: Any = field(repr=False)

    @property
    def active_provider(self) -> str:
        """The execution provider that the session uses now; `provider` is the one it began with."""
        return str(self._session.get_providers()[0])

    def run(self, batch: NDArray[np.generic]) -> NDArray[np.generic]:
        """Run one batch.

        Args:
            batch: what the signature says: its dtype, layout and size, N pictures.

        Returns:
            [N, classes], of the model's own output type.

        Raises:
            DeviceError: the provider failed while running.
        """
        try:
            (scores,) = self._session.run([self.signature.output_name], {self.signature.input_name: batch})
        except Exception as error:
            raise DeviceError(
                f"running the model failed: {error}",
                where=f"{self.path} on {self.provider}",
                remedy="check the model with: toolkit inspect, and the device with: toolkit doctor",
            ) from error
        result: NDArray[np.generic] = scores.reshape(scores.shape[0], -1)
        return result


def open_session(
    path: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    provider_options: Sequence[str] = (),
    spinning: bool = False,
    observer: Observer = SILENT,
) -> Session:
    """Open a model file.

    Args:
        path: an .onnx file.
        device: auto, cpu, cuda or cuda:N; `cuda` never falls back.
        threads: intra-op threads; None means the physical cores this process may use.
        provider_options: KEY=VALUE, as they are, for the provider that is asked for.
        spinning: whether idle threads burn cycles for a quicker start of the next run.
        observer: told which provider `auto` took.

    Raises:
        UsageError: the device, an option or the number of threads makes no sense.
        ModelError: the file is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained.
    """
    wanted = parse_device(device)
    options = parse_provider_options(provider_options)
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads", where="--threads", remedy="use a number of 1 or more")
    if not path.is_file():
        raise ModelError("no such model file", where=path, remedy="check the path, or see: toolkit models")
    import onnxruntime as ort

    ort.set_default_logger_severity(FATAL)
    settings = ort.SessionOptions()
    settings.log_severity_level = FATAL
    settings.intra_op_num_threads = threads or usable_cores()
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    session = _create(ort, path, settings, wanted, options, observer)
    provider = session.get_providers()[0]
    session.disable_fallback()
    return Session(
        path=path,
        signature=read_signature(session.get_inputs(), session.get_outputs(), path),
        metadata=dict(session.get_modelmeta().custom_metadata_map),
        provider=provider,
        device=f"cuda:{wanted.index}" if provider == CUDA else "cpu",
        threads=settings.intra_op_num_threads,
        _session=session,
    )


def available_providers() -> list[str]:
    """Return the execution providers compiled into the installed ONNX Runtime; not all may start."""
    import onnxruntime as ort

    return list(ort.get_available_providers())


def built_for_cuda() -> str:
    """Return the CUDA version that the installed ONNX Runtime was built for; empty for a CPU build."""
    import onnxruntime as ort

    return str(getattr(ort, "cuda_version", "") or "")


def preload_libraries() -> None:
    """Load the NVIDIA libraries that come as Python packages, where the installed ONNX Runtime can."""
    import onnxruntime as ort

    if hasattr(ort, "preload_dlls"):
        # It prints what it doesn't find; the diagnosis says the same in one line.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            ort.preload_dlls()


def _create(
    ort: Any, path: Path, settings: Any, wanted: Device, options: dict[str, str], observer: Observer
) -> Any:
    available = ort.get_available_providers()
    if wanted.kind == "cpu":
        return _session(ort, path, settings, [(CPU, options)])
    if wanted.kind == "auto" and CUDA not in available:
        observer.notice(f"device: cpu ({CPU})")
        return _session(ort, path, settings, [(CPU, options)])
    preload_libraries()
    problem = diagnose(available, built_for_cuda())
    if problem is None:
        cuda_options = {"device_id": str(wanted.index), **options}
        session = _session(ort, path, settings, [(CUDA, cuda_options), (CPU, {})])
        if session.get_providers()[0] == CUDA:
            if wanted.kind == "auto":
                observer.notice(f"device: cuda:{wanted.index} ({CUDA})")
            return session
    finding = problem.finding if problem else f"ONNX Runtime could not start it on device {wanted.index}"
    remedy = problem.remedy if problem else "see: toolkit doctor"
    if wanted.kind == "cuda":
        raise DeviceError(
            f"the CUDA execution provider did not start: {finding}", where="--device cuda", remedy=remedy
        )
    observer.notice(f"device: cpu ({CPU}; CUDA is installed but did not start: {finding})")
    return _session(ort, path, settings, [(CPU, {})])


def _session(ort: Any, path: Path, settings: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
    try:
        return ort.InferenceSession(
            str(path),
            settings,
            providers=[name for name, _ in providers],
            provider_options=[options for _, options in providers],
            enable_fallback=0,
        )
    except Exception as error:
        raise _translated(error, path) from error


def _translated(error: Exception, path: Path) -> ModelError:
    text = str(error)
    if "INVALID_PROTOBUF" in text or "Protobuf parsing failed" in text or "INVALID_GRAPH" in text:
        size = path.stat().st_size
        return ModelError(
            f"not a valid ONNX file ({size:,} bytes): it is cut short, damaged, or another format",
            where=path,
            remedy="copy or export it again",
        )
    if "External data" in text or "external data" in text:
        return ModelError(
            f"its external data is missing: {text}", where=path, remedy="copy the data file beside it"
        )
    return ModelError(
        f"ONNX Runtime can't load it: {text}", where=path, remedy="check it with: toolkit inspect"
    )
