"""Lists that come in slowly."""

import io
import os
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.images.lists import text_entries


def test_ctrl_c_ends_the_wait_for_a_silent_list_whichever_thread_it_finds() -> None:
    # A signal that another thread takes, or that comes just before the system call, doesn't end the call.
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    reading, writing = os.pipe()

    assert other.ident is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (other.ident, signal.SIGINT))
    try:
        with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123
            entries = text_entries(stream)
            pipe.write(b"a.png\nb.png\n")
            assert next(entries) == ["a.png", "b.png"]
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - a signal between the two must not get out
                timer.start()
                next(entries)
    finally:
        end.set()
        other.join()


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1)))
def test_a_line_of_utf16_ends_at_a_line_feed_and_nowhere_else(lines: list[str]) -> None:
    content = "".join(f"{line}\r\n" for line in lines).encode("utf-16")
    assert [entry for piece in text_entries(io.BytesIO(content)) for entry in piece] == lines
