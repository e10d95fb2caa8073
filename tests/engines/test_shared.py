import multiprocessing
from collections.abc import Iterator

import pytest
from engines.workers import Reading, flat, refuse, shards
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engines import shared
from toolkit.engines.shared import SharedEngine
from toolkit.errors import ModelError, ToolkitError


@pytest.fixture(scope="module")
def lasting() -> Iterator[SharedEngine]:
    """Two processes that double numbers into shared memory, for tests that kill nobody and leave nothing early."""
    opened = SharedEngine(2)
    opened.open(Reading)
    yield opened
    opened.close()


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
