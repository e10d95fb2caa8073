import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.dataset import Dataset, Split, content_digest, held_out, limited
from toolkit.errors import DataError

labels_of = st.lists(st.integers(0, 5), min_size=1, max_size=80).map(lambda x: np.array(x, np.int64))
seeds = st.integers(0, 2**32)


def numbered(labels: np.ndarray) -> Split:
    """A split whose pictures and paths carry their number."""
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)
    return Split(images, labels, tuple(f"{i}.png" for i in range(len(labels))))


@given(labels_of, st.integers(1, 100), seeds)
def test_a_limit_takes_as_many_pictures_as_it_says_in_their_order(
    labels: np.ndarray, limit: int, seed: int
) -> None:
    chosen = limited(labels, limit, seed)
    assert len(chosen) == min(limit, len(labels))
    assert (np.diff(chosen) > 0).all()


@given(labels_of, st.integers(1, 100), seeds)
def test_a_limit_takes_the_same_number_of_each_class_until_one_runs_out(
    labels: np.ndarray, limit: int, seed: int
) -> None:
    available = np.bincount(labels, minlength=6)
    taken = np.bincount(labels[limited(labels, limit, seed)], minlength=6)
    most = taken.max()
    assert ((taken >= most - 1) | (taken == available)).all()


@given(labels_of, st.integers(1, 60), st.integers(0, 40), seeds)
def test_a_smaller_limit_is_part_of_a_larger_one(
    labels: np.ndarray, limit: int, more: int, seed: int
) -> None:
    assert set(limited(labels, limit, seed)) <= set(limited(labels, limit + more, seed))


def test_another_seed_takes_other_pictures() -> None:
    labels = np.zeros(1000, np.int64)
    assert set(limited(labels, 100, 0)) != set(limited(labels, 100, 1))
    assert list(limited(labels, 100, 7)) == list(limited(labels, 100, 7))


@given(labels_of, st.floats(0.01, 0.99), seeds)
def test_holding_out_divides_without_loss_and_keeps_every_class(
    labels: np.ndarray, fraction: float, seed: int
) -> None:
    counts = np.bincount(labels, minlength=6)
    if counts.max() < 2:
        with pytest.raises(DataError, match="too few"):
            held_out(numbered(labels), fraction, seed)
        return
    stays, aside = held_out(numbered(labels), fraction, seed)
    assert sorted((*stays.paths, *aside.paths)) == sorted(numbered(labels).paths)  # type: ignore[misc]
    assert (np.bincount(stays.labels, minlength=6)[counts > 0] >= 1).all()
    wanted = min(max(1, round(float((counts * fraction).sum()))), int(np.maximum(counts - 1, 0).sum()))
    assert len(aside) == wanted


@given(st.integers(0, 5), st.floats(0.05, 0.95), seeds)
def test_holding_out_takes_the_same_share_of_every_class(extra: int, fraction: float, seed: int) -> None:
    labels = np.repeat(np.arange(4), [10, 20 + extra, 40, 80])
    _, aside = held_out(numbered(labels), fraction, seed)
    share = np.bincount(aside.labels, minlength=4) - np.bincount(labels) * fraction
    assert (abs(share) <= 1).all()


@given(labels_of.filter(lambda x: np.bincount(x).max() > 1), seeds)
def test_holding_out_twice_with_one_seed_gives_the_same_pictures(labels: np.ndarray, seed: int) -> None:
    first, second = (held_out(numbered(labels), 0.3, seed)[1] for _ in range(2))
    assert first.paths == second.paths
    # Pictures, labels and paths stay together.
    assert [f"{n}.png" for n in first.images[:, 0, 0, 0]] == list(first.paths or ())
    assert (labels[first.images[:, 0, 0, 0]] == first.labels).all()


def test_known_choices_stay_as_they_are() -> None:
    # A change here would move pictures between training and validation of runs that are resumed.
    labels = np.repeat(np.arange(3), 4)
    assert list(limited(labels, 5, 0)) == [2, 3, 6, 8, 11]
    assert held_out(numbered(labels), 0.25, 0)[1].paths == ("3.png", "6.png", "11.png")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_fraction_out_of_range_is_our_mistake(fraction: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        held_out(numbered(np.zeros(4, np.int64)), fraction, 0)


def test_a_missing_split_is_named() -> None:
    split = numbered(np.zeros(2, np.int64))
    data = Dataset(classes=("a",), splits={"train": split}, name="pets", digest="")
    assert data.split("train") is split
    with pytest.raises(DataError, match=r"has no test split, only train \(pets\)"):
        data.split("test")


def test_the_digest_changes_with_whatever_a_model_sees_and_with_nothing_else() -> None:
    split = numbered(np.array([0, 1, 0], np.int64))
    base = content_digest(("a", "b"), {"train": split})
    assert base == content_digest(("a", "b"), {"train": Split(split.images, split.labels, None)})
    images = split.images.copy()
    images[1, 0, 0, 2] ^= 1
    turned = split.images.reshape(3, 1, 3, 1).repeat(1, axis=3)
    others = {
        content_digest(("a", "c"), {"train": split}),
        content_digest(("a", "b"), {"test": split}),
        content_digest(("a", "b"), {"train": Split(images, split.labels)}),
        content_digest(("a", "b"), {"train": Split(turned, split.labels)}),
        content_digest(("a", "b"), {"train": Split(split.images, 1 - split.labels)}),
    }
    assert len(others | {base}) == 6
