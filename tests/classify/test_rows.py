import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.classify.result import Prediction, Record
from toolkit.classify.rows import Rows
from toolkit.classify.summary import Summary
from toolkit.classify.writers import Layout, open_format
from toolkit.images.inputs import Inputs

LABELS = ("cat", "dog")


def rows(*errors: str | None) -> Rows:
    """Rows named by their number; every second picture is a dog."""
    paths = [str(number) for number in range(len(errors))]
    good = [i for i, error in enumerate(errors) if error is None]
    best = np.array([[i % 2, 1 - i % 2] for i in good], np.int64).reshape(-1, 2)
    values = np.array([[0.75, 0.25] for _ in good], np.float32).reshape(-1, 2)
    broken = {i: error for i, error in enumerate(errors) if error is not None}
    return Rows(Inputs(paths, paths, [None] * len(paths), set(), {}, {1: b"\xff"}), broken, best, values)


def test_records_are_in_input_order_and_errors_stand_in_their_place() -> None:
    dog, cat = (Prediction("dog", 0.75),), (Prediction("cat", 0.75),)
    assert list(rows(None, "empty", None, None).records(LABELS, 1, 0.8)) == [
        Record("0", "ok", cat, uncertain=True),
        Record("1", "error", error="empty", path_bytes=b"\xff"),
        Record("2", "ok", cat, uncertain=True),
        Record("3", "ok", dog, uncertain=True),
    ]


@given(errors=st.lists(st.sampled_from([None, "empty"]), max_size=12), data=st.data())
def test_a_part_has_the_records_of_its_place(errors: list[str | None], data: st.DataObject) -> None:
    whole = rows(*errors)
    start = data.draw(st.integers(0, len(errors)))
    stop = data.draw(st.integers(start, len(errors)))
    records = list(whole.records(LABELS, 2))
    assert list(whole.part(start, stop).records(LABELS, 2)) == records[start:stop]
    assert [i for i, error in enumerate(errors) if error is None] == list(whole.good())


@given(st.floats(0, 1))
def test_a_probability_that_is_the_limit_itself_is_certain_everywhere(limit: float) -> None:
    values = np.array([[limit]], np.float32)
    paths = ["a"]
    found = Rows(Inputs(paths, paths, [None]), {}, np.zeros((1, 1), np.int64), values)
    (record,) = found.records(LABELS, 1, limit)
    assert record.uncertain is False
    summary = Summary(LABELS, with_truth=False, min_confidence=limit)
    summary.add(found)
    assert summary.uncertain == 0
    layout = Layout(labels=LABELS, top_k=1, min_confidence=limit, columns=())
    assert open_format(".csv", layout).encode(found).endswith(b",false\n")
