import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engines.threads import ahead
from toolkit.errors import InputError


@given(items=st.lists(st.integers(), max_size=30), threads=st.integers(1, 4))
def test_results_come_in_the_order_of_the_stream(items: list[int], threads: int) -> None:
    assert list(ahead(lambda item: item * 2, items, threads=threads)) == [item * 2 for item in items]


def test_order_is_kept_when_the_first_is_the_slowest() -> None:
    delays = [0.05, 0.0, 0.02, 0.0]
    assert list(ahead(lambda delay: (time.sleep(delay), delay)[1], delays, threads=4)) == delays


def test_only_a_few_items_are_taken_in_advance() -> None:
    taken = []

    def stream() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = ahead(lambda item: item, stream(), threads=2)
    assert next(results) == 0
    assert len(taken) <= 4
    results.close()


def test_a_stream_that_fails_gives_what_came_before_first() -> None:
    def stream() -> Iterator[int]:
        yield from (1, 2, 3)
        raise InputError("line 4 is broken", where="list.csv", remedy="correct it")

    results = ahead(lambda item: item, stream(), threads=2)
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(InputError, match="line 4"):
        next(results)


def test_a_function_that_fails_raises_when_its_turn_comes() -> None:
    results = ahead(lambda item: 1 // item, [1, 0, 1], threads=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_leaving_early_stops_running_calls_and_leaves_no_thread() -> None:
    stopped = threading.Event()
    results = ahead(lambda item: item and stopped.wait(10), [0, 1, 1, 1, 1], threads=2, stop=stopped.set)
    next(results)
    results.close()
    assert stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_an_interruption_while_the_last_item_is_awaited_stops_it() -> None:
    stopped, seen = threading.Event(), []

    def wait(_: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        seen.append(stopped.wait(60))

    with pytest.raises(KeyboardInterrupt):
        next(ahead(wait, [1], threads=1, stop=stopped.set))
    for thread in threading.enumerate():
        if thread.name.startswith("decode"):
            thread.join()
    assert seen == [True]  # not the end of its patience
