"""Lists that come in slowly."""

import os
import signal
import threading

import pytest

from toolkit.images.lists import text_entries


def test_ctrl_c_ends_the_wait_for_a_silent_list_whichever_thread_it_finds() -> None:
    # A signal that another thread takes, or that comes just before the system call, doesn't end the call.
    begin, end = threading.Event(), threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    reading, writing = os.pipe()

    def interrupt() -> None:
        begin.wait()
        assert other.ident is not None
        signal.pthread_kill(other.ident, signal.SIGINT)

    timer = threading.Timer(0.2, interrupt)
    timer.start()
    try:
        with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123
            entries = text_entries(stream)
            pipe.write(b"a.png\nb.png\n")
            assert next(entries) == ["a.png", "b.png"]
            begin.set()
            with pytest.raises(KeyboardInterrupt):
                next(entries)
    finally:
        end.set()
        other.join()
        timer.join()
