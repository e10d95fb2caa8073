from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training import PLAIN

from toolkit.train.recipe import Flip
from toolkit.train.views import draw_views, epoch_order, view_number


@given(st.integers(1, 500), st.integers(0, 2**31), st.integers(0, 100))
def test_every_picture_is_seen_once_an_epoch_and_the_order_depends_on_seed_and_epoch_only(
    count: int, seed: int, epoch: int
) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order) == list(range(count))
    assert np.array_equal(order, epoch_order(count, seed, epoch))


def test_two_epochs_have_different_orders() -> None:
    assert not np.array_equal(epoch_order(100, 0, 0), epoch_order(100, 0, 1))


def test_views_shift_by_at_most_their_share_and_mirror_half() -> None:
    views = draw_views(4000, (32, 16), replace(PLAIN, cutout=0.25), seed=0, view=0)
    assert set(views.shifts[:, 0]) == set(range(-4, 5))
    assert set(views.shifts[:, 1]) == set(range(-2, 3))
    assert 0.45 < views.flips.mean() < 0.55
    assert views.hole == 4
    assert views.colours is None


def test_an_alternating_flip_mirrors_in_every_second_epoch_what_it_did_not_in_the_one_before() -> None:
    settings = replace(PLAIN, flip=Flip.ALTERNATING)
    first, second, third = (draw_views(50, (8, 8), settings, seed=1, view=n).flips for n in range(3))
    assert np.array_equal(first, ~second)
    assert np.array_equal(first, third)
    assert 0 < first.sum() < 50


def test_a_run_goes_round_in_its_views() -> None:
    assert [view_number(epoch, 3) for epoch in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert [view_number(epoch, 0) for epoch in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("change", [{"seed": 2}, {"view": 1}])
def test_views_depend_on_seed_and_number_and_on_nothing_else(change: dict[str, int]) -> None:
    known = {"seed": 1, "view": 0}
    first, same, other = (draw_views(30, (8, 8), PLAIN, **one) for one in (known, known, {**known, **change}))
    assert np.array_equal(first.shifts, same.shifts)
    assert not np.array_equal(first.shifts, other.shifts)
