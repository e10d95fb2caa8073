from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import InputError
from toolkit.images.feed import Feed
from toolkit.images.inputs import Input, Inputs, joined


def inputs(start: int, count: int) -> Inputs:
    """Inputs named by their number; what is known of one is told by it too."""
    numbers = range(start, start + count)
    return Inputs(
        [f"{n}.png" for n in numbers],
        [f"/{n}.png" for n in numbers],
        [str(n) for n in numbers],
        {n - start for n in numbers if n % 2},
        {n - start: f"{n} is bad" for n in numbers if n % 3 == 0},
        {n - start: bytes([n]) for n in numbers if n % 5 == 0},
        {n - start: (str(n),) for n in numbers if n % 7 == 0},
    )


def expected(number: int) -> Input:
    return Input(
        f"{number}.png",
        f"/{number}.png",
        str(number),
        f"{number} is bad" if number % 3 == 0 else None,
        bytes([number]) if number % 5 == 0 else None,
        (str(number),) if number % 7 == 0 else None,
    )


def stream(sizes: list[int]) -> Iterator[Inputs]:
    start = 0
    for size in sizes:
        yield inputs(start, size)
        start += size


@given(sizes=st.lists(st.integers(0, 9), max_size=12), takes=st.lists(st.integers(1, 12), min_size=1))
def test_inputs_come_out_whole_and_in_order_in_the_lengths_asked_for(
    sizes: list[int], takes: list[int]
) -> None:
    feed, seen = Feed(stream(sizes)), 0
    total = sum(sizes)
    for count in takes * 120:
        taken = feed.take(count)
        if taken is None:
            break
        assert len(taken) == min(count, total - seen)
        assert list(taken) == [expected(n) for n in range(seen, seen + len(taken))]
        assert taken.unseen == {i for i in range(len(taken)) if (seen + i) % 2}
        seen += len(taken)
    assert seen == total


def test_what_is_put_back_comes_first_again() -> None:
    feed = Feed(stream([5, 5]))
    taken = feed.take(7)
    assert taken is not None
    feed.put_back(taken.part(3, 7))
    again = feed.take(99)
    assert again is not None
    assert list(again) == [expected(n) for n in range(3, 10)]
    assert feed.take(1) is None


def test_no_more_is_read_than_is_asked_for_and_a_failure_comes_last() -> None:
    read = []

    def broken() -> Iterator[Inputs]:
        for part in stream([2, 2, 2]):
            read.append(len(part))
            yield part
        raise InputError("line 7 is broken", where="list.csv", remedy="correct it")

    feed = Feed(broken())
    assert not read
    assert feed.holds(3)
    assert len(read) == 2
    assert not feed.holds(7)
    rest = feed.take(99)
    assert rest is not None
    assert len(rest) == 6
    with pytest.raises(InputError, match="line 7"):
        feed.take(1)


@given(positions=st.sets(st.integers(0, 19), min_size=1))
def test_chosen_inputs_keep_what_is_known_of_them(positions: set[int]) -> None:
    chosen = inputs(0, 20).chosen(sorted(positions))
    assert list(chosen) == [expected(n) for n in sorted(positions)]
    assert list(joined([chosen, inputs(20, 2)])) == [expected(n) for n in [*sorted(positions), 20, 21]]
