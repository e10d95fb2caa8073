import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.data.npz import read_npz
from toolkit.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


def both(**changes: Any) -> dict[str, Any]:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "y_test": LABELS[:2], **changes}
    return {key: value for key, value in arrays.items() if value is not None}


def test_pictures_and_labels_come_back_as_they_were_stored(tmp_path: Path) -> None:
    classes, splits = read_npz(save(tmp_path, **both()), ("train", "test"))
    assert classes == ("0", "1", "2")
    np.testing.assert_array_equal(IMAGES, splits["train"].images)
    np.testing.assert_array_equal(LABELS, splits["train"].labels)
    assert splits["test"].labels.dtype == np.int64
    assert splits["test"].paths is None
    assert len(splits["test"]) == 2


def test_only_the_split_wanted_is_read_but_the_classes_are_those_of_both(tmp_path: Path) -> None:
    classes, splits = read_npz(save(tmp_path, **both(x_train=np.zeros(3))), ("test",))
    assert list(splits) == ["test"]
    assert classes == ("0", "1", "2")


def test_a_split_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    _, splits = read_npz(save(tmp_path, **both(x_train=None, y_train=None)), ("train", "test"))
    assert list(splits) == ["test"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64, np.float32])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_of_any_number_type_and_both_shapes_are_read(
    tmp_path: Path, dtype: type, shape: tuple[int, ...]
) -> None:
    path = save(tmp_path, **both(y_train=LABELS.astype(dtype).reshape(shape)))
    np.testing.assert_array_equal(LABELS, read_npz(path, ("train",))[1]["train"].labels)


@pytest.mark.parametrize("shape", [(6, 5, 4), (6, 5, 4, 1)])
def test_grey_pictures_are_expanded_to_three_equal_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    grey = IMAGES[..., 0].reshape(shape)
    images = read_npz(save(tmp_path, **both(x_train=grey)), ("train",))[1]["train"].images
    assert images.shape == IMAGES.shape
    assert images.flags.c_contiguous
    np.testing.assert_array_equal(images, np.stack([IMAGES[..., 0]] * 3, axis=-1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16])
def test_other_number_types_are_taken_when_they_hold_bytes(tmp_path: Path, dtype: type) -> None:
    images = read_npz(save(tmp_path, **both(x_train=IMAGES.astype(dtype))), ("train",))[1]["train"].images
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(IMAGES, images)


@pytest.mark.parametrize("key", ["classes", "labels"])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_class_names_in_the_file_are_used(tmp_path: Path, key: str, kind: str) -> None:
    names = np.array(["cat", "dog", "fish", "bird"]).astype(kind)
    classes, _ = read_npz(save(tmp_path, **both(), **{key: names}), ("train",))
    assert classes == ("cat", "dog", "fish", "bird")


NAN = np.full(IMAGES.shape, np.nan, np.float32)
WRONG = {
    "scaled to 1: multiply": (both(x_train=(IMAGES / 255).astype("f")), "are scaled to 1"),
    "normalised": (both(x_train=IMAGES / 127.5 - 1), "aren't pixels.*not normalised ones"),
    "fractions": (both(x_train=IMAGES * 0.5), "with fractions aren't pixels"),
    "16 bit": (both(x_train=IMAGES.astype(np.uint16) * 257), "aren't pixels"),
    "not numbers": (both(x_train=NAN), "aren't pixels"),
    "complex": (both(x_train=IMAGES.astype(complex)), "complex128 values aren't pixels"),
    "channels first": (both(x_train=IMAGES.transpose(0, 3, 1, 2)), r"x.transpose\(0, 2, 3, 1\)"),
    "alpha": (both(x_train=np.zeros((6, 5, 4, 4), np.uint8)), r"isn't \[N, H, W, 3\]"),
    "flat": (both(x_train=IMAGES.reshape(6, -1)), r"shape \[6, 60\] isn't"),
    "empty": (both(x_train=IMAGES[:0], y_train=LABELS[:0]), "holds no picture"),
    "no labels": (both(y_train=None), "it has no y_train"),
    "no pictures": (both(x_train=None), "it has no x_train"),
    "nothing": ({"a": IMAGES}, "store x_train, y_train"),
    "fewer labels": (both(y_train=LABELS[:5]), "6 pictures but 5 labels"),
    "one-hot": (both(y_train=np.eye(3)[LABELS]), "argmax"),
    "negative": (both(y_train=LABELS - 1), "labels from -1 to 1"),
    "half labels": (both(y_train=LABELS + 0.5), "labels with fractions"),
    "huge labels": (both(y_train=LABELS + 10**12), "labels from 1e"),
    "text labels": (both(y_train=LABELS.astype(str)), "aren't class indices"),
    "too few names": (both(classes=np.array(["a", "b"])), "a label 2 but only 2 class names"),
    "names twice": (both(classes=np.array(["a", "b", "a"])), "names a class twice"),
    "number names": (both(classes=np.arange(3)), "isn't a list of names"),
    "objects": (both(classes=np.array(["a", "b", "c"], object)), "classes is a pickle, which is not loaded"),
    "object pictures": (both(x_train=np.array([1, None], object)), "x_train is a pickle"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_do_not_fit_are_refused_with_a_reason(tmp_path: Path, case: str) -> None:
    arrays, reason = WRONG[case]
    with pytest.raises(DataError, match=reason) as caught:
        read_npz(save(tmp_path, **arrays), ("train", "test"))
    assert str(tmp_path) in caught.value.where


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 and no more", b"\x93NUMPY"])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(damage)
    with pytest.raises(DataError):
        read_npz(path, ("train",))


def test_a_shortened_or_changed_archive_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, **both())
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"can't be read as .npz"):
        read_npz(path, ("train",))
    content[120:140] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"can't be read as .npz"):
        read_npz(path, ("train",))


@pytest.mark.parametrize(
    "content", [b"<html>", b"\xff\xd8\xff\xe0 a picture", b"(lp0\nI1\na.", b"P6 8 8 255 "]
)
def test_another_file_under_its_name_is_not_called_a_pickle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"its content is no .npz file"):
        read_npz(path, ("train",))


def test_a_member_that_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", "no array")
    with pytest.raises(DataError, match="x_train is no array"):
        read_npz(path, ("train",))


def test_a_single_array_under_the_wrong_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match="one array instead of several"):
        read_npz(path, ("train",))
