"""Raw samples survive their encoding."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.bench.samples import decode, encode

INT64 = st.integers(-(2**62), 2**62 - 1)


@given(arrays(np.int64, st.integers(0, 200), elements=INT64))
def test_what_is_encoded_is_decoded_the_same(values: np.ndarray) -> None:
    assert np.array_equal(decode(encode(values)), values)


def test_the_encoding_is_as_documented() -> None:
    text = encode(np.array([5, 7, 4], np.int64))
    assert np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i8").tolist() == [5, 2, -3]


@pytest.mark.parametrize(
    "text", ["", "not base64!", "AAAA", base64.b64encode(zlib.compress(b"123")).decode()]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not encoded samples"):
        decode(text)
