import pytest

from toolkit.classify.stages import Stages, limiting_stage, remedy

SECOND = 10**9


@pytest.mark.parametrize(
    ("stages", "limit"),
    [
        (Stages(reading_ns=3 * SECOND, decoding_ns=SECOND), "reading"),
        (Stages(running_ns=8 * SECOND, writing_ns=8 * SECOND), "running"),  # writing is not the only one busy
        (Stages(running_ns=8 * SECOND, writing_ns=9 * SECOND + SECOND // 2), "writing"),
        (Stages(running_ns=8 * SECOND, writing_ns=SECOND, sorting_ns=9 * SECOND), "sorting"),
        (Stages(running_ns=8 * SECOND, writing_ns=5 * SECOND, sorting_ns=SECOND), "running"),
    ],
)
def test_the_limit_is_the_stage_that_can_not_be_shared_or_the_longest(stages: Stages, limit: str) -> None:
    assert limiting_stage(stages, 10.0) == limit
    assert remedy(limit)


def test_one_session_is_the_limit_when_it_is_always_busy() -> None:
    # Sixteen processes decoded, one session ran.
    stages = Stages(decoding_ns=40 * SECOND, running_ns=9 * SECOND + SECOND // 2)
    assert limiting_stage(stages, 10.0) == "decoding"
    assert limiting_stage(stages, 10.0, one_session=True) == "running"
    assert limiting_stage(stages, 20.0, one_session=True) == "decoding"


def test_a_model_that_is_int8_already_is_not_to_be_made_int8() -> None:
    assert "--precision int8" in remedy("running", "fp32")
    assert "int8" not in remedy("running", "int8")
    assert remedy("decoding", "int8") == remedy("decoding")
    assert ["--exact" in remedy("decoding", exact=exact) for exact in (False, True)] == [False, True]


def test_sorting_is_named_only_where_something_was_sorted() -> None:
    assert list(Stages(writing_ns=1).seconds()) == ["reading", "decoding", "running", "writing"]
    assert Stages(sorting_ns=2 * SECOND).seconds()["sorting"] == 2.0


def test_stages_add_up() -> None:
    one = Stages(1, 2, 3, 4, 5)
    assert one + one == Stages(2, 4, 6, 8, 10)
