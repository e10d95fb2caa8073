import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.models.predictor import predict


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
