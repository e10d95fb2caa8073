"""Dataset, its splits, and how parts of them are chosen (fixed seed)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError
from toolkit.wording import count

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Split:
    """Labelled pictures.

    Args:
        images: uint8 [N, H, W, 3], RGB.
        labels: int64 [N], index into the data set's classes.
        paths: path of each picture relative to the data folder; None where pictures aren't files.
        insides: int64 [N, 4], where each picture is within its padding, see `transforms.Inside`; None where there is
            none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    paths: tuple[str, ...] | None = None
    insides: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> "Split":
        """Return some of the pictures.

        Args:
            indices: int64 [M], which ones, in the order wanted.
        """
        paths = None if self.paths is None else tuple(self.paths[i] for i in indices)
        insides = None if self.insides is None else self.insides[indices]
        return Split(self.images[indices], self.labels[indices], paths, insides)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set as it is in memory.

    Args:
        classes: names, in the order of the labels.
        splits: by name, "train" and/or "test".
        name: for records, such as "CIFAR-10" or the folder's name.
        digest: SHA-256 of class names, labels and pixels as loaded, hexadecimal: two data sets have the
            same digest if and only if a model sees the same.
        skipped: (path, reason) of broken pictures that were left out.
    """

    classes: tuple[str, ...]
    splits: dict[str, Split]
    name: str
    digest: str
    skipped: tuple[tuple[str, str], ...] = ()

    def left_out(self, argument: str) -> tuple[tuple[str, str], ...]:
        """Return (path, reason) of the broken pictures, the path with the data folder's before it.

        Args:
            argument: the DATA argument; where several are read, a path within one doesn't tell which.
        """
        return tuple((str(Path(argument, path)), reason) for path, reason in self.skipped)

    def split(self, name: str) -> Split:
        """Return one split.

        Raises:
            DataError: the data set has no such split.
        """
        if name not in self.splits:
            raise DataError(
                f"has no {name} split, only {' and '.join(self.splits)}",
                where=self.name,
                remedy=f"give data with a {name} split, or choose another split",
            )
        return self.splits[name]


def content_digest(classes: Iterable[str], splits: dict[str, Split]) -> str:
    """Compute the digest of what a model sees: class names, labels and pixels.

    Args:
        classes: names, in the order of the labels.
        splits: by name.

    Returns:
        SHA-256, hexadecimal.
    """
    digest = hashlib.sha256("\0".join(classes).encode("utf-8", "backslashreplace"))
    for name in sorted(splits):
        split = splits[name]
        # The shape is part of it, so that pixels can't be read in another arrangement.
        digest.update(f"\0{name}{split.images.shape}".encode())
        digest.update(np.ascontiguousarray(split.labels, "<i8").data)
        digest.update(np.ascontiguousarray(split.images).data)
    return digest.hexdigest()


def unreadable(error: OSError, path: Path) -> DataError:
    """Return the error that says that the operating system doesn't let a file of data be read."""
    return DataError(
        f"can't be read: {error.strerror or error}", where=path, remedy="check its permissions, and the disk"
    )


def fingerprints(split: Split) -> list[bytes]:
    """Return what tells pictures apart that aren't the same pixel for pixel, 16 bytes each."""
    images = map(np.ascontiguousarray, split.images)
    return [hashlib.blake2b(image.data, digest_size=16).digest() for image in images]


def limited(labels: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """Choose the first `limit` pictures of a shuffle that deals the classes out in turn.

    Every class gets the same number, give or take one, until a class runs out. The choice for a smaller
    limit is part of the choice for a larger one.

    Args:
        labels: int64 [N].
        limit: how many, 1 or more; more than there are means all.
        seed: of the shuffle.

    Returns:
        int64 [min(limit, N)]: indices, ascending, so that the order of the pictures is kept.
    """
    order = _shuffled(len(labels), seed)
    by_class = order[np.argsort(labels[order], kind="stable")]
    turn = np.empty(len(labels), np.int64)
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    turn[by_class] = np.arange(len(labels)) - np.repeat(starts, counts)
    dealt = order[np.argsort(turn[order], kind="stable")]
    return np.sort(dealt[:limit])


def held_out(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Set a part of a split aside for validation, the same share of every class.

    Args:
        split: what to divide.
        fraction: share to set aside, above 0 and below 1.
        seed: of the choice.

    Returns:
        (what stays, what was set aside), both in the order of the original. Each class keeps at least
        one picture in what stays; the part set aside has round(fraction * N) pictures as far as that
        allows, and at least one.

    Raises:
        ValueError: the fraction is out of range.
        DataError: no class has a picture to spare.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"a fraction between 0 and 1 is needed, not {fraction}")
    _, groups = np.unique(split.labels, return_inverse=True)
    counts = np.bincount(groups) if len(groups) else np.zeros(0, np.int64)
    quotas = _shares(counts, fraction)
    if quotas.sum() == 0:
        raise DataError(
            f"too few pictures to set some aside for validation: {count(len(split), 'picture')} of "
            f"{count(len(counts), 'class')}",
            where="training data",
            remedy="give at least two pictures of a class, or train without: --validation-split 0 --patience 0",
        )
    aside = np.zeros(len(split), bool)
    order = _shuffled(len(split), seed)
    for group, quota in enumerate(quotas):
        aside[order[groups[order] == group][:quota]] = True
    return split.take(np.flatnonzero(~aside)), split.take(np.flatnonzero(aside))


def _shares(counts: NDArray[np.int64], fraction: float) -> NDArray[np.int64]:
    """Divide round(fraction * N) among classes by largest remainder; each keeps one picture."""
    exact = counts * fraction
    spare = np.maximum(counts - 1, 0)
    shares: NDArray[np.int64] = np.minimum(np.floor(exact).astype(np.int64), spare)
    wanted = min(max(1, round(float(exact.sum()))), int(spare.sum()))
    while (missing := wanted - int(shares.sum())) > 0:
        open_classes = np.flatnonzero(shares < spare)
        by_remainder = open_classes[np.argsort((shares - exact)[open_classes], kind="stable")]
        shares[by_remainder[:missing]] += 1
    return shares


def _shuffled(count: int, seed: int) -> NDArray[np.int64]:
    # Sorting random keys, not Generator.permutation: numpy keeps the stream of `random` across versions,
    # but doesn't promise the same of its shuffles.
    keys: NDArray[np.float64] = np.random.Generator(np.random.PCG64(seed)).random(count)
    order: NDArray[np.int64] = np.argsort(keys, kind="stable")
    return order
