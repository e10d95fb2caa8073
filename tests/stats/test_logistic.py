"""The logistic function at every size of its argument."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.stats.logistic import sigmoid


@given(
    arrays(
        np.float32,
        st.integers(1, 50),
        elements=st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False),
    )
)
def test_it_is_the_definition_without_overflow(logits: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-logits.astype(np.float64)))
    found = sigmoid(logits)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-37)


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(-30, 30, width=32, allow_subnormal=False)))
def test_both_sides_add_up_to_one(logits: np.ndarray) -> None:
    np.testing.assert_allclose(sigmoid(logits) + sigmoid(-logits), 1, rtol=1e-6)
