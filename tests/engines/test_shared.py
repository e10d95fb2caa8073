import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.workers import FAILS, KILLS, KILLS_ONCE, KILLS_UNSEEN, Items, Reading, refuse
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engines import shared
from toolkit.engines.shared import SharedEngine
from toolkit.errors import DeviceError, InputError, ModelError, ToolkitError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SharedEngine]:
    """Two processes that double numbers into shared memory; an item may kill one once."""
    opened = SharedEngine(2)
    assert opened.open(lambda: Reading(tmp_path / "once")) == "ready"
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def lasting() -> Iterator[SharedEngine]:
    """The same for tests that kill nobody and leave nothing early."""
    opened = SharedEngine(2)
    opened.open(Reading)
    yield opened
    opened.close()


def shards(*items: object, size: int = 4) -> list[Items]:
    return [Items(items[i : i + size]) for i in range(0, len(items), size)]


def flat(results: Iterator[list[object]]) -> list[object]:
    return [item for result in results for item in result]


@given(numbers=st.lists(st.integers(-(2**62), 2**62 - 1), max_size=100), size=st.integers(1, 7))
@settings(max_examples=25)
def test_results_come_in_the_order_of_the_stream(
    numbers: list[int], size: int, lasting: SharedEngine
) -> None:
    assert flat(lasting.map(shards(*numbers, size=size))) == [2 * number for number in numbers]


def test_what_waits_in_shared_memory_stays_until_it_is_finished() -> None:
    before = set(multiprocessing.active_children())
    engine = SharedEngine(2)
    engine.open(lambda: Reading(pause_s=0.01))  # the processes are ahead as far as they may be
    assert flat(engine.map(shards(*range(200), size=2))) == [2 * number for number in range(200)]
    engine.close()
    assert set(multiprocessing.active_children()) == before


def test_a_stream_that_fails_gives_what_came_before_first(engine: SharedEngine) -> None:
    def stream() -> Iterator[Items]:
        yield from shards(1, 2, 3, size=1)
        raise InputError("line 4 is broken", where="list.csv", remedy="correct it")

    results = engine.map(stream())
    assert [next(results) for _ in range(3)] == [[2], [4], [6]]
    with pytest.raises(InputError, match="line 4"):
        next(results)


def test_what_a_process_raises_is_raised_when_its_turn_comes(engine: SharedEngine) -> None:
    results = engine.map(shards(1, FAILS, 3, size=1))
    assert next(results) == [2]
    with pytest.raises(DeviceError, match="the device is gone"):
        next(results)


@pytest.mark.parametrize("death", [KILLS, KILLS_UNSEEN])
def test_an_item_that_kills_its_process_is_given_up_and_nothing_else(
    engine: SharedEngine, death: str
) -> None:
    items: list[object] = [*range(40)]
    items[6] = death
    results = flat(engine.map(shards(*items)))
    assert results[6] == "the process that worked on it died (killed by SIGSEGV)"
    assert [*results[:6], *results[7:]] == [2 * n for n in range(40) if n != 6]


def test_a_process_that_is_killed_by_chance_costs_nothing(engine: SharedEngine) -> None:
    assert flat(engine.map(shards(1, 2, KILLS_ONCE, 4))) == [2, 4, 2 * KILLS_ONCE, 8]


def test_a_stream_that_is_left_early_leaves_no_process_behind_and_none_can_follow() -> None:
    before = set(multiprocessing.active_children())
    engine = SharedEngine(2)
    engine.open(Reading)
    results = engine.map(shards(*range(100), size=1))
    assert next(results) == [0]
    results.close()
    assert set(multiprocessing.active_children()) == before
    with pytest.raises(ValueError, match="isn't open"):
        next(engine.map(shards(1)))


def test_a_worker_that_cannot_be_made_says_why() -> None:
    before = set(multiprocessing.active_children())
    with pytest.raises(ModelError, match="no such model"):
        SharedEngine(2).open(refuse)
    assert set(multiprocessing.active_children()) == before


def test_large_shards_get_fewer_processes_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Reading().preparer.buffer_bytes
    for room, expected in ((100, (4, 4 * 4)), (12, (4, 4 * 3)), (6, (3, 3 * 2)), (1, (1, 1 * 2))):
        monkeypatch.setattr(shared, "MOST_BYTES", room * size)
        engine = SharedEngine(4)
        engine.open(Reading)
        assert (engine.workers, len(engine._places)) == expected
        assert flat(engine.map(shards(*range(60)))) == [2 * number for number in range(60)]
        engine.close()


def test_no_memory_to_share_is_said_in_one_line() -> None:
    worker = Reading()
    worker.preparer.buffer_bytes = 1 << 50
    with pytest.raises(ToolkitError, match="shared memory") as caught:
        SharedEngine(1).open(lambda: worker)
    assert "Errno" not in str(caught.value)
    assert "--batch-size" in str(caught.value.remedy)
