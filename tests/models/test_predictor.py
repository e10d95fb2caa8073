import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import DataError
from toolkit.models.predictor import column_order, predict


class Sum:
    """A predictor whose answer tells which picture it saw."""

    name = "sum"
    labels = ("a", "b")
    input_size = (2, 2)

    def probabilities(self, batch_nhwc: np.ndarray) -> np.ndarray:
        total = batch_nhwc.sum(axis=(1, 2, 3)).astype(np.float32)
        return np.stack([total, -total], axis=1)


@given(st.integers(0, 50), st.integers(1, 20))
def test_answers_come_in_the_order_of_the_pictures_at_any_batch_size(count: int, batch_size: int) -> None:
    images = np.arange(count * 12, dtype=np.uint8).reshape(count, 2, 2, 3)
    expected = Sum().probabilities(images) if count else np.empty((0, 2))
    np.testing.assert_array_equal(predict(Sum(), images, batch_size=batch_size), expected)


@given(st.permutations(["cat", "dog", "é", "10", "2"]))
def test_classes_are_matched_by_name(names: list[str]) -> None:
    labels = ["cat", "dog", "é", "10", "2"]
    assert [names[i] for i in column_order(labels, names, "x")] == labels


def test_a_model_without_names_is_matched_by_position() -> None:
    assert column_order(["cat", "dog"], ["0", "1"], "x") == [0, 1]
    assert column_order(["0", "1"], ["dog", "cat"], "x") == [0, 1]


def test_other_classes_are_named() -> None:
    with pytest.raises(DataError, match="'cow'"):
        column_order(["cat", "dog"], ["cow", "cat", "dog"], "x")
