"""Ranges of options."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.ranges import (
    MOST_CLASSES,
    MOST_PARALLEL,
    MOST_PICTURES,
    above_zero,
    at_least,
    held_at_once,
    parallel,
    share,
)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_passes_where_it_is_in_the_range_and_nowhere_else(value: float) -> None:
    for check, fits in (
        (lambda: at_least(value, 1, "--limit"), 1 <= value < math.inf),
        (lambda: above_zero(value, "--rate"), 0 < value < math.inf),
        (lambda: share(value, "--min-agreement"), 0 <= value <= 1),
        (lambda: share(value, "--dropout", whole=False), 0 <= value < 1),
    ):
        if fits:
            check()
        else:
            with pytest.raises(UsageError, match="out of range"):
                check()


def test_what_is_no_number_is_told_not_to_be_one() -> None:
    with pytest.raises(UsageError) as caught:
        at_least("many", 1, "max_pixels")  # type: ignore[arg-type]
    assert str(caught.value) == "'many' is not a number (max_pixels): use 1 or more"


@given(st.integers())
def test_threads_and_processes_are_no_more_than_a_machine_may_have(value: int) -> None:
    if 1 <= value <= MOST_PARALLEL:
        parallel(value, "--threads")
    else:
        with pytest.raises(
            UsageError, match=rf"out of range \(--threads\): use a number from 1 to {MOST_PARALLEL}"
        ):
            parallel(value, "--threads")


@pytest.mark.parametrize("most", [MOST_PICTURES, MOST_CLASSES])
def test_what_is_held_at_once_is_a_whole_number_up_to_the_most(most: int) -> None:
    for value in (1, most, np.int64(2)):
        held_at_once(value, most, "--top-k")  # type: ignore[arg-type]
    for value in (0, -1, most + 1, 10**12):
        with pytest.raises(UsageError) as caught:
            held_at_once(value, most, "--top-k")
        assert str(caught.value) == f"{value} is out of range (--top-k): use a number from 1 to {most}"
    for odd, said in ((1.5, "1.5"), ("2", "'2'"), (2.0, "2.0")):
        with pytest.raises(UsageError) as caught:
            held_at_once(odd, most, "top_k")  # type: ignore[arg-type]
        assert str(caught.value) == f"{said} is not a whole number (top_k): use a number from 1 to {most}"


def test_an_option_that_was_not_given_is_in_every_range() -> None:
    held_at_once(None, MOST_PICTURES, "--batch-size")
    parallel(None, "--threads")
    at_least(None, 1, "--limit")
    above_zero(None, "--rate")
    share(None, "--dropout")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: at_least(0, 1, "--limit"), "0 is out of range (--limit): use 1 or more"),
        (lambda: above_zero(-2.5, "--rate"), "-2.5 is out of range (--rate): use a number above 0"),
        (lambda: at_least(-1_234_567, 0, "--seed"), "-1234567 is out of range (--seed): use 0 or more"),
        (lambda: share(1.0000001, "--top"), "1.0000001 is out of range (--top): use a number from 0 to 1"),
        (lambda: share(2, "--tolerance"), "2 is out of range (--tolerance): use a number from 0 to 1"),
        (lambda: share(1, "--dropout", whole=False), "1 is out of range (--dropout): use 0 or more, below 1"),
    ],
)
def test_the_sentence_says_what_where_and_what_to_do(check: object, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check()  # type: ignore[operator]
    assert str(caught.value) == words
