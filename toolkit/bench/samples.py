"""Raw samples <-> compressed text.

The encoding, named in every record: differences of consecutive values (the first stands as it is) as
little-endian int64, compressed by zlib, written in base64. Nothing is rounded.
"""

import base64
import binascii
import zlib

import numpy as np

from toolkit.bench.figures import Nanoseconds

ENCODING = "base64(zlib(little-endian int64 differences)), nanoseconds"
ITEM = 8  # bytes of an int64


def encode(values_ns: Nanoseconds) -> str:
    """Write int64 [N] as text; `decode` gives back the same."""
    differences = np.diff(values_ns, prepend=np.int64(0)).astype("<i8")
    return base64.b64encode(zlib.compress(differences.tobytes(), 6)).decode("ascii")


def decode(text: str) -> Nanoseconds:
    """Read what `encode` wrote: int64 [N].

    Raises:
        ValueError: it is something else.
    """
    try:
        raw = zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"not encoded samples: {error}") from error
    if len(raw) % ITEM:
        raise ValueError(f"not encoded samples: {len(raw)} bytes")
    return np.cumsum(np.frombuffer(raw, "<i8").astype(np.int64))
