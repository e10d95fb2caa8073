"""What `--device` means: auto, cpu, cuda:1 -> execution providers; requested means obtained."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import UsageError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True)
class Device:
    """A request for an execution provider.

    Args:
        kind: "auto", "cpu" or "cuda".
        index: which CUDA device; 0 elsewhere.
    """

    kind: str
    index: int = 0


def parse_device(text: str) -> Device:
    """Read `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: it is none of them.
    """
    kind, _, index = text.partition(":")
    if kind in ("auto", "cpu") and not index and ":" not in text:
        return Device(kind)
    if kind == "cuda" and (text == "cuda" or (index.isascii() and index.isdigit())):
        return Device("cuda", int(index or 0))
    raise UsageError(f"'{text}' is not a device", where="--device", remedy="use auto, cpu, cuda or cuda:N")


def parse_provider_options(options: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE pairs.

    Raises:
        UsageError: one has no key or no equals sign.
    """
    pairs = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise UsageError(
                f"'{option}' is not KEY=VALUE", where="--provider-option", remedy="write it as in use_tf32=0"
            )
        pairs[key.strip()] = value.strip()
    return pairs
