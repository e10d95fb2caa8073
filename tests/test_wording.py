"""Numbers with their nouns."""

import pytest

from toolkit.wording import count


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "thread", "1 thread"), (2, "thread", "2 threads"), (0, "round", "0 rounds"),
        (3, "fresh process", "3 fresh processes"), (1, "query", "1 query"), (1_200, "query", "1,200 queries"),
    ],
)  # fmt: skip
def test_a_noun_follows_its_number(number: int, noun: str, text: str) -> None:
    assert count(number, noun) == text
