import numpy as np
import pytest

from toolkit.train.balance import class_weights, imbalance

LABELS = np.repeat([0, 1, 3], [60, 30, 10])


def test_every_class_weighs_the_same_and_a_picture_one_on_average() -> None:
    weights = class_weights(LABELS, 4)
    assert weights.dtype == np.float32
    totals = [weights[c] * (c == LABELS).sum() for c in (0, 1, 3)]
    assert totals == pytest.approx([100 / 3] * 3)
    assert weights[2] == 0
    assert weights[LABELS].mean() == pytest.approx(1)


def test_the_imbalance_is_that_of_the_classes_that_occur() -> None:
    assert imbalance(LABELS) == 6
