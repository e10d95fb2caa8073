import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.stats.agreement import compare, differences, logit_differences, missed_gates
from toolkit.stats.classification import softmax
from toolkit.stats.logistic import sigmoid

LOGITS = arrays(
    np.float32, st.tuples(st.integers(1, 8), st.integers(2, 6)), elements=st.floats(-20, 20, width=32)
)


@given(LOGITS)
def test_a_model_agrees_with_itself(logits: np.ndarray) -> None:
    probabilities = softmax(logits)
    agreement = compare(probabilities, probabilities)
    assert (agreement.max_difference, agreement.max_logit_difference, agreement.mean_difference) == (0, 0, 0)
    assert agreement.top1_agreement == 1
    assert agreement.pictures == len(logits)


@given(LOGITS, st.integers(0, 1000))
def test_the_figures_are_those_of_a_slow_obvious_definition(logits: np.ndarray, seed: int) -> None:
    first = softmax(logits)
    second = softmax(logits + np.random.default_rng(seed).normal(0, 0.1, logits.shape).astype(np.float32))
    gaps = [
        [abs(float(a) - float(b)) for a, b in zip(r, s, strict=True)]
        for r, s in zip(first, second, strict=True)
    ]
    agreement = compare(first, second)
    assert agreement.max_difference == pytest.approx(max(map(max, gaps)))
    assert agreement.mean_difference == pytest.approx(np.mean(gaps))
    assert list(differences(first, second)) == pytest.approx([max(row) for row in gaps])
    same = [int(np.argmax(r)) == int(np.argmax(s)) for r, s in zip(first, second, strict=True)]
    assert agreement.top1_agreement == pytest.approx(np.mean(same))


@given(LOGITS, st.integers(0, 1000))
def test_no_label_flips_but_among_the_small_margins(logits: np.ndarray, seed: int) -> None:
    first = softmax(logits)
    second = softmax(logits + np.random.default_rng(seed).normal(0, 0.3, logits.shape).astype(np.float32))
    agreement = compare(first, second)
    flipped = round((1 - agreement.top1_agreement) * agreement.pictures)
    assert agreement.small_margin is not None
    assert flipped <= agreement.small_margin


def test_the_difference_of_logits_shows_through_a_saturated_softmax() -> None:
    logits = np.array([[40.0, 0.0, -5.0]], np.float32)
    other = logits + np.array([[0.0, 0.5, 0.0]], np.float32)
    first, second = softmax(logits), softmax(other)
    assert compare(first, second).max_difference < 1e-12
    assert logit_differences(first, second)[0] == pytest.approx(0.5 * 2 / 3, rel=1e-4)


def test_a_shift_of_all_logits_is_no_difference() -> None:
    logits = np.array([[1.0, 2.0, 3.0]], np.float32)
    assert logit_differences(softmax(logits), softmax(logits + 7))[0] < 1e-6


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_a_number_counts_as_an_infinite_difference(odd: float) -> None:
    good = np.array([[0.5, 0.5], [0.5, 0.5]], np.float32)
    bad = good.copy()
    bad[1, 0] = odd
    agreement = compare(good, bad)
    assert agreement.max_difference == np.inf
    assert agreement.to_document()["max_difference"] is None
    assert list(differences(good, bad)) == [0, np.inf]


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_picture_that_is_not_a_number_on_either_side_has_no_class_that_agrees(odd: float) -> None:
    good = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], np.float32)
    bad = good.copy()
    bad[1] = odd
    bad[2, 1] = odd
    for first, second in ((good, bad), (bad, good), (bad, bad)):
        assert compare(first, second).top1_agreement == 0.5
        # Nothing is known of the difference.
        assert compare(first, second).to_document()["small_margin"] is None
    gates = missed_gates(compare(bad, bad), 1.0, 1.0)
    assert [gate.partition(",")[0] for gate in gates] == ["the largest difference", "the top-1 agreement"]


def test_a_margin_is_small_up_to_twice_the_largest_difference() -> None:
    first = np.array([[0.52, 0.42, 0.06], [0.60, 0.30, 0.10]], np.float32)
    second = first + np.array([[0.06, -0.06, 0.0], [0.0, 0.0, 0.0]], np.float32)
    assert compare(first, second).small_margin == 1  # 0.10 lies below 0.12, 0.30 above


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="can't compare"):
        compare(np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="can't compare"):
        compare(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))


def test_what_one_minus_p_loses_in_float32_is_no_difference() -> None:
    p = np.float32(0.99999994)
    first = np.array([[1 - p, p]], np.float32)
    second = np.array([[0, 1]], np.float32)
    assert logit_differences(first, second)[0] < 1e-6
    assert (
        logit_differences(np.array([[0.3, 0.7]], np.float32), np.array([[0.31, 0.69]], np.float32))[0] > 0.02
    )


def test_probabilities_of_labels_by_themselves_are_compared_by_their_odds() -> None:
    logits = np.array([[3.0, -2.0, 1.0], [-4.0, -5.0, -3.0]], np.float32)
    other = logits + np.array([[0.0, 0.25, 0.0], [0.0, 0.0, -0.5]], np.float32)
    gaps = logit_differences(sigmoid(logits), sigmoid(other))
    assert list(gaps) == pytest.approx([0.25, 0.5], rel=1e-3)


def test_a_saturated_label_does_not_count_digits_that_float32_has_not() -> None:
    logits = np.array([[30.0, 12.0, -40.0]], np.float32)
    assert logit_differences(sigmoid(logits), sigmoid(logits + 1))[0] < 1e-6
