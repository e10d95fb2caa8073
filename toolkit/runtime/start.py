"""Create a session on the device that was asked for, or say why not: requested means obtained."""

import os
import re
from pathlib import Path
from typing import Any

from toolkit.errors import DeviceError, ModelError, ToolkitError, UsageError
from toolkit.observer import Observer
from toolkit.runtime.cuda import INSTALL_LIBRARIES, Problem, diagnose, library_fault
from toolkit.runtime.devices import CPU, CUDA, Device, device_name, resolve
from toolkit.runtime.library import (
    available_providers,
    built_for_cuda,
    import_onnxruntime,
    preload_libraries,
)
from toolkit.runtime.messages import explain, explain_other, not_onnx, plain, short_name
from toolkit.runtime.placement import OTHER_EXPORT, on_cpu_instead, placement_of
from toolkit.runtime.provider_options import check_provider_options

CUDA_DEFAULTS = {"use_tf32": "0"}
"""TF32 costs three of four decimal digits of convolutions and products on GPUs since Ampere; ONNX Runtime
turns it on by itself. Who wants it says so: --provider-option use_tf32=1."""

GRAPH = "enable_cuda_graph"

QDQ_OFF = "session.disable_quant_qdq"
"""ONNX Runtime keeps int8 weights packed for kernels that compute in int8. CUDA has none: it would unpack all of them
in each run, the biases on the CPU (seen on an H200: 11 of 85 nodes of edge-m-int8), where a captured graph can't go.
Off, they are unpacked once, when the session is made; what is rounded on the way stays rounded."""

OUT_OF_BOUNDS = re.compile(r"External initializer.*given file_length: (\d+) are out of bounds", re.DOTALL)
CUDA_FAULT = re.compile(r"\b(CUDA|CUDNN|CUBLAS|CUFFT|CURAND) (failure|error)\b", re.IGNORECASE)


def start(path: Path, settings: Any, wanted: Device, options: dict[str, str], observer: Observer) -> Any:
    """Create an ONNX Runtime session.

    Args:
        path: of the model file.
        settings: ONNX Runtime's session options.
        wanted: the device; `cuda` and `provider` never fall back.
        options: KEY=VALUE pairs for the provider that is asked for.
        observer: told which provider `auto` took, of convolutions that stay on the CPU, and of int8 that CUDA unpacks.

    Raises:
        UsageError: the provider has no such option.
        ModelError: the file is broken.
        DeviceError: the provider that was asked for was not obtained, or would compute nothing.
    """
    ort = import_onnxruntime()
    available = available_providers()
    if wanted.kind == "provider":
        name = resolve(wanted.name, available)
        kind = {CPU: "cpu", CUDA: "cuda"}.get(name, "provider")
        wanted = Device(kind, name=name if kind == "provider" else "", typed=wanted.typed)
    if wanted.kind == "cpu":
        _refuse_graph(options)
        check_provider_options(options, [CPU])
        return _session(ort, path, settings, [(CPU, options)])
    if wanted.kind == "provider":
        return _start_other(ort, path, settings, wanted.name, options, observer)
    check_provider_options(options, [CUDA] if wanted.kind == "cuda" else [CUDA, CPU])
    if wanted.kind == "auto" and CUDA not in available:
        return _start_cpu(ort, path, settings, options, observer, f"device: cpu ({CPU})")
    return _start_cuda(ort, path, settings, wanted, options, observer)


def _start_cuda(
    ort: Any, path: Path, settings: Any, wanted: Device, options: dict[str, str], observer: Observer
) -> Any:
    try:
        session = _on_cuda(ort, path, settings, wanted, options)
    except DeviceError as error:
        if wanted.kind == "cuda":
            raise
        notice = f"device: cpu ({CPU}; CUDA is installed, but {error.what})"
        return _start_cpu(ort, path, settings, options, observer, notice)
    if wanted.kind == "auto":
        observer.notice(f"device: cuda:{wanted.index} ({CUDA})")
    _tell_placement(session, CUDA, observer)
    return session


def _on_cuda(ort: Any, path: Path, settings: Any, wanted: Device, options: dict[str, str]) -> Any:
    """Create a session that computes on CUDA, or raise DeviceError with what keeps it from that."""
    preload_libraries()
    problem = diagnose(available_providers(), built_for_cuda())
    if problem is None:
        cuda_options = {"device_id": str(wanted.index), **CUDA_DEFAULTS, **options}
        settings.add_session_config_entry(QDQ_OFF, "1")
        try:
            session = _session(ort, path, settings, [(CUDA, cuda_options), (CPU, {})])
        finally:
            settings.add_session_config_entry(QDQ_OFF, "0")  # `auto` may go on to the CPU
        if session.get_providers()[0] == CUDA:
            _refuse_idle(session, CUDA, path)
            return session
        problem = _unknown(Path(ort.__file__).parent / "capi", wanted.index)
    raise DeviceError(
        f"the CUDA execution provider did not start: {problem.finding}",
        where=f"--device {wanted.typed}",
        remedy=problem.remedy,
    )


