import contextlib
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.pickles import read_pickle
from toolkit.errors import DataError

PICTURES = np.arange(24, dtype=np.uint8).reshape(2, 12)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", [PICTURES, np.asfortranarray(PICTURES), PICTURES[:1]])
def test_arrays_of_every_protocol_and_order_come_back(protocol: int, array: np.ndarray) -> None:
    found = read_pickle(pickle.dumps({b"data": array, "labels": [1, 2]}, protocol), "x")
    np.testing.assert_array_equal(array, found["data"])
    assert found["labels"] == [1, 2]


def test_what_python_2_wrote_is_read() -> None:
    # As in the official files: module names of old numpy, and the raw bytes as a Python 2 string.
    raw = PICTURES.tobytes()
    content = (
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03"
        b"K\x00\x85U\x01b\x87Rq\x04(K\x01K\x02K\x0c\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87Rq\x06"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(raw)]) + raw + b"tbs."
    )
    np.testing.assert_array_equal(PICTURES, read_pickle(content, "x")["data"])


class Attack:
    """Calls a function when it is unpickled without restriction."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call = (call, arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("wrap", [lambda bad: bad, lambda bad: {b"data": bad}, lambda bad: [{"x": (bad,)}]])
def test_a_pickle_that_calls_something_is_refused_and_nothing_is_called(
    tmp_path: Path, protocol: int, wrap: object
) -> None:
    trace = tmp_path / "was-here"
    content = pickle.dumps(wrap(Attack(os.mkdir, str(trace))), protocol)  # type: ignore[operator]
    with pytest.raises(DataError, match="mkdir, which a data file doesn't need; nothing of it was run"):
        read_pickle(content, tmp_path / "data_batch_1")
    assert not trace.exists()
    pickle.loads(content)
    assert trace.exists()  # the attack itself works


@pytest.mark.parametrize(
    "content",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        b"\x80\x02cnumpy.lib.npyio\nload\n.",
        b"P1\n.",
    ],
)
def test_names_outside_the_short_list_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="wants to load"):
        read_pickle(content, "x")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.zeros(2, np.float32), "only uint8 belongs"),
        (np.array([object()]), "only uint8 belongs|wants to load"),
        ([1, 2], None),
        (7, None),
    ],
)
def test_other_contents_are_refused(value: object, reason: str | None) -> None:
    if reason is None:
        with pytest.raises(DataError, match="instead of a dictionary"):
            read_pickle(pickle.dumps(value), "x")
    else:
        content = pickle.dumps({"data": value}, 2)
        with pytest.raises(DataError, match=reason):
            read_pickle(content, "x")


def test_an_array_that_claims_more_than_it_holds_is_refused() -> None:
    class Liar:
        def __reduce__(self) -> tuple[object, ...]:
            real = PICTURES.__reduce__()
            return real[0], real[1], (1, (2**40,), np.dtype("u1"), False, b"abc")

    with pytest.raises(DataError, match="shape doesn't fit its bytes"):
        read_pickle(pickle.dumps({"data": Liar()}, 2), "x")


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"\x80\x02" + b + b"."))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(DataError):
        assert isinstance(read_pickle(content, "x"), dict)


def test_every_shortened_pickle_is_refused() -> None:
    buffer = io.BytesIO()
    pickle.dump({b"data": PICTURES, b"labels": [1, 2]}, buffer, 2)
    for length in range(len(buffer.getvalue())):
        with pytest.raises(DataError, match="damaged"):
            read_pickle(buffer.getvalue()[:length], "x")
