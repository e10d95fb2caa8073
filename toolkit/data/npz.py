"""A .npz file with x_train y_train x_test y_test, and optionally the class names."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import SPLITS, Split, unreadable
from toolkit.errors import DataError, MissingSplit
from toolkit.wording import count

NAME_KEYS = ("classes", "labels")  # arrays of class names; the first one found counts
MAX_CLASSES = 100_000  # a larger label is a mistake, not a class
# Of an archive, an array and a pickle: numpy has words for those, and calls all else a pickle.
BEGINNINGS = (b"PK", b"\x93", b"\x80")

Names = tuple[str, ...]


def read_npz(path: Path, wanted: Sequence[str]) -> tuple[Names, dict[str, Split]]:
    """Read labelled pictures from numpy arrays; object arrays (pickles) are never loaded.

    Args:
        path: holds x_train, y_train and/or x_test, y_test: pictures [N, H, W, 3], [N, H, W, 1] or
            [N, H, W] with values 0 to 255, labels [N] or [N, 1]; and, if it likes, class names as
            `classes` or `labels`.
        wanted: splits to read, "train" and/or "test"; the ones that the file hasn't are left out.

    Returns:
        (class names, splits); without names in the file they are "0", "1", …

    Raises:
        DataError: it is damaged, or its arrays aren't such.
    """
    arrays = _read_arrays(path, wanted)
    names = _names(arrays, path)
    splits = {}
    for split in wanted:
        if f"x_{split}" not in arrays and f"y_{split}" not in arrays:
            continue
        for key in (f"x_{split}", f"y_{split}"):
            if key not in arrays:
                raise _wrong(f"it has no {key}", path, f"store x_{split} and y_{split} together")
        images = _images(arrays.pop(f"x_{split}"), f"{path}: x_{split}")
        labels = _labels(arrays.pop(f"y_{split}"), f"{path}: y_{split}")
        if len(images) != len(labels):
            raise _wrong(
                f"{count(len(images), 'picture')} but {count(len(labels), 'label')}",
                f"{path}: x_{split}, y_{split}",
                "store one label per picture",
            )
        splits[split] = Split(images, labels)
    if not splits:
        expected = " and ".join(f"x_{split}, y_{split}" for split in wanted)
        raise MissingSplit("the arrays of the data aren't in it", where=path, remedy=f"store {expected}")
    others = [_labels(array, f"{path}: {key}") for key, array in arrays.items()]
    highest = max(int(labels.max(initial=0)) for labels in (*(s.labels for s in splits.values()), *others))
    return _classes(names, highest, path), splits


def _read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    pictures = [f"{axis}_{split}" for split in wanted for axis in "xy"]
    # Without names the number of classes must be the same whichever split is asked for.
    others = [f"y_{split}" for split in SPLITS if split not in wanted]
    key = ""
    try:
        with path.open("rb") as content:  # given a path, numpy leaves a damaged file open
            if (begun := content.peek(2)) and not begun.startswith(BEGINNINGS):
                raise _wrong("its content is no .npz file", path, "write it with numpy.savez")
            file = np.load(content, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise _wrong("it holds one array instead of several", path, "write it with numpy.savez")
            arrays = {}
            for key in (*pictures, *others, *NAME_KEYS):
                if key in file.files:
                    arrays[key] = file[key]
                    if not isinstance(arrays[key], np.ndarray):  # the bytes of a member that is no .npy file
                        raise _wrong(f"{key} is no array", path, "write it again with numpy.savez")
            return arrays
    except MemoryError as error:
        raise _wrong(f"{key} doesn't fit into memory", path, "give fewer or smaller pictures") from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno:  # without a number it is about the content
            raise unreadable(error, path) from error
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise _wrong(
                f"{key or 'it'} is a pickle, which is not loaded because it could run code",
                path,
                "store plain number arrays (and class names as text, not as objects)",
            ) from error
        raise _wrong(
            f"can't be read as .npz: {error or type(error).__name__}", path, "write it again with numpy.savez"
        ) from error


def _images(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    shape = list(array.shape)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        hint = "move the channels to the end: x.transpose(0, 2, 3, 1)"
        channels_first = array.ndim == 4 and array.shape[1] in (1, 3)
        raise _wrong(
            f"shape {shape} isn't [N, H, W, 3] or grey [N, H, W]",
            where,
            hint if channels_first else "store RGB pictures, channels last",
        )
    if 0 in array.shape:
        raise _wrong(f"shape {shape} holds no picture", where, "store at least one picture")
    if array.dtype != np.uint8:
        array = _whole_bytes(array, where)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:-1], 3)))


def _whole_bytes(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Turn other number types into uint8 if that loses nothing; guessing a scale could be wrong."""
    if array.dtype.kind not in "iuf":
        raise _wrong(f"{array.dtype} values aren't pixels", where, "store uint8 values from 0 to 255")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # so written that NaN is refused too
        raise _wrong(
            f"{array.dtype} values from {low:g} to {high:g} aren't pixels",
            where,
            "store uint8 values from 0 to 255, not normalised ones",
        )
    if array.dtype.kind == "f" and high <= 1:
        raise _wrong(
            f"{array.dtype} values from {low:g} to {high:g} are scaled to 1",
            where,
            "multiply by 255, round, and store as uint8",
        )
    converted: NDArray[np.uint8] = array.astype(np.uint8)
    if not np.array_equal(converted, array):
        raise _wrong(
            f"{array.dtype} values with fractions aren't pixels", where, "store uint8 values from 0 to 255"
        )
    return converted


def _labels(array: NDArray[Any], where: str) -> NDArray[np.int64]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise _wrong(
            f"shape {list(array.shape)} isn't [N] or [N, 1]",
            where,
            "store class indices; of one-hot rows take argmax(axis=1)",
        )
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise _wrong(f"{array.dtype} values aren't class indices", where, "store integers from 0")
    if len(array) and not 0 <= array.min() <= array.max() < MAX_CLASSES:
        raise _wrong(f"labels from {array.min():g} to {array.max():g}", where, "number the classes 0, 1, 2 …")
    labels: NDArray[np.int64] = array.astype(np.int64)
    if not np.array_equal(labels, array):
        raise _wrong("labels with fractions", where, "store integers from 0")
    return labels


def _names(arrays: dict[str, NDArray[Any]], path: Path) -> Names:
    for key in NAME_KEYS:
        if key not in arrays:
            continue
        array = arrays.pop(key)
        if array.dtype.kind not in "US" or array.ndim != 1 or not len(array):
            raise _wrong("isn't a list of names", f"{path}: {key}", "store class names as text, in order")
        names = tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in array)
        if len(set(names)) != len(names):
            raise _wrong("names a class twice", f"{path}: {key}", "give each class a name of its own")
        return names
    return ()


def _classes(names: Names, highest: int, path: Path) -> Names:
    if not names:
        return tuple(str(index) for index in range(highest + 1))
    if highest >= len(names):
        raise _wrong(f"a label {highest} but only {len(names)} class names", path, "name every class")
    return names


def _wrong(what: str, where: object, remedy: str) -> DataError:
    return DataError(what, where=where, remedy=remedy)
