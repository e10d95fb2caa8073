"""Class folders: which pictures there are, in which class and in which split."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import SPLITS
from toolkit.errors import DataError, as_place
from toolkit.images.inputs import shown
from toolkit.images.scan import has_picture, is_hidden, is_picture_name
from toolkit.observer import Observer
from toolkit.wording import numbered

SPELLINGS = {"train": "train", "training": "train", "test": "test", "testing": "test"}  # lower case -> split
TEST_SHARE = 0.2  # of each class, where a folder has class folders only
NAMED_AT_MOST = 5  # names in one line of error


@dataclass(frozen=True, kw_only=True)
class Files:
    """The picture files of one split, class by class, each class in sorted order.

    Args:
        names: relative to the data folder, with "/" between the parts.
        labels: int64 [N], index into the classes.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64]) -> "Files":
        """Return some of the files.

        Args:
            indices: int64 [M], which ones, in the order wanted.
        """
        return Files(names=tuple(self.names[i] for i in indices), labels=self.labels[indices])


def list_folder(
    root: Path, wanted: Sequence[str], observer: Observer
) -> tuple[tuple[str, ...], dict[str, Files]]:
    """Find the classes and the picture files of a data folder.

    The classes are the names of the class folders in the order of their code points ("1", "10", "2",
    "B", "a", "é"), as Keras and torchvision have them too. Hidden files are passed over, and so are files
    that aren't pictures by their suffix, and folders inside a class folder, which is told.

    Args:
        root: holds train/<class>/* and/or test/<class>/* (or as `SPELLINGS` has them), or class folders only, of
            which a fifth of each class is the test split, always the same.
        wanted: splits to list, "train" and/or "test"; the ones that the folder hasn't are left out.
        observer: told of a folder that is divided, and of what is unusual in it.

    Returns:
        (class names, files by split).

    Raises:
        DataError: no pictures, an empty class folder, or classes that differ between train and test.
    """
    parts = _split_folders(root, wanted, observer)
    if not parts:
        return _divided(root, wanted, observer)
    classes_of = {split: _folders_in(root / folder) for split, folder in parts.items()}
    for split, classes in classes_of.items():
        if not classes:
            raise _no_classes(root / parts[split])
    _require_same(classes_of, root)
    classes = next(iter(classes_of.values()))
    files = {
        split: _files(root, [f"{folder}/{c}" for c in classes], observer)
        for split, folder in parts.items()
        if split in wanted
    }
    return tuple(map(shown, classes)), files


def _split_folders(root: Path, wanted: Sequence[str], observer: Observer) -> dict[str, str]:
    """Return the folders that are splits, by split; a class may have such a name, too."""
    folders = _folders_in(root)
    spelt: dict[str, str] = {}
    for name in sorted(folders, key=lambda name: name not in SPLITS):  # the usual spelling goes first
        if split := SPELLINGS.get(name.lower()):
            spelt.setdefault(split, name)
    found = {split: spelt[split] for split in SPLITS if split in spelt}
    if len(found) == 1 and len(folders) > 1 and not _folders_in(root / next(iter(found.values()))):
        return {}
    others = [shown(name) for name in folders if name not in found.values()]
    if found and others:
        hint = "" if "test" in found else "; pictures to measure on belong in a folder called test"
        place = as_place(shown(str(root)))
        read = [split for split in found if split in wanted] or list(found)
        what = f"the splits of {place} are" if len(read) > 1 else f"the {read[0]} split of {place} is"
        left = f"{_some(others)} {numbered(len(others), 'is')} not used"
        observer.notice(f"{what} {' and '.join(found[split] for split in read)}; {left}{hint}")
    return found


def _divided(
    root: Path, wanted: Sequence[str], observer: Observer
) -> tuple[tuple[str, ...], dict[str, Files]]:
    classes = _folders_in(root)
    if not classes:
        raise _no_classes(root)
    everything = _files(root, classes, observer)
    is_test = np.zeros(len(everything.names), bool)
    single = []
    for label, name in enumerate(classes):
        members = np.flatnonzero(everything.labels == label)
        count = 0 if len(members) == 1 else max(1, round(TEST_SHARE * len(members)))
        is_test[sorted(members, key=lambda i: _lot(everything.names[i]))[:count]] = True
        single += [shown(name)] if len(members) == 1 else []
    if single:
        observer.notice(f"the test split has no picture of {_some(single)}: one picture can't be divided")
    if not is_test.any():
        raise DataError(
            "every class has a single picture",
            where=root,
            remedy="add pictures, or make train/ and test/ folders",
        )
    parts = {"train": ~is_test, "test": is_test}
    observer.notice(_told(root, wanted, int(is_test.sum()), len(is_test)))
    return tuple(map(shown, classes)), {s: everything.take(np.flatnonzero(parts[s])) for s in wanted}


