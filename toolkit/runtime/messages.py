"""What the exceptions of ONNX Runtime and of CUDA say, without places in source code, and what they mean."""

import re
from pathlib import Path

from toolkit.errors import ModelError
from toolkit.runtime.cuda import Problem, diagnose
from toolkit.runtime.devices import CUDA, SUFFIX, TENSORRT, device_name

PAGE = "https://onnxruntime.ai/docs/execution-providers"

SOURCE = re.compile(r"\S*onnxruntime_src/\S+:\d+\s+(?:[^\n]*?\)\s+)?(?:\[ONNXRuntimeError\] : \d+ : \w+ : )?")
"""A file of ONNX Runtime's own source with a line, the C++ function that follows, and the code of the error."""

CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
LIBRARY = re.compile(r"(?:error: |^)([\w.+-]+\.so(?:\.\d+)*): cannot open shared object file")


CUDA_SAYS = (
    # No kernel shows at the first run only, not when the session is made (onnxruntime#26245, #26181, #26177).
    (("no kernel image", "nokernelimage"), Problem(
        "the installed ONNX Runtime has no kernels for this GPU",
        "install a release that was built for it (see the GPU's compute capability: nvidia-smi "
        "--query-gpu=compute_cap --format=csv), or use --device cpu",
    )),
    (("insufficient for cuda runtime", "insufficientdriver"), Problem(
        "the NVIDIA driver is older than the CUDA libraries", "update the driver",
    )),
    # onnxruntime#11561
    (("no cuda-capable device",), Problem(
        "the NVIDIA driver shows this process no GPU",
        "see the devices with: nvidia-smi -L, and whether CUDA_VISIBLE_DEVICES hides them; or use --device cpu",
    )),
    (("invalid device ordinal", "invaliddevice", "invalid cuda device", "invalid device id"), Problem(
        "there is no such CUDA device", "see the devices with: nvidia-smi -L",
    )),
    # The last is said where the provider option gpu_mem_limit is reached.
    (("out of memory", "failed to allocate memory", "memoryallocation", "is smaller than requested bytes"), Problem(
        "the device has too little free memory",
        "use a smaller --batch-size, stop other processes on the GPU, or raise gpu_mem_limit where it is set",
    )),
)  # fmt: skip
"""Pieces of what CUDA says, in small letters, and what they mean. Source: names and texts of CUDA's runtime errors."""


def not_onnx(path: Path, remedy: str = "copy or export it again") -> ModelError:
    """Return the error that says that a file is no ONNX file."""
    return ModelError(
        f"not a valid ONNX file ({path.stat().st_size:,} bytes): it is cut short, damaged, or another format",
        where=path,
        remedy=remedy,
    )


def explain(text: str) -> Problem | None:
    """Recognise what CUDA says when a session is made or run.

    Args:
        text: of the exception.

    Returns:
        None where the text isn't one of those known.
    """
    lower = text.lower()
    for pieces, problem in CUDA_SAYS:
        if any(piece in lower for piece in pieces):
            return problem
    if "capture" in lower and "graph" in lower:
        return Problem(
            "the model can't be captured as a CUDA graph: part of it runs on the CPU or has control flow",
            "leave --cuda-graph out, or export the model with a fixed batch",
        )
    return None


def plain(text: str) -> str:
    """Return a message as one line without places in ONNX Runtime's source, its function names and error codes."""
    found = CODE.sub("", SOURCE.sub("", text))
    return " ".join(found.split()).rstrip(".") or "ONNX Runtime gives no reason"


def missing_library(text: str) -> str | None:
    """Return the shared library that the system's loader didn't find, or None where the text names none."""
    found = LIBRARY.search(text)
    return None if found is None else found.group(1)


def explain_other(provider: str, text: str, available: list[str], cuda_version: str) -> Problem:
    """Say why a provider other than the CPU's and CUDA's didn't start.

    Args:
        provider: its name.
        text: of the exception; empty where the session was made on another provider without a word.
        available: providers compiled into the installed ONNX Runtime.
        cuda_version: CUDA version that it was built for; empty where it wasn't.

    Source: ONNX Runtime's page on TensorRT: it needs the driver and libraries of CUDA, too, and its own are not
    found unless the loader's path holds them (the text seen with onnxruntime-gpu 1.31.1 names none).
    """
    if provider == TENSORRT:
        problem = diagnose([*available, CUDA], cuda_version)
        if problem is not None:
            return Problem(f"it needs what CUDA needs, and {problem.finding}", problem.remedy)
        if not text or "install TensorRT" in text or "libnvinfer" in text:
            return Problem(
                "the TensorRT libraries were not found",
                f"install TensorRT and put its folder into LD_LIBRARY_PATH, or use --device cuda; see: {PAGE}",
            )
    library = missing_library(text)
    if library is not None:
        return Problem(f"its library {library} is missing", f"install it, see: {PAGE}")
    finding = plain(text) if text else "ONNX Runtime took another provider without a word"
    return Problem(finding, f"install what {device_name(provider)} needs, see: {PAGE}")


def short_name(provider: str) -> str:
    """Return a provider's name as people write it: TensorRT, OpenVINO."""
    return "TensorRT" if provider == TENSORRT else provider.removesuffix(SUFFIX)
