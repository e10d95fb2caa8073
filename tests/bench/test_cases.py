"""Grids and their order."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bench.cases import Setup, cases_of, in_round, setups_of
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.errors import UsageError

Options = Callable[..., BenchOptions]


def shape(options: BenchOptions, fixed: int | None = None) -> list[tuple[str, str, int | None, int]]:
    cases = cases_of(options, dict.fromkeys(setups_of(options), fixed))
    return [(c.setup.model, c.setup.device, c.setup.threads, c.traffic.batch_size) for c in cases]


def test_a_grid_has_every_combination_models_first(options_of: Options) -> None:
    options = options_of(models=("a", "b"), devices=("cpu", "cuda"), threads=(1, 2), batch_sizes=(1, 8))
    expected = [(m, d, t, b) for m in "ab" for d in ("cpu", "cuda") for t in (1, 2) for b in (1, 8)]
    assert expected == shape(options)
    assert len(setups_of(options)) == 8


def test_the_same_model_twice_is_two_cases(options_of: Options) -> None:
    assert shape(options_of(models=("a", "a"))) == [("a", "auto", None, 1)] * 2


@pytest.mark.parametrize(
    ("fields", "fixed", "expected"),
    [
        ({}, None, 1),
        ({}, 4, 4),
        ({"scenario": Scenario.OFFLINE}, None, 32),
        ({"scenario": Scenario.OFFLINE}, 4, 4),
        ({"scenario": Scenario.MULTI_STREAM, "streams": 6}, None, 6),
        ({"scenario": Scenario.MULTI_STREAM, "streams": 6}, 3, 3),
        ({"scenario": Scenario.SERVER, "rate_qps": 1}, None, 1),
        ({"batch_sizes": (4,)}, 4, 4),
    ],
)
def test_the_default_batch_size_follows_scenario_and_model(
    options_of: Options, fields: dict[str, object], fixed: int | None, expected: int
) -> None:
    assert [row[3] for row in shape(options_of(**fields), fixed)] == [expected]


def test_another_batch_size_than_the_fixed_one_is_refused(options_of: Options) -> None:
    with pytest.raises(UsageError, match=r"a\.onnx takes batches of 4 only, not 8"):
        shape(options_of(batch_sizes=(4, 8)), 4)


def test_a_query_that_is_not_made_of_whole_batches_is_refused(options_of: Options) -> None:
    with pytest.raises(UsageError, match="10 pictures isn't made of whole batches of 4"):
        shape(options_of(scenario=Scenario.MULTI_STREAM, streams=10, batch_sizes=(4,)))


@given(st.integers(1, 9), st.integers(0, 30))
def test_every_round_has_every_case_once(count: int, number: int) -> None:
    assert sorted(in_round(list(range(count)), number)) == list(range(count))


def test_each_case_goes_first_in_turn() -> None:
    assert [in_round("abc", number)[0] for number in range(4)] == ["a", "b", "c", "a"]


def test_a_setup_is_the_key_of_its_session() -> None:
    assert Setup(position=0, model="a", device="cpu", threads=1) != Setup(
        position=1, model="a", device="cpu", threads=1
    )


def test_a_query_is_no_batch_that_would_not_fit_in_memory(options_of: Options) -> None:
    large = {"scenario": Scenario.MULTI_STREAM, "streams": 10_000_000}
    with pytest.raises(UsageError, match=r"a batch of 10000000 pictures is too large \(--streams\)"):
        shape(options_of(**large), None)
    assert [row[3] for row in shape(options_of(**large, batch_sizes=(1000,)), None)] == [1000]
