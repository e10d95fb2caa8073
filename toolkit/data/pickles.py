"""Read the pickles of the CIFAR-10 Python archive without running what is in them.

A pickle may name any callable and have it called. Here it may name only what a uint8 array needs, and
even these names lead to stand-ins that hold bytes and check shapes, not to numpy's own constructors.
"""

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError

PIXEL_TYPES = ("u1", "|u1", "uint8")


class _DType:
    """Stand-in for numpy.dtype: only uint8 exists."""

    def __init__(self, name: object, *_: object) -> None:
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        if text not in PIXEL_TYPES:
            raise pickle.UnpicklingError(f"an array of {text!r} where only uint8 belongs")

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and alignment: a byte has neither."""


class _Array:
    """Stand-in for numpy.ndarray while it is unpickled: shape and raw bytes."""

    def __init__(self) -> None:
        self.values: NDArray[np.uint8] = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _DType, bool, bytes]) -> None:
        _, shape, dtype, fortran, raw = state
        self.fill(shape, dtype, "F" if fortran else "C", raw)

    def fill(self, shape: tuple[int, ...], dtype: object, order: str, raw: bytes | bytearray) -> "_Array":
        """Take the values over after checking that they fit the shape."""
        fits = (
            isinstance(dtype, _DType)
            and isinstance(raw, bytes | bytearray)
            and all(isinstance(extent, int) and extent >= 0 for extent in shape)
            and math.prod(shape) == len(raw)
        )
        if not fits:
            raise pickle.UnpicklingError("an array whose shape doesn't fit its bytes")
        self.values = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if order == "F" else "C")
        return self


class _NdarrayName:
    """Stand-in for the class numpy.ndarray, which pickles name but need not call."""


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _frombuffer(raw: bytes | bytearray, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
    return _Array().fill(shape, dtype, order, raw)


def _encode(text: str, encoding: str = "latin1", *_: object) -> bytes:
    # Python 3 writes bytes this way in protocol 2; other codecs have no business here.
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"text in the encoding {encoding!r}")
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): _NdarrayName,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")  # the folder's name before and since numpy 2
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


class _Refused(pickle.UnpicklingError):
    """The pickle asks for something that a data file doesn't need."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused(f"persistent object {pid!r}")


def read_pickle(content: bytes, where: object) -> dict[str, Any]:
    """Read a dictionary of numbers, texts, lists and uint8 arrays.

    Args:
        content: the pickle.
        where: the file, for errors.

    Returns:
        The dictionary; keys are text, arrays are uint8.

    Raises:
        DataError: it is damaged, isn't a dictionary, or asks for anything else (nothing of it was run).
    """
    try:
        # encoding="bytes": the official files were written by Python 2.
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except _Refused as error:
        raise DataError(
            f"its pickle wants to load {error}, which a data file doesn't need; nothing of it was run",
            where=where,
            remedy="don't trust this file; get the official archive",
        ) from error
    except Exception as error:  # a damaged stream makes the unpickler raise almost any exception
        raise DataError(
            f"its pickle is damaged: {error or type(error).__name__}",
            where=where,
            remedy="get the archive again",
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"its pickle holds a {type(found).__name__} instead of a dictionary",
            where=where,
            remedy="give the archive in its official layout",
        )
    return {_text(key): value.values if isinstance(value, _Array) else value for key, value in found.items()}


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