def _refuse_idle(session: Any, provider: str, path: Path) -> None:
    """Refuse a provider that is listed first and has no kernels for what the model computes."""
    placement = placement_of(session)
    if placement is None:
        return
    what, counts = placement.deciding
    if not counts.get(provider):
        name = short_name(provider)
        raise DeviceError(
            f"none of its {sum(counts.values())} {what} would run on {name}, all would on the CPU",
            where=f"{path} on {provider}",
            remedy=f"use {OTHER_EXPORT}, or --device cpu",
        )


def _tell_placement(session: Any, provider: str, observer: Observer) -> None:
    """Tell of products that the CPU computes although another provider was asked for, and of int8 on CUDA."""
    placement = placement_of(session)
    if placement is None:
        return
    rest = on_cpu_instead(placement.products, provider)
    if rest is not None:
        observer.notice(f"{rest}: {OTHER_EXPORT} may be faster")
    # CUDA has no kernels for int8: what is left of it there is rounding between the layers, which takes time.
    if provider == CUDA and 0 < placement.products.get(CUDA, 0) <= 2 * placement.unpacked.get(CUDA, 0):
        observer.notice(f"CUDA unpacks int8 and computes in floats: {OTHER_EXPORT} is likely faster there")


def _unknown(libraries: Path, index: int) -> Problem:
    """Say what can still be said where everything that can be checked is there."""
    fault = library_fault(libraries)
    why = f"ONNX Runtime could not start it on device {index}"
    return Problem(
        f"{why}: {fault}" if fault else why,
        f"check that driver, GPU and CUDA libraries fit the build: nvidia-smi, {INSTALL_LIBRARIES}",
    )


def _start_cpu(
    ort: Any, path: Path, settings: Any, options: dict[str, str], observer: Observer, notice: str
) -> Any:
    """Take the CPU for `auto`: options that were meant for a GPU are left out, and that is said."""
    _refuse_graph(options)
    session = _session(ort, path, settings, [(CPU, {})])
    observer.notice(notice)
    if options:
        observer.notice(f"not used on the CPU: --provider-option {', '.join(sorted(options))}")
    return session


def _start_other(
    ort: Any, path: Path, settings: Any, name: str, options: dict[str, str], observer: Observer
) -> Any:
    _refuse_graph(options)
    check_provider_options(options, [name])
    preload_libraries()
    session = _session(ort, path, settings, [(name, options), (CPU, {})])
    if session.get_providers()[0] != name:
        raise _other_failed(name, "")
    _refuse_idle(session, name, path)
    _tell_placement(session, name, observer)
    return session


def _other_failed(name: str, text: str) -> DeviceError:
    problem = explain_other(name, text, available_providers(), built_for_cuda())
    return DeviceError(
        f"the {short_name(name)} execution provider did not start: {problem.finding}",
        where=f"--device {device_name(name)}",
        remedy=problem.remedy,
    )


def _refuse_graph(options: dict[str, str]) -> None:
    if options.get(GRAPH) == "1":
        raise UsageError(
            "only the CUDA provider captures CUDA graphs", where="--cuda-graph", remedy="add --device cuda"
        )


def _session(ort: Any, path: Path, settings: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
    try:
        file = os.fsencode(path).decode()  # UTF-8, which it takes names for, whatever the locale made of ours
    except UnicodeError as error:
        raise ModelError(
            "ONNX Runtime opens no file whose name isn't UTF-8", where=path, remedy="rename it"
        ) from error
    try:
        return ort.InferenceSession(
            file,
            settings,
            providers=[name for name, _ in providers],
            provider_options=[options for _, options in providers],
            enable_fallback=0,
        )
    except Exception as error:  # ONNX Runtime raises nine classes of its own, and RuntimeError
        raise _translated(error, path, providers[0][0]) from error


def _translated(error: Exception, path: Path, provider: str) -> ToolkitError:
    text = str(error)
    problem = None if provider == CPU else explain(text)
    if problem is not None:
        return DeviceError(problem.finding, where=f"{path} on {provider}", remedy=problem.remedy)
    if provider == CUDA and CUDA_FAULT.search(text):
        return DeviceError(
            f"CUDA failed: {plain(text)}",
            where=f"{path} on {provider}",
            remedy="check driver and libraries with: toolkit doctor",
        )
    if not path.stat().st_size:
        return ModelError("the file is empty (0 bytes)", where=path, remedy="copy or export it again")
    if "INVALID_PROTOBUF" in text or "Protobuf parsing failed" in text:
        return not_onnx(path)
    if provider not in (CPU, CUDA) and "INVALID_GRAPH" not in text:
        return _other_failed(provider, text)
    if "Cannot parse data from external tensors" in text:
        return ModelError(
            "ONNX Runtime reads no shapes, axes or pads from a file beside the model",
            where=path,
            remedy=f"write it into one file, in Python: onnx.save(onnx.load({str(path)!r}), 'whole.onnx')",
        )
    if "External data" in text or "external data" in text:
        what = "its external data " + ("lies outside its folder" if "escapes" in text else "is missing")
        return ModelError(f"{what}: {plain(text)}", where=path, remedy="copy the data file beside it")
    cut = OUT_OF_BOUNDS.search(text)
    if cut is not None:
        return ModelError(
            f"a file with weights beside it is cut off ({int(cut[1]):,} bytes)",
            where=path,
            remedy="copy the model again with all its files",
        )
    return ModelError(
        f"ONNX Runtime can't load it: {plain(text)}", where=path, remedy="check it with: toolkit inspect"
    )
