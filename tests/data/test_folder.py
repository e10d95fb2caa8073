import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.folder import Files, list_folder
from toolkit.errors import DataError

WANTED = ("train", "test")


def fill(root: Path, **classes: int) -> Path:
    """Class folders with so many files that are called like pictures (their content isn't looked at)."""
    for name, count in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / name / f"{number:03d}.jpg").touch()
    return root


def test_classes_are_in_the_order_of_their_code_points(tmp_path: Path, recorder: Any) -> None:
    names = ["é", "a", "B", "2", "10", "1", "_", "É", "Z"]
    fill(tmp_path, **dict.fromkeys(names, 2))
    classes, files = list_folder(tmp_path, WANTED, recorder)
    assert classes == ("1", "10", "2", "B", "Z", "_", "a", "É", "é")
    assert {name.split("/")[0]: int(label) for name, label in zip(
        files["train"].names, files["train"].labels, strict=True
    )} == {name: index for index, name in enumerate(classes)}  # fmt: skip


def test_train_and_test_folders_are_the_splits(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "train", cat=2, dog=1)
    fill(tmp_path / "test", cat=1, dog=1)
    classes, files = list_folder(tmp_path, WANTED, recorder)
    assert classes == ("cat", "dog")
    assert files["train"].names == ("train/cat/000.jpg", "train/cat/001.jpg", "train/dog/000.jpg")
    assert files["train"].labels.tolist() == [0, 0, 1]
    assert files["test"].names == ("test/cat/000.jpg", "test/dog/000.jpg")


def test_only_the_split_wanted_is_listed_and_one_alone_will_do(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "test", cat=1)
    assert list(list_folder(tmp_path, WANTED, recorder)[1]) == ["test"]
    assert list(list_folder(tmp_path, ("train",), recorder)[1]) == []


def test_class_folders_alone_are_divided_four_to_one_in_every_class(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path, cat=10, dog=25, eel=2, fox=3)
    _, files = list_folder(tmp_path, WANTED, recorder)
    assert np.bincount(files["test"].labels).tolist() == [2, 5, 1, 1]
    assert np.bincount(files["train"].labels).tolist() == [8, 20, 1, 2]
    assert not set(files["train"].names) & set(files["test"].names)


def test_the_division_is_the_same_on_every_machine(tmp_path: Path, recorder: Any) -> None:
    # A change here would put pictures that a model was trained on into its test.
    fill(tmp_path, cat=10)
    assert list_folder(tmp_path, ("test",), recorder)[1]["test"].names == ("cat/000.jpg", "cat/004.jpg")


@given(st.sets(st.integers(0, 60), min_size=2), st.integers(0, 60))
def test_a_picture_that_is_added_moves_at_most_one_other(numbers: set[int], extra: int) -> None:
    from toolkit.data import folder

    def test_names(chosen: set[int]) -> set[str]:
        names = sorted((f"cat/{n}.jpg" for n in chosen), key=folder._lot)
        return set(names[: max(1, round(folder.TEST_SHARE * len(names)))])

    assert len(test_names(numbers) - test_names(numbers | {extra})) <= 1


def test_a_class_with_a_single_picture_is_for_training_and_said_so(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path, cat=1, dog=5)
    _, files = list_folder(tmp_path, WANTED, recorder)
    assert files["test"].labels.tolist() == [1]
    assert "no picture of cat" in recorder.notices[0]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            ("test",),
            "its test split is a fifth of each class, 7 of 35 pictures (to use all of them, move the",
        ),
        (("train",), "its train split is four fifths of each class, 28 of 35 pictures (to use all of them,"),
        (WANTED, "its test split is a fifth of each class, 7 of 35 pictures"),
    ],
)
def test_a_folder_that_is_divided_is_told_with_the_number_of_its_pictures_that_are_used(
    tmp_path: Path, recorder: Any, wanted: tuple[str, ...], told: str
) -> None:
    fill(tmp_path / "zoo", cat=10, dog=25)
    _, files = list_folder(tmp_path / "zoo", wanted, recorder)
    (notice,) = recorder.notices
    assert notice.startswith(f"{tmp_path / 'zoo'} has class folders only: {told}")
    assert f" {len(files[wanted[-1]].names)} of 35 pictures" in notice


