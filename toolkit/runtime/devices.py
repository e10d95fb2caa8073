"""What `--device` means: auto, cpu, cuda:1, provider:NAME -> execution providers; requested means obtained."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from toolkit.errors import DeviceError, UsageError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
SUFFIX = "ExecutionProvider"
DEVICES = "auto, cpu, cuda, cuda:N or provider:NAME"


@dataclass(frozen=True)
class Device:
    """A request for an execution provider.

    Args:
        kind: "auto", "cpu", "cuda" or "provider".
        index: which CUDA device; 0 elsewhere.
        name: of the provider, as it was typed; for the kind "provider" only.
        typed: the whole request, for errors.
    """

    kind: str
    index: int = 0
    name: str = ""
    typed: str = field(default="", compare=False)


def parse_device(text: str) -> Device:
    """Read `auto`, `cpu`, `cuda`, `cuda:N` or `provider:NAME`.

    Raises:
        UsageError: it is none of them.
    """
    kind, _, rest = text.partition(":")
    if kind in ("auto", "cpu") and not rest and ":" not in text:
        return Device(kind, typed=text)
    if kind == "cuda" and (text == "cuda" or (rest.isascii() and rest.isdigit())):
        return Device("cuda", int(rest or 0), typed=text)
    if kind == "provider" and rest:
        return Device("provider", name=rest, typed=text)
    raise UsageError(f"'{text}' is not a device", where="--device", remedy=f"use {DEVICES}")


def resolve(name: str, available: Sequence[str]) -> str:
    """Find a provider by its name, with or without the ending "ExecutionProvider", in any case.

    Args:
        name: as typed.
        available: providers compiled into the installed ONNX Runtime.

    Raises:
        DeviceError: there is no such provider.
    """
    short = {provider.removesuffix(SUFFIX).lower(): provider for provider in available}
    wanted = name.lower().removesuffix(SUFFIX.lower())
    if wanted in short:
        return short[wanted]
    near = difflib.get_close_matches(wanted, short, n=1)
    hint = f"did you mean provider:{short[near[0]].removesuffix(SUFFIX)}? " if near else ""
    raise DeviceError(
        f"the installed ONNX Runtime has no execution provider '{name}'",
        where=f"--device provider:{name}",
        remedy=f"{hint}it has {', '.join(available)}",
    )


def device_name(provider: str, index: int = 0) -> str:
    """Name a provider as `--device` takes it: cpu, cuda:1, provider:OpenVINO."""
    if provider == CUDA:
        return f"cuda:{index}"
    return "cpu" if provider == CPU else f"provider:{provider.removesuffix(SUFFIX)}"
