import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.workers import KILLS, Items, Start, die, flat, refuse, shards
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engines.local import LocalEngine
from toolkit.errors import ModelError, ToolkitError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    """Two processes that double numbers; an item may kill one once."""
    opened = LocalEngine(2)
    assert opened.open(Start(tmp_path / "once")) == "ready"
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def lasting() -> Iterator[LocalEngine]:
    """The same for tests that kill nobody."""
    opened = LocalEngine(2)
    opened.open(Start())
    yield opened
    opened.close()


@given(numbers=st.lists(st.integers(), max_size=40), size=st.integers(1, 7))
@settings(max_examples=25)
def test_results_come_in_the_order_of_the_stream(numbers: list[int], size: int, lasting: LocalEngine) -> None:
    assert flat(lasting.map(shards(*numbers, size=size))) == [2 * number for number in numbers]


def test_order_is_kept_when_the_first_is_the_slowest(lasting: LocalEngine) -> None:
    items = [0.3, 0.0, 0.1, 0.0, 0.0]
    assert flat(lasting.map(shards(*items, size=1))) == [2 * item for item in items]


def test_shards_and_results_larger_than_any_pipe_get_through(lasting: LocalEngine) -> None:
    long = "x" * 3_000_000
    assert [len(item) for item in flat(lasting.map(shards(*[long] * 8, size=1)))] == [6_000_000] * 8  # type: ignore[arg-type]


def test_only_a_few_shards_are_taken_in_advance(lasting: LocalEngine) -> None:
    taken = []

    def stream() -> Iterator[Items]:
        for number in range(1000):
            taken.append(number)
            yield Items((number,))

    results = lasting.map(stream())
    assert [next(results) for _ in range(3)] == [[0], [2], [4]]
    assert len(taken) <= 3 + 2 * 4
    results.close()


def test_a_defect_of_a_worker_keeps_its_trace(engine: LocalEngine) -> None:
    with pytest.raises(RuntimeError, match="TypeError") as caught:
        list(engine.map([Items((None,))]))
    assert "workers.py" in caught.value.__notes__[0]


def test_two_such_items_in_one_shard_are_both_found(engine: LocalEngine) -> None:
    results = flat(engine.map(shards(0, KILLS, 2, KILLS, 4, size=5)))
    assert [results[0], results[2], results[4]] == [0, 4, 8]
    assert all("SIGSEGV" in str(results[i]) for i in (1, 3))


def test_a_worker_that_cannot_be_made_says_why() -> None:
    before = set(multiprocessing.active_children())
    engine = LocalEngine(2)
    with pytest.raises(ModelError, match="no such model"):
        engine.open(refuse)
    engine.close()
    engine = LocalEngine(1)
    with pytest.raises(ToolkitError, match="before it could begin"):
        engine.open(die)
    engine.close()
    assert set(multiprocessing.active_children()) == before


def test_leaving_early_leaves_no_process_behind(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    engine = LocalEngine(2)
    engine.open(Start())
    results = engine.map(shards(*[0.2] * 50, size=1))
    next(results)
    results.close()
    engine.close()
    assert set(multiprocessing.active_children()) == before