def test_what_is_said_to_use_all_pictures_of_a_divided_folder_does(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "zoo", cat=10, dog=25)
    list_folder(tmp_path / "zoo", ("test",), recorder)
    assert recorder.notices[0].endswith(f"move the class folders into {tmp_path / 'zoo' / 'test'})")
    (tmp_path / "zoo" / "test").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "zoo" / name).rename(tmp_path / "zoo" / "test" / name)
    list_folder(tmp_path / "zoo" / "test", ("test",), recorder)
    assert recorder.notices[1].endswith(f"give {tmp_path / 'zoo'})")
    _, files = list_folder(tmp_path / "zoo", ("test",), recorder)
    assert len(files["test"].names) == 35
    assert len(recorder.notices) == 2


def test_hidden_files_and_files_that_are_not_pictures_are_passed_over(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "test", cat=1)
    fill(tmp_path / "test" / "cat", nested=1)
    fill(tmp_path / "test", **{".hidden": 1, "__MACOSX": 1})
    for name in ("._000.jpg", ".DS_Store", "Thumbs.db", "notes.txt", "no_suffix", "B.JPG", "c.JpEg"):
        (tmp_path / "test" / "cat" / name).touch()
    (tmp_path / "test" / "README.md").touch()
    classes, files = list_folder(tmp_path, WANTED, recorder)
    assert classes == ("cat",)
    assert files["test"].names == ("test/cat/000.jpg", "test/cat/B.JPG", "test/cat/c.JpEg")
    assert recorder.notices == [
        "pictures in folders inside a class folder are not read: test/cat/nested",
        "passed over what isn't a picture by its name: test/cat/no_suffix, test/cat/notes.txt",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_called_like_a_picture_is_listed_unless_it_is_a_folder(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "test", cat=1)
    os.mkfifo(tmp_path / "test" / "cat" / "pipe.jpg")
    (tmp_path / "test" / "cat" / "dir.jpg").mkdir()
    (tmp_path / "test" / "cat" / "link.jpg").symlink_to("000.jpg")
    (tmp_path / "test" / "cat" / "nowhere.jpg").symlink_to("missing.jpg")
    for place in ("cat/self.jpg", "loop"):
        (tmp_path / "test" / place).symlink_to(Path(place).name)
    names = list_folder(tmp_path, WANTED, recorder)[1]["test"].names
    assert names == tuple(f"test/cat/{n}.jpg" for n in ("000", "link", "nowhere", "pipe", "self"))


@pytest.mark.parametrize("spelling", [("Train", "Test"), ("TRAIN", "test"), ("training", "Testing")])
def test_usual_spellings_of_train_and_test_are_the_splits(
    tmp_path: Path, recorder: Any, spelling: tuple[str, str]
) -> None:
    for folder in spelling:
        fill(tmp_path / folder, cat=2, dog=1)
    classes, files = list_folder(tmp_path, WANTED, recorder)
    assert classes == ("cat", "dog")
    assert {split: found.names[0] for split, found in files.items()} == {
        "train": f"{spelling[0]}/cat/000.jpg",
        "test": f"{spelling[1]}/cat/000.jpg",
    }
    assert recorder.notices == []


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (("train", "val", "test"), "the splits of {root} are train and test; val is not used"),
        (("Train", "train", "test"), "the splits of {root} are train and test; Train is not used"),
        (
            ("train", "valid", "more"),
            "the train split of {root} is train; more, valid are not used;"
            " pictures to measure on belong in a folder called test",
        ),
    ],
)
def test_folders_beside_the_splits_are_told_to_be_left(
    tmp_path: Path, recorder: Any, folders: tuple[str, ...], told: str
) -> None:
    for folder in folders:
        fill(tmp_path / folder, cat=2, dog=1)
    if len(list(tmp_path.iterdir())) < len(folders):
        pytest.skip("this file system doesn't tell upper case from lower case")
    list_folder(tmp_path, WANTED, recorder)
    assert recorder.notices == [told.format(root=tmp_path)]


def test_only_the_split_that_is_read_is_named(tmp_path: Path, recorder: Any) -> None:
    for folder in ("training", "testing", "val"):
        fill(tmp_path / folder, cat=2, dog=1)
    list_folder(tmp_path, ("test",), recorder)
    assert recorder.notices == [f"the test split of {tmp_path} is testing; val is not used"]


