import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.evaluate.examples import choose_examples


@st.composite
def answers(draw):
    count = draw(st.integers(0, 40))
    return np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)


@given(answers(), st.integers(1, 20), st.integers(0, 5))
def test_half_are_wrong_where_there_are_enough_and_the_other_kind_fills_up(right, count, seed):
    truth, predicted = np.zeros(len(right), np.int64), np.where(right, 0, 1)
    chosen = choose_examples(truth, predicted, count, seed=seed)
    assert len(chosen) == min(count, len(right)) == len(set(chosen.tolist()))
    wrong = int((~right[chosen]).sum())
    if right.sum() >= count and (~right).sum() >= count:
        assert wrong == count // 2
    if wrong < count // 2:
        assert wrong == (~right).sum()
    if len(chosen) - wrong < count - count // 2:
        assert len(chosen) - wrong == right.sum()


@given(answers(), st.integers(1, 20))
def test_the_right_ones_come_first_and_each_kind_keeps_the_order_of_the_data(right, count):
    truth, predicted = np.zeros(len(right), np.int64), np.where(right, 0, 1)
    chosen = choose_examples(truth, predicted, count, seed=0).tolist()
    assert chosen == sorted(chosen, key=lambda index: (not right[index], index))


def test_the_seed_alone_decides_which_ones_are_drawn():
    truth, predicted = np.zeros(500, np.int64), np.arange(500) % 2
    first = choose_examples(truth, predicted, 16, seed=3).tolist()
    assert first == choose_examples(truth, predicted, 16, seed=3).tolist()
    assert first != choose_examples(truth, predicted, 16, seed=4).tolist()
