"""Picture files -> one array, read by a few threads straight into place."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Split, limited
from toolkit.data.folder import Files, list_folder
from toolkit.errors import DataError, ImageError
from toolkit.images.decode import decode
from toolkit.images.inputs import shown
from toolkit.images.read import read_file
from toolkit.machine.cores import usable_cores
from toolkit.observer import Observer
from toolkit.preprocess.transforms import Resize, inside_padding, resize
from toolkit.wording import count

CHUNK = 64  # pictures that a thread reads before it reports
NAMED_AT_MOST = 5  # paths in one line of error

Size = tuple[int, int]
Skipped = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the pictures of a data folder are read.

    Args:
        image_size: (height, width) to bring them to, pixels; None means that all have the same size.
        how: in which way they are brought to it.
        skip_broken: leave broken pictures out instead of stopping.
        limit: pictures per split, see `dataset.limited`; None means all. Broken ones aren't replaced.
        seed: of the choice that `limit` makes.
    """

    image_size: Size | None = None
    how: Resize = Resize.STRETCH
    skip_broken: bool = False
    limit: int | None = None
    seed: int = 0


def read_folder(
    root: Path, wanted: Sequence[str], reading: Reading, observer: Observer
) -> tuple[tuple[str, ...], dict[str, Split], Skipped]:
    """Read a folder of class folders.

    Args:
        root: see `folder.list_folder`.
        wanted: splits to read.
        reading: how.
        observer: told the progress, in pictures.

    Returns:
        (class names, splits, (path, reason) of each picture left out).

    Raises:
        DataError: see `folder.list_folder`; also broken pictures (all of them are looked for first), and
            pictures of different sizes without an `image_size`.
    """
    classes, files_of = list_folder(root, wanted, observer)
    splits: dict[str, Split] = {}
    broken: list[tuple[str, str]] = []
    for name, files in files_of.items():
        if reading.limit is not None:
            files = files.take(limited(files.labels, reading.limit, reading.seed))
        observer.step(f"Reading {count(len(files.names), 'picture')} of the {name} split")
        images, insides, failures = _read(root, files, reading, observer)
        broken += [(shown(files.names[index]), reason) for index, reason in sorted(failures.items())]
        kept = np.array([i for i in range(len(files.names)) if i not in failures], np.int64)
        if reading.skip_broken:
            _require_every_class(files.labels, files.labels[kept], classes, root)
        split = Split(images, files.labels, tuple(map(shown, files.names)), insides)
        splits[name] = split.take(kept) if failures else split
    if broken and not reading.skip_broken:
        raise _broken_error(broken, root)
    if broken:
        observer.notice(f"left out {count(len(broken), 'broken picture')} of {root}")
    return classes, splits, tuple(broken)


def _read(
    root: Path, files: Files, reading: Reading, observer: Observer
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None, dict[int, str]]:
    """Return (images uint8 [N, H, W, 3], see `Split.insides`, reason by index).

    Rows of failures hold nothing of use.
    """
    paths = [root / name for name in files.names]
    failures: dict[int, str] = {}
    height, width = reading.image_size or _first_size(paths)
    images = _allocate(len(paths), height, width, root)
    is_padded = reading.image_size is not None and reading.how is Resize.PAD
    insides = np.zeros((len(paths), 4), np.int64) if is_padded else None

    def read_chunk(start: int) -> tuple[dict[int, str], set[Size]]:
        wrong: dict[int, str] = {}
        sizes: set[Size] = set()
        for index in range(start, min(start + CHUNK, len(paths))):
            picture = _decoded(paths[index])
            if isinstance(picture, str):
                wrong[index] = picture
            elif reading.image_size is not None:
                images[index] = resize(picture, height, width, reading.how)
                if insides is not None:
                    insides[index] = inside_padding(picture.shape[0], picture.shape[1], height, width)
            elif picture.shape == images.shape[1:]:
                images[index] = picture
            else:
                sizes.add((picture.shape[0], picture.shape[1]))
        return wrong, sizes

    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="pictures")
    try:
        for number, (wrong, sizes) in enumerate(pool.map(read_chunk, range(0, len(paths), CHUNK)), 1):
            failures |= wrong
            require_same_size([(height, width), *sorted(sizes)], root)
            done = min(number * CHUNK, len(paths))
            observer.progress(done, len(paths), unit="pictures", errors=len(failures))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return images, insides, failures


def _decoded(path: Path) -> NDArray[np.uint8] | str:
    """Return the pixels, or the reason why there are none."""
    try:
        return decode(read_file(path))
    except ImageError as error:
        return error.what


def _first_size(paths: Sequence[Path]) -> Size:
    for path in paths:
        picture = _decoded(path)
        if not isinstance(picture, str):
            return picture.shape[0], picture.shape[1]
    return 1, 1  # every one is broken, and will be reported as such


def _allocate(count: int, height: int, width: int, root: Path) -> NDArray[np.uint8]:
    try:
        return np.empty((count, height, width, 3), np.uint8)
    except (MemoryError, ValueError) as error:  # ValueError: more than the address space
        raise DataError(
            f"{count:,} pictures of {height}×{width} need {count * height * width * 3 / 2**30:,.1f} GiB",
            where=root,
            remedy="give a smaller --image-size, or a --limit",
        ) from error


def require_same_size(sizes: Iterable[tuple[int, ...]], where: object) -> None:
    """Refuse pictures of different sizes, which can't be put into one batch.

    Args:
        sizes: (height, width), pixels.
        where: the data, for errors.

    Raises:
        DataError: they are.
    """
    different = sorted(set(sizes))
    if len(different) > 1:
        listed = ", ".join(f"{height}×{width}" for height, width in different[:NAMED_AT_MOST])
        raise DataError(
            f"pictures of different sizes (height×width): {listed}"
            + (" and more" if len(different) > NAMED_AT_MOST else ""),
            where=where,
            remedy="say to which size they are brought: --image-size",
        )


def _require_every_class(
    before: NDArray[np.int64], after: NDArray[np.int64], classes: Sequence[str], folder: Path
) -> None:
    lost = np.setdiff1d(before, after)
    if len(lost):
        raise DataError(
            f"every picture of the class '{classes[lost[0]]}' is broken",
            where=folder,
            remedy="replace the pictures, or remove the class",
        )


def _broken_error(broken: Sequence[tuple[str, str]], root: Path) -> DataError:
    listed = ", ".join(f"{path}: {reason}" for path, reason in broken[:NAMED_AT_MOST])
    more = len(broken) - NAMED_AT_MOST
    return DataError(
        f"{count(len(broken), 'broken picture')}: {listed}" + (f" and {more:,} more" if more > 0 else ""),
        where=root,
        remedy="repair or remove them, or leave them out with --skip-broken",
    )
