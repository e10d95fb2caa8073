"""What both engines of processes promise, whether these do the whole work or only its first step."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.workers import FAILS, KILLS, KILLS_ONCE, KILLS_UNSEEN, Items, Reading, Start, flat, shards

from toolkit.engines.local import LocalEngine
from toolkit.engines.shared import SharedEngine
from toolkit.errors import DeviceError, InputError

AnyEngine = LocalEngine | SharedEngine


@pytest.fixture(params=["whole work", "first step"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyEngine]:
    """Two processes that double numbers; an item may kill one once."""
    once = tmp_path / "once"
    if request.param == "whole work":
        local = LocalEngine(2)
        assert local.open(Start(once)) == "ready"
        yield local
        local.close()
    else:
        shared = SharedEngine(2)
        assert shared.open(lambda: Reading(once)) == "ready"
        yield shared
        shared.close()


def test_a_stream_that_fails_gives_what_came_before_first(engine: AnyEngine) -> None:
    def stream() -> Iterator[Items]:
        yield from shards(1, 2, 3, size=1)
        raise InputError("line 4 is broken", where="list.csv", remedy="correct it")

    results = engine.map(stream())
    assert [next(results) for _ in range(3)] == [[2], [4], [6]]
    with pytest.raises(InputError, match="line 4"):
        next(results)


def test_what_a_worker_raises_is_raised_when_its_turn_comes(engine: AnyEngine) -> None:
    results = engine.map(shards(1, FAILS, 3, size=1))
    assert next(results) == [2]
    with pytest.raises(DeviceError, match="the device is gone"):
        next(results)


@pytest.mark.parametrize("death", [KILLS, KILLS_UNSEEN])
def test_an_item_that_kills_its_process_is_given_up_and_nothing_else(engine: AnyEngine, death: str) -> None:
    items: list[object] = [*range(40)]
    items[6] = death
    results = flat(engine.map(shards(*items)))
    assert results[6] == "the process that worked on it died (killed by SIGSEGV)"
    assert [*results[:6], *results[7:]] == [2 * n for n in range(40) if n != 6]


def test_a_process_that_is_killed_by_chance_costs_nothing(engine: AnyEngine) -> None:
    assert flat(engine.map(shards(1, 2, KILLS_ONCE, 4))) == [2, 4, 2 * KILLS_ONCE, 8]
