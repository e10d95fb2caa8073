"""Which form DATA is, and the one door to labelled arrays."""

import contextlib
import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.data import cifar10
from toolkit.data.dataset import SPLITS, Dataset, Split, content_digest, limited
from toolkit.data.npz import read_npz
from toolkit.data.pictures import Reading, read_folder, require_same_size
from toolkit.errors import DataError, MissingSplit, UsageError
from toolkit.images.inputs import shown
from toolkit.observer import SILENT, EachNoticeOnce, Observer
from toolkit.preprocess import transforms
from toolkit.ranges import at_least

NAMED_DATA = "cifar10"
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")
FORMS = "cifar10, cifar-10-python.tar.gz, cifar-10-binary.tar.gz, a .npz file, or a folder of class folders"


def load_data(
    argument: str,
    *,
    image_size: tuple[int, int] | None = None,
    resize: str = "stretch",
    splits: tuple[str, ...] = SPLITS,
    skip_broken: bool = False,
    limit: int | None = None,
    seed: int = 0,
    name: str | None = None,
    observer: Observer = SILENT,
) -> Dataset:
    """Load a DATA argument.

    Args:
        argument: cifar10 (downloaded once), an official archive, a .npz file, or a data folder.
        image_size: (height, width) to bring the pictures to, pixels; None keeps their own size.
        resize: how: stretch, crop or pad.
        splits: which to load; of these, the ones that the data has.
        skip_broken: leave broken pictures of a folder out instead of stopping.
        limit: pictures per split; the first of a seeded shuffle that deals the classes out in turn, so
            each class has the same number, give or take one. None means all.
        seed: of the choice that `limit` makes. The split of a folder without train/ and test/ doesn't
            depend on it.
        name: what to call the data in records; None means "CIFAR-10", or the file's or folder's name.
        observer: told the progress.

    Returns:
        At least one of the splits; images uint8 [N, H, W, 3], labels int64 [N].

    Raises:
        UsageError: `resize`, `limit`, `image_size` or `splits` makes no sense.
        DataError: there is no such data, or it is broken.
        OutputError: a download can't be stored.
    """
    _check(splits, limit, image_size)
    how = transforms.parse_resize(resize)
    reading = Reading(image_size=image_size, how=how, skip_broken=skip_broken, limit=limit, seed=seed)
    classes, loaded, skipped, own_name = _load(argument, splits, reading, observer)
    loaded = {key: _fitted(_limited(split, reading), reading) for key, split in loaded.items()}
    if not loaded:
        raise MissingSplit(
            f"has no {' and no '.join(splits)} split",
            where=argument,
            remedy="give data with this split, or choose another with --split",
        )
    require_same_size((split.images.shape[1:3] for split in loaded.values()), argument)
    return Dataset(
        classes=classes,
        splits=loaded,
        name=name or own_name,
        digest=content_digest(classes, loaded),
        skipped=skipped,
    )


def load_split(
    argument: str,
    order: tuple[str, ...],
    *,
    image_size: tuple[int, int] | None = None,
    resize: str = "stretch",
    skip_broken: bool = False,
    limit: int | None = None,
    name: str | None = None,
    observer: Observer = SILENT,
) -> tuple[Dataset, str]:
    """Load the first of some splits that a DATA argument has, and no other.

    Args:
        argument: see `load_data`.
        order: splits, the one wanted most first.
        image_size: see `load_data`.
        resize: see `load_data`.
        skip_broken: see `load_data`.
        limit: see `load_data`.
        name: see `load_data`.
        observer: see `load_data`.

    Returns:
        (the data with this one split, the split's name).

    Raises:
        DataError: see `load_data`; it has none of the splits.
    """
    observer = EachNoticeOnce(observer)  # a folder is looked at again for each split
    for number, split in enumerate(order, start=1):
        try:
            dataset = load_data(
                argument,
                image_size=image_size,
                resize=resize,
                splits=(split,),
                skip_broken=skip_broken,
                limit=limit,
                name=name,
                observer=observer,
            )
        except MissingSplit:
            if number == len(order):
                raise
        else:
            return dataset, split
    raise ValueError("no split was asked for")


def _load(
    argument: str, splits: Sequence[str], reading: Reading, observer: Observer
) -> tuple[tuple[str, ...], dict[str, Split], tuple[tuple[str, str], ...], str]:
    """Return (class names, splits, pictures left out, name)."""
    path = Path(argument)
    exists, is_folder = _look_at(path)
    if argument == NAMED_DATA and not exists:
        return *cifar10.read_archive(cifar10.download(observer), splits), (), cifar10.NAME
    if is_folder:
        return *read_folder(path, splits, reading, observer), shown(path.resolve().name) or "/"
    if not exists:
        raise _unknown(argument)
    if path.suffix.lower() == ".npz":
        return *read_npz(path, splits), (), path.stem
    if path.name.lower().endswith(ARCHIVE_SUFFIXES):
        return *cifar10.read_archive(path, splits), (), cifar10.NAME
    raise DataError("isn't a form of data that is known", where=path, remedy=f"give {FORMS}")


def _look_at(path: Path) -> tuple[bool, bool]:
    """Return (is there something, is it a folder)."""
    try:
        return path.exists(), path.is_dir()
    except OSError as error:  # a name that is too long, a folder that can't be searched
        raise DataError(
            f"can't be looked at: {error.strerror or error}", where=path, remedy="check the path"
        ) from error


def _limited(split: Split, reading: Reading) -> Split:
    if reading.limit is None or len(split) <= reading.limit:
        return split
    return split.take(limited(split.labels, reading.limit, reading.seed))


def _fitted(split: Split, reading: Reading) -> Split:
    """Bring the pictures to the size wanted; those of a folder have it already."""
    if reading.image_size is None or split.images.shape[1:3] == reading.image_size:
        return split
    height, width = reading.image_size
    images = np.empty((len(split), height, width, 3), np.uint8)
    for index, picture in enumerate(split.images):
        images[index] = transforms.resize(picture, height, width, reading.how)
    insides = None
    if reading.how is transforms.Resize.PAD:
        before = split.images.shape
        inside = transforms.inside_padding(before[1], before[2], height, width)
        insides = np.array([inside] * len(split), np.int64)
    return replace(split, images=images, insides=insides)


def _check(splits: Sequence[str], limit: int | None, image_size: tuple[int, int] | None) -> None:
    wrong = [split for split in splits if split not in SPLITS]
    if wrong or not splits:
        raise UsageError(
            f"no split '{', '.join(wrong)}'", where="--split", remedy=f"use {' or '.join(SPLITS)}"
        )
    at_least(limit, 1, "--limit")
    at_least(None if image_size is None else min(image_size), 1, "--image-size")


def _unknown(argument: str) -> DataError:
    siblings: list[str] = []
    with contextlib.suppress(OSError):  # only a hint is lost
        siblings = [str(path) for path in Path(argument).parent.iterdir()]
    near = difflib.get_close_matches(argument, [NAMED_DATA, *siblings], n=1)
    lowered = argument.lower().replace("-", "").replace("_", "")
    hint = NAMED_DATA if lowered == NAMED_DATA else near[0] if near else ""
    return DataError(
        "no such file or folder, and no data set of that name",
        where=argument,
        remedy=(f"did you mean '{hint}'? " if hint else "") + f"give {FORMS}",
    )
