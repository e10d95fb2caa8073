import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.stats.temperature import HIGHEST, LOWEST, fit_temperature


def drawn(temperature: float, count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and truths drawn from what they say at a temperature."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, (count, 10))
    # Adding Gumbel noise and taking the largest draws from the softmax.
    return logits, (logits / temperature + generator.gumbel(size=logits.shape)).argmax(axis=1)


def cross_entropy(logits: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    scaled = logits / temperature
    largest = scaled.max(axis=1)
    total = largest + np.log(np.exp(scaled - largest[:, None]).sum(axis=1))
    return float(np.mean(total - scaled[np.arange(len(truth)), truth]))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
def test_the_temperature_that_the_truth_was_drawn_at_is_found(temperature: float) -> None:
    logits, truth = drawn(temperature)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.03)


@settings(max_examples=30)
@given(seed=st.integers(0, 999), temperature=st.floats(0.3, 5), shift=st.floats(-50, 50))
def test_no_other_temperature_has_a_smaller_loss(seed: int, temperature: float, shift: float) -> None:
    logits, truth = drawn(temperature, count=200, seed=seed)
    logits += shift
    least = cross_entropy(logits, truth, fit_temperature(logits, truth))
    for other in np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 60)):
        assert least <= cross_entropy(logits, truth, float(other)) + 1e-9


def test_pictures_that_are_all_right_ask_for_all_certainty() -> None:
    logits = 5 * np.eye(4)[[0, 1, 2, 3]]
    assert fit_temperature(logits, np.arange(4)) == pytest.approx(LOWEST)


def test_float32_logarithms_of_probabilities_serve_as_well() -> None:
    logits, truth = drawn(1.7, count=2000)
    log = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    assert fit_temperature(log, truth) == pytest.approx(fit_temperature(logits, truth), rel=1e-4)
