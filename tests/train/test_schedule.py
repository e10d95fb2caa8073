from dataclasses import replace

import pytest
from training import PLAIN

from toolkit.train.recipe import Schedule
from toolkit.train.schedule import learning_rate

STEPS = 10


def rates(**settings: object) -> list[float]:
    chosen = replace(PLAIN, epochs=10, learning_rate=1.0, **settings)  # type: ignore[arg-type]
    return [learning_rate(chosen, step, STEPS) for step in range(chosen.epochs * STEPS)]


def test_a_constant_rate_is_constant() -> None:
    assert set(rates()) == {1.0}


@pytest.mark.parametrize("schedule", [Schedule.TRIANGULAR, Schedule.COSINE])
def test_the_rate_rises_to_its_highest_and_falls_to_the_end(schedule: Schedule) -> None:
    found = rates(schedule=schedule, warmup=0.2)
    assert found.index(max(found)) == 20
    assert max(found) == 1.0
    assert found[:20] == sorted(found[:20])
    assert found[20:] == sorted(found[20:], reverse=True)
    assert 0 < found[0] < 0.06
    assert 0 < found[-1] < 0.02


def test_the_triangle_falls_in_a_line_and_the_cosine_is_half_way_in_the_middle() -> None:
    assert rates(schedule=Schedule.TRIANGULAR)[25] == pytest.approx(0.75)
    assert rates(schedule=Schedule.COSINE)[50] == pytest.approx(0.5)
    assert rates(schedule=Schedule.COSINE)[25] == pytest.approx(0.8536, abs=1e-4)


def test_a_final_rate_is_where_it_ends() -> None:
    assert rates(schedule=Schedule.COSINE, final_rate=0.1)[-1] == pytest.approx(0.1, abs=0.001)


def test_the_last_layer_is_trained_at_its_own_rate_before_the_schedule_begins() -> None:
    found = rates(schedule=Schedule.TRIANGULAR, head_epochs=2, head_rate=0.3)
    assert set(found[:20]) == {0.3}
    assert found[20] == 1.0
