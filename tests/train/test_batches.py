import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.train.batches import augment, epoch_order


@given(st.integers(1, 500), st.integers(0, 2**31), st.integers(0, 100))
def test_every_picture_is_seen_once_an_epoch_and_the_order_depends_on_seed_and_epoch_only(
    count: int, seed: int, epoch: int
) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order) == list(range(count))
    assert np.array_equal(order, epoch_order(count, seed, epoch))


def test_two_epochs_have_different_orders() -> None:
    assert not np.array_equal(epoch_order(100, 0, 0), epoch_order(100, 0, 1))


@given(st.integers(1, 6), st.integers(8, 40), st.integers(8, 40), st.integers(0, 1000))
def test_augmentation_keeps_shape_type_and_range(count: int, height: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    batch = generator.integers(50, 200, (count, height, width, 3)).astype(np.uint8)
    before = batch.copy()
    result = augment(batch, generator)
    assert (result.shape, result.dtype) == (batch.shape, np.uint8)
    assert np.array_equal(batch, before)
    assert result.min() >= batch.min()
    assert result.max() <= batch.max()


def test_augmentation_flips_about_half_and_shifts_by_at_most_an_eighth() -> None:
    batch = np.zeros((400, 32, 32, 3), np.uint8)
    batch[:, :, 8] = 255  # a line left of the middle: column 8, or 23 when flipped
    columns = augment(batch, np.random.default_rng(0))[..., 0].mean(axis=1).argmax(axis=1)
    flipped = columns > 15
    assert 150 < flipped.sum() < 250
    assert set(columns[~flipped]) == set(range(4, 13))
    assert set(columns[flipped]) == set(range(19, 28))
