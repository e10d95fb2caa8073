import pytest

from toolkit.errors import UsageError
from toolkit.train.options import Optimizer
from toolkit.train.recipe import Recipe, Settings, Span
from toolkit.tune.space import described, space_of, suggested

RECIPE = Recipe(
    name="r",
    summary="r",
    defaults=Settings(epochs=1, batch_size=1, optimizer=Optimizer.SGD, learning_rate=0.1),
    smallest=1,
    build=None,
    search={"learning_rate": Span(0.01, 1.0, log=True), "mixup": (0.0, 0.2), "temperature": (1.0, 4.0)},
)


def test_what_is_fixed_and_what_needs_a_teacher_is_not_searched() -> None:
    assert set(space_of(RECIPE, (), has_teacher=True)) == {"learning_rate", "mixup", "temperature"}
    assert set(space_of(RECIPE, (), has_teacher=False)) == {"learning_rate", "mixup"}
    assert set(space_of(RECIPE, ("learning-rate=0.1",), has_teacher=False)) == {"mixup"}


def test_nothing_left_to_search_is_an_error() -> None:
    with pytest.raises(UsageError, match="every setting is fixed"):
        space_of(RECIPE, ("learning_rate=0.1", "mixup=0"), has_teacher=False)


def test_a_space_is_described_in_words() -> None:
    words = described(space_of(RECIPE, (), has_teacher=False))
    assert words == "learning_rate 0.01 to 1, logarithmic; mixup 0.0 or 0.2"


def test_a_trial_is_asked_for_every_setting() -> None:
    class Ask:
        def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
            assert (name, log) == ("learning_rate", True)
            return high

        def suggest_categorical(self, name: str, choices: list[float]) -> float:
            return choices[0]

    assert suggested(space_of(RECIPE, (), has_teacher=False), Ask()) == {"learning_rate": 1.0, "mixup": 0.0}