def test_what_is_passed_over_in_class_folders_is_told(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "test", cat=2)
    fill(tmp_path / "test" / "cat", monday=3, tuesday=1, empty=0, **{".hidden": 1})
    (tmp_path / "test" / "cat" / "notes.txt").touch()
    _, files = list_folder(tmp_path, WANTED, recorder)
    assert files["test"].names == ("test/cat/000.jpg", "test/cat/001.jpg")
    assert recorder.notices == [
        "pictures in folders inside a class folder are not read: test/cat/monday, test/cat/tuesday",
        "passed over what isn't a picture by its name: test/cat/notes.txt",
    ]


def test_pictures_that_lie_deeper_are_pointed_to(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "zoo", cat=2, dog=2)
    with pytest.raises(DataError, match=f"its pictures lie deeper: give {re.escape(str(tmp_path / 'zoo'))}$"):
        list_folder(tmp_path, WANTED, recorder)
    (tmp_path / "zoo").rename(tmp_path / ".zoo")
    fill(tmp_path / "cat", monday=2)
    fill(tmp_path / "dog", monday=2)
    with pytest.raises(DataError, match=r"they lie deeper, as in cat/monday: move them into cat$"):
        list_folder(tmp_path, WANTED, recorder)


def test_brackets_in_names_are_just_names(tmp_path: Path, recorder: Any) -> None:
    root = fill(tmp_path / "set[1]" / "test", **{"[a]*": 1})
    assert list_folder(root.parent, WANTED, recorder)[1]["test"].names == ("test/[a]*/000.jpg",)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_class_name_that_is_not_utf_8_is_shown_with_its_bytes(tmp_path: Path, recorder: Any) -> None:
    try:
        (tmp_path / "test" / os.fsdecode(b"caf\xe9")).mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (tmp_path / "test" / os.fsdecode(b"caf\xe9") / "1.jpg").touch()
    classes, files = list_folder(tmp_path, WANTED, recorder)
    assert classes == (r"caf\xe9",)
    assert (tmp_path / files["test"].names[0]).exists()  # the name itself still opens the file


def test_classes_that_differ_between_train_and_test_are_named(tmp_path: Path, recorder: Any) -> None:
    fill(tmp_path / "train", cat=1, dog=1, **{f"extra{i}": 1 for i in range(7)})
    fill(tmp_path / "test", cat=1, eel=1)
    with pytest.raises(
        DataError,
        match="different classes: only train has dog, extra0, extra1, extra2, extra3 and 3 more; only test has eel",
    ):
        list_folder(tmp_path, ("test",), recorder)


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        ({}, "no class folders in it"),
        ({"cat": 0, "dog": 0}, "no pictures in its class folders .*put pictures into cat and dog"),
        ({"cat": 3, "dog": 0}, "no pictures in the class folder dog"),
        ({"cat": 3, "dog": 0, "eel": 0}, "no pictures in the class folders dog, eel"),
        ({"cat": 1, "dog": 1}, "every class has a single picture"),
    ],
)
def test_a_folder_without_what_is_needed_is_refused(
    tmp_path: Path, recorder: Any, folders: dict[str, int], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        list_folder(fill(tmp_path, **folders), WANTED, recorder)


def test_train_and_test_without_class_folders_are_refused(tmp_path: Path, recorder: Any) -> None:
    with pytest.raises(DataError, match=r"no class folders in it .*train"):
        list_folder(fill(tmp_path, train=2, test=2), WANTED, recorder)


def test_train_may_be_the_name_of_a_class(tmp_path: Path, recorder: Any) -> None:
    classes, _ = list_folder(fill(tmp_path, train=5, tram=5, bus=5), WANTED, recorder)
    assert classes == ("bus", "train", "tram")


def test_a_folder_that_cannot_be_listed_is_one_line(
    tmp_path: Path, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)  # the superuser, who may run tests, can list anything
    with pytest.raises(DataError, match="can't be listed: Permission denied"):
        list_folder(tmp_path, WANTED, recorder)


def test_taking_files_keeps_names_and_labels_together() -> None:
    files = Files(names=("a", "b", "c"), labels=np.array([0, 1, 2]))
    assert files.take(np.array([2, 0])).names == ("c", "a")
    assert files.take(np.array([2, 0])).labels.tolist() == [2, 0]