def _told(root: Path, wanted: Sequence[str], for_test: int, total: int) -> str:
    """Say that a folder was divided: nobody who evaluates on it expects a part of it to be read."""
    split, share, count = "train", "four fifths", total - for_test
    if "test" in wanted:
        split, share, count = "test", "a fifth", for_test
    text = (
        f"{as_place(shown(str(root)))} has class folders only: its {split} split is {share} of each class,"
        f" {count:,} of {total:,} pictures"
    )
    if len(wanted) > 1:
        return text
    if root.resolve().name == split:
        return f"{text} (to use all of them, give {as_place(shown(str(root.parent)))})"
    return f"{text} (to use all of them, move the class folders into {as_place(shown(str(root / split)))})"


def _lot(name: str) -> bytes:
    # A digest of the name, not a random number: every machine and every numpy draws the same lots, and a
    # picture that is added later doesn't reshuffle the others. So no test picture is ever trained on.
    return hashlib.sha256(os.fsencode(name)).digest()


def _folders_in(folder: Path) -> list[str]:
    with _listing(folder) as entries:
        return sorted(e.name for e in entries if not is_hidden(e.name) and _holds(e.is_dir))


def _files(root: Path, folders: Sequence[str], observer: Observer) -> Files:
    names: list[str] = []
    labels: list[int] = []
    empty, inner, others = [], [], []
    for label, folder in enumerate(folders):
        with _listing(root / folder) as entries:
            seen = sorted((e.name, _holds(e.is_dir)) for e in entries if not is_hidden(e.name))
        found = []
        for name, is_folder in seen:
            if is_folder:
                if has_picture(str(root / folder / name)):
                    inner.append(f"{folder}/{name}")
            elif is_picture_name(name):
                # Links that lead nowhere and pipes are among them: reading says what is wrong with each.
                found.append(f"{folder}/{name}")
            else:
                others.append(shown(f"{folder}/{name}"))
        names += found
        labels += [label] * len(found)
        empty += [] if found else [shown(folder)]
    if inner:
        observer.notice(
            f"pictures in folders inside a class folder are not read: {_some(list(map(shown, inner)))}"
        )
    if others:
        observer.notice(f"passed over what isn't a picture by its name: {_some(others)}")
    if not names:
        raise _no_pictures(root, folders, inner)
    if empty:
        raise DataError(
            f"no pictures in the class folder{'s' if len(empty) > 1 else ''} {_some(empty)}",
            where=root,
            remedy="add pictures, or remove the folder",
        )
    return Files(names=tuple(names), labels=np.array(labels, np.int64))


def _no_pictures(root: Path, folders: Sequence[str], inner: Sequence[str]) -> DataError:
    if not inner:
        remedy = f"put pictures into {' and '.join(map(shown, folders[:2]))} …"
    elif len(folders) == 1:
        remedy = f"its pictures lie deeper: give {shown(str(root / folders[0]))}"
    else:
        remedy = (
            f"they lie deeper, as in {shown(inner[0])}: move them into {shown(str(Path(inner[0]).parent))}"
        )
    return DataError("no pictures in its class folders", where=root, remedy=remedy)


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a link to itself is neither a file nor a folder
        return False


def _listing(folder: Path) -> AbstractContextManager[Iterator["os.DirEntry[str]"]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise DataError(
            f"can't be listed: {error.strerror or error}", where=folder, remedy="check its permissions"
        ) from error


def _require_same(classes_of: dict[str, list[str]], root: Path) -> None:
    if len(classes_of) < 2:
        return
    train, test = (set(classes_of[split]) for split in SPLITS)
    differences = [
        f"only train has {_some(sorted(map(shown, train - test)))}" if train - test else "",
        f"only test has {_some(sorted(map(shown, test - train)))}" if test - train else "",
    ]
    if any(differences):
        raise DataError(
            f"train and test have different classes: {'; '.join(filter(None, differences))}",
            where=root,
            remedy="give both the same class folders",
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(map(as_place, names[:NAMED_AT_MOST])) + (f" and {more} more" if more > 0 else "")


def _no_classes(folder: Path) -> DataError:
    return DataError(
        "no class folders in it",
        where=folder,
        remedy="give train/<class>/* and test/<class>/*, or <class>/*",
    )
