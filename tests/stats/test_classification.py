import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit.stats.classification import (
    calibration,
    class_figures,
    confusion_matrix,
    cross_entropy,
    softmax,
    top_k,
    top_k_accuracy,
    wilson_interval,
)


@st.composite
def judged(draw):
    """Probabilities float32 [N, C], many of them equal, zero or exactly on a bin's edge, and true classes."""
    pictures, classes = draw(st.integers(1, 25)), draw(st.integers(2, 6))
    steps = st.integers(0, 15).map(lambda step: np.float32(step / 15))
    probabilities = draw(
        arrays.arrays(np.float32, (pictures, classes), elements=st.one_of(steps, st.floats(0, 1, width=32)))
    )
    truth = draw(arrays.arrays(np.int64, pictures, elements=st.integers(0, classes - 1)))
    return probabilities, truth


def ranking(row):
    return sorted(range(len(row)), key=lambda index: (-row[index], index))


@given(judged(), st.integers(1, 8))
def test_top_k_is_a_sort_by_probability_and_then_by_index(given_, k):
    probabilities, _ = given_
    expected = [ranking(row)[:k] for row in probabilities]
    indices, values = top_k(probabilities, k)
    assert expected == indices.tolist()
    assert [
        [row[i] for i in best] for row, best in zip(probabilities, expected, strict=True)
    ] == values.tolist()


@given(judged(), st.integers(1, 8))
def test_top_k_accuracy_counts_the_truths_among_the_first_k(given_, k):
    probabilities, truth = given_
    hits = sum(int(t) in ranking(row)[:k] for row, t in zip(probabilities, truth, strict=True))
    assert hits / len(truth) == pytest.approx(top_k_accuracy(probabilities, truth, k))


@given(judged())
def test_cross_entropy_is_the_mean_of_minus_the_logarithm_with_a_floor(given_):
    probabilities, truth = given_
    losses = [-math.log(max(float(row[t]), 1e-7)) for row, t in zip(probabilities, truth, strict=True)]
    assert sum(losses) / len(losses) == pytest.approx(cross_entropy(probabilities, truth))


def test_an_answer_of_zero_costs_sixteen_nats_and_not_infinity():
    assert str(cross_entropy(np.array([[1.0, 0.0]], np.float32), np.array([0]))) == "0.0"
    loss = cross_entropy(np.array([[1.0, 0.0]], np.float32), np.array([1]))
    assert -math.log(1e-7) == pytest.approx(loss)


@given(judged())
def test_confusion_counts_each_pair_of_truth_and_prediction(given_):
    probabilities, truth = given_
    predicted = probabilities.argmax(axis=1)
    classes = probabilities.shape[1]
    expected = [
        [int(((truth == row) & (predicted == column)).sum()) for column in range(classes)]
        for row in range(classes)
    ]
    assert expected == confusion_matrix(truth, predicted, classes).tolist()


@given(judged())
def test_class_figures_follow_their_definitions_over_single_pictures(given_):
    probabilities, truth = given_
    predicted = probabilities.argmax(axis=1)
    classes = probabilities.shape[1]
    figures = class_figures(confusion_matrix(truth, predicted, classes))
    for label in range(classes):
        true_positive = sum((t == label) and (p == label) for t, p in zip(truth, predicted, strict=True))
        said, there = sum(predicted == label), sum(truth == label)
        precision = true_positive / said if said else math.nan
        recall = true_positive / there if there else math.nan
        assert there == figures.support[label]
        assert precision == pytest.approx(figures.precision[label], nan_ok=True)
        assert recall == pytest.approx(figures.recall[label], nan_ok=True)
        if true_positive:
            harmonic = 2 * precision * recall / (precision + recall)
            assert harmonic == pytest.approx(figures.f1[label])
        else:
            assert (0.0 if said or there else math.nan) == pytest.approx(figures.f1[label], nan_ok=True)


@given(judged(), st.integers(1, 20))
def test_calibration_error_is_the_weighted_gap_of_each_bin(given_, bins):
    probabilities, truth = given_
    best = probabilities.argmax(axis=1)
    sure = [float(row[i]) for row, i in zip(probabilities, best, strict=True)]
    right = [int(b == t) for b, t in zip(best, truth, strict=True)]
    error, members_seen = 0.0, 0
    found = calibration(probabilities, truth, bins=bins)
    for m in range(bins):
        low, high = m / bins, (m + 1) / bins
        members = [i for i, c in enumerate(sure) if (low < c or m == 0) and (c <= high or m == bins - 1)]
        members_seen += len(members)
        assert len(members) == found.count[m]
        if members:
            accuracy = sum(right[i] for i in members) / len(members)
            confidence = sum(sure[i] for i in members) / len(members)
            assert accuracy == pytest.approx(found.accuracy[m])
            assert confidence == pytest.approx(found.confidence[m])
            error += len(members) / len(truth) * abs(accuracy - confidence)
        else:
            assert math.isnan(found.accuracy[m])
    assert members_seen == len(truth)
    assert error == pytest.approx(found.error, abs=1e-12)


def test_calibration_error_of_a_model_that_is_always_sure_and_half_right_is_one_half():
    probabilities = np.array([[1, 0], [1, 0]], np.float32)
    assert calibration(probabilities, np.array([0, 1])).error == 0.5


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_ends_where_the_score_test_just_rejects(counts):
    successes, trials = counts
    share = wilson_interval(successes, trials)
    assert 0 <= share.low <= successes / trials == share.value <= share.high <= 1
    for end in (share.low, share.high):
        if 0 < end < 1 and abs(end - share.value) > 1e-9:
            z = abs(share.value - end) / math.sqrt(end * (1 - end) / trials)
            assert z == pytest.approx(1.959964, rel=1e-5)


def test_wilson_interval_of_a_known_case():
    share = wilson_interval(7112, 10_000)
    assert pytest.approx((share.value, share.low, share.high), abs=5e-5) == (0.7112, 0.7022, 0.7200)


@pytest.mark.parametrize("counts", [(0, 0), (2, 1), (-1, 3)])
def test_wilson_interval_refuses_impossible_counts(counts):
    with pytest.raises(ValueError, match="trials"):
        wilson_interval(*counts)


@given(arrays.arrays(np.float32, (4, 3), elements=st.floats(-80, 80, width=32)))
def test_softmax_rows_sum_to_one_and_keep_the_order(logits):
    result = softmax(logits)
    assert np.ones(4) == pytest.approx(result.sum(axis=1), abs=1e-5)
    expected = [
        [math.exp(v) / sum(math.exp(float(u)) for u in row) for v in row.astype(float)] for row in logits
    ]
    assert np.array(expected) == pytest.approx(result, abs=1e-6)
