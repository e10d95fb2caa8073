import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.stats.temperature import LARGEST, SMALLEST, fit_temperature, loss_at


def drawn(temperature: float, count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and truths drawn from what they say at a temperature."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, (count, 10))
    # Adding Gumbel noise and taking the largest draws from the softmax.
    return logits, (logits / temperature + generator.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
def test_the_temperature_that_the_truth_was_drawn_at_is_found(temperature: float) -> None:
    logits, truth = drawn(temperature)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.03)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), temperature=st.floats(0.3, 5), shift=st.floats(-50, 50))
def test_no_other_temperature_has_a_smaller_loss(seed: int, temperature: float, shift: float) -> None:
    logits, truth = drawn(temperature, count=200, seed=seed)
    best = fit_temperature(logits + shift, truth)
    least = loss_at(logits, truth, best)
    for other in np.exp(np.linspace(np.log(SMALLEST), np.log(LARGEST), 60)):
        assert least <= loss_at(logits, truth, float(other)) + 1e-9


def test_the_loss_is_that_of_the_softmax() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]))
    truth = np.array([0, 2])
    assert loss_at(logits, truth, 1.0) == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2)


def test_pictures_that_are_all_right_ask_for_all_certainty() -> None:
    logits = 5 * np.eye(4)[[0, 1, 2, 3]]
    assert loss_at(logits, np.arange(4), fit_temperature(logits, np.arange(4))) < 1e-12
