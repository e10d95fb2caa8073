import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from toolkit.data.resolve import load_data, load_split
from toolkit.errors import DataError, MissingSplit, UsageError
from toolkit.preprocess.transforms import Resize
from toolkit.preprocess.transforms import resize as resize_picture

RED, GREEN = (250, 5, 5), (5, 250, 5)


def png(colour: tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> bytes:
    """A picture of (height, width) in one colour."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((*size, 3), colour, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train/ with 150 red and 10 green pictures, test/ with 3 of each: 6 high, 4 wide."""
    root = tmp_path / "signals"
    for split, reds, greens in (("train", 150, 10), ("test", 3, 3)):
        for name, count, colour in (("red", reds, RED), ("green", greens, GREEN)):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                shade = (colour[0], colour[1], number)
                (root / split / name / f"{number:03d}.png").write_bytes(png(shade))
    return root


def test_a_folder_becomes_pictures_labels_and_paths_in_sorted_order(folder: Path, recorder: Any) -> None:
    data = load_data(str(folder), observer=recorder)
    assert (data.name, data.classes, data.skipped) == ("signals", ("green", "red"), ())
    train = data.split("train")
    assert train.images.shape == (160, 6, 4, 3)
    assert train.labels.tolist() == [0] * 10 + [1] * 150
    assert train.paths is not None
    assert train.paths[9:11] == ("train/green/009.png", "train/red/000.png")
    assert train.images[:, 0, 0, 2].tolist() == [*range(10), *range(150)]
    assert train.images[10, 3, 2].tolist() == [250, 5, 0]
    assert recorder.counts[-1] == (6, 6, "pictures")
    assert recorder.steps == [
        "Reading 160 pictures of the train split",
        "Reading 6 pictures of the test split",
    ]


def test_only_the_splits_that_are_asked_for_are_read(folder: Path) -> None:
    for path in (folder / "train" / "red").iterdir():
        path.write_bytes(b"broken")
    assert list(load_data(str(folder), splits=("test",)).splits) == ["test"]


def test_the_name_for_records_can_be_chosen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_data(str(folder), splits=("test",), name="Signals (PNG)").name == "Signals (PNG)"
    monkeypatch.chdir(folder)
    assert load_data(".", splits=("test",)).name == "signals"


def test_a_limit_reads_so_many_pictures_of_each_split_and_the_same_of_each_class(folder: Path) -> None:
    data = load_data(str(folder), limit=30)
    assert np.bincount(data.split("train").labels).tolist() == [10, 20]
    assert len(data.split("test")) == 6
    again = load_data(str(folder), limit=30)
    assert data.split("train").paths == again.split("train").paths
    assert data.digest == again.digest
    assert load_data(str(folder), limit=30, seed=1).split("train").paths != again.split("train").paths


def test_the_seed_of_a_limit_does_not_move_pictures_between_the_splits(folder: Path) -> None:
    parts = [load_data(str(folder / "train"), seed=seed) for seed in (0, 1)]
    assert parts[0].digest == parts[1].digest
    assert len(parts[0].split("test")) == 32


@pytest.mark.parametrize("how", list(Resize))
def test_pictures_are_brought_to_the_size_that_is_asked_for(folder: Path, how: Resize) -> None:
    (folder / "test" / "red" / "x.png").write_bytes(png(RED, (40, 9)))
    data = load_data(str(folder), image_size=(8, 12), resize=how.value, splits=("test",))
    images = data.split("test").images
    assert images.shape == (7, 8, 12, 3)
    np.testing.assert_array_equal(images[-1], resize_picture(np.full((40, 9, 3), RED, np.uint8), 8, 12, how))


def test_of_padded_pictures_it_is_known_where_each_is(folder: Path, tmp_path: Path) -> None:
    (folder / "test" / "red" / "x.png").write_bytes(png(RED, (8, 24)))
    (folder / "test" / "red" / "y.png").write_bytes(b"broken")
    as_folder = load_data(
        str(folder), image_size=(8, 12), resize="pad", splits=("test",), skip_broken=True
    ).split("test")
    np.savez(tmp_path / "d.npz", x_test=np.full((2, 6, 4, 3), RED, np.uint8), y_test=[0, 1])
    as_array = load_data(str(tmp_path / "d.npz"), image_size=(8, 12), resize="pad").split("test")
    for split, last in ((as_folder, [2, 6, 0, 12]), (as_array, [0, 8, 3, 8])):
        assert split.insides is not None
        assert split.insides[:-1].tolist() == [[0, 8, 3, 8]] * (len(split) - 1)
        assert split.insides[-1].tolist() == last
        for image, (top, bottom, left, right) in zip(split.images, split.insides, strict=True):
            is_white = (image == 255).all(axis=2)
            assert not is_white[top:bottom, left:right].any()
            assert is_white.sum() == 8 * 12 - (bottom - top) * (right - left)
    assert load_data(str(folder), image_size=(8, 12), splits=("train",)).split("train").insides is None


def test_different_sizes_without_a_size_are_refused_with_the_sizes(folder: Path) -> None:
    (folder / "test" / "red" / "x.png").write_bytes(png(RED, (40, 9)))
    (folder / "test" / "red" / "y.png").write_bytes(png(RED, (5, 5)))
    with pytest.raises(DataError, match=r"different sizes \(height×width\): 5×5, 6×4, 40×9 .*--image-size"):
        load_data(str(folder), splits=("test",))


def test_train_and_test_of_different_sizes_are_refused_too(folder: Path) -> None:
    for path in (folder / "test").glob("*/*"):
        path.write_bytes(png(RED, (7, 7)))
    with pytest.raises(DataError, match=r"different sizes.*6×4, 7×7"):
        load_data(str(folder))


def test_train_and_test_of_different_sizes_are_refused_in_an_npz_file_too(tmp_path: Path) -> None:
    arrays = {"x_train": np.zeros((2, 6, 4, 3), np.uint8), "x_test": np.zeros((2, 8, 4), np.uint8)}
    np.savez(tmp_path / "d.npz", **arrays, y_train=[0, 1], y_test=[0, 1])
    with pytest.raises(DataError, match=r"6×4, 8×4 .*--image-size"):
        load_data(str(tmp_path / "d.npz"))
    assert load_data(str(tmp_path / "d.npz"), splits=("test",)).split("test").images.shape == (2, 8, 4, 3)
    both = load_data(str(tmp_path / "d.npz"), image_size=(5, 5)).splits
    assert {split.images.shape for split in both.values()} == {(2, 5, 5, 3)}


def test_broken_pictures_of_both_splits_stop_the_run_with_their_paths(folder: Path) -> None:
    (folder / "train" / "red" / "007.png").write_bytes(b"")
    (folder / "test" / "green" / "001.png").write_text("no picture")
    with pytest.raises(DataError) as caught:
        load_data(str(folder))
    text = str(caught.value)
    assert text.startswith("2 broken pictures: train/red/007.png: ")
    assert "test/green/001.png: " in text
    assert text.endswith("--skip-broken")
    assert "\n" not in text


def test_of_many_broken_pictures_five_are_named(folder: Path) -> None:
    for number in range(20):
        (folder / "train" / "red" / f"{number:03d}.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"20 broken pictures: .*red/000.*red/004[^/]* and 15 more \("):
        load_data(str(folder))


def test_broken_pictures_can_be_left_out_and_are_told(folder: Path, recorder: Any) -> None:
    whole = load_data(str(folder))
    (folder / "train" / "green" / "000.png").write_bytes(b"x")  # the first one, whose size would count
    (folder / "train" / "red" / "007.png").write_bytes((folder / "train/red/008.png").read_bytes()[:40])
    data = load_data(str(folder), skip_broken=True, observer=recorder)
    assert [path for path, _ in data.skipped] == ["train/green/000.png", "train/red/007.png"]
    assert all(reason for _, reason in data.skipped)
    train = data.split("train")
    assert train.paths == tuple(p for p in whole.split("train").paths or () if p not in dict(data.skipped))
    assert train.images[:, 0, 0, 2].tolist() == [*range(1, 10), *range(7), *range(8, 150)]
    assert "left out 2 broken pictures" in recorder.notices[0]


def test_a_class_of_which_nothing_is_left_is_refused(folder: Path) -> None:
    for path in (folder / "test" / "green").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="every picture of the class 'green' is broken"):
        load_data(str(folder), skip_broken=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_links_that_lead_nowhere_and_pipes_are_broken_pictures_not_fewer_ones(folder: Path) -> None:
    (folder / "test" / "red" / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "test" / "red" / "pipe.png")
    with pytest.raises(
        DataError, match=r"^2 broken pictures: test/red/gone\.png: the link's target does not"
    ):
        load_data(str(folder), splits=("test",))
    reasons = dict(load_data(str(folder), splits=("test",), skip_broken=True).skipped)
    assert reasons["test/red/pipe.png"] == "a named pipe, not a regular file"


def test_when_every_picture_is_broken_they_are_named(folder: Path) -> None:
    for path in folder.glob("*/*/*"):
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="166 broken pictures"):
        load_data(str(folder))


def test_pictures_that_do_not_fit_into_memory_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"need .* GiB .*smaller --image-size"):
        load_data(str(folder), image_size=(10**6, 10**6), splits=("train",))


def test_npz_and_folder_with_the_same_content_have_the_same_digest(folder: Path, tmp_path: Path) -> None:
    data = load_data(str(folder))
    arrays = {
        f"{axis}_{split}": values
        for split in ("train", "test")
        for axis, values in (("x", data.split(split).images), ("y", data.split(split).labels))
    }
    np.savez(tmp_path / "same.npz", classes=np.array(data.classes), **arrays)
    copy = load_data(str(tmp_path / "same.npz"))
    assert (copy.name, copy.digest) == ("same", data.digest)
    assert len(load_data(str(tmp_path / "same.npz"), limit=4).split("train")) == 4
    small = load_data(str(tmp_path / "same.npz"), image_size=(3, 3), splits=("test",))
    np.testing.assert_array_equal(
        small.split("test").images,
        load_data(str(folder), image_size=(3, 3), splits=("test",)).split("test").images,
    )


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("CIFAR10", "did you mean 'cifar10'"),
        ("cifar-10", "did you mean 'cifar10'"),
        ("cifar1", "did you mean 'cifar10'"),
        ("signal", "did you mean 'signals'"),
        ("mnist", "give cifar10, cifar-10-python.tar.gz"),
        ("no/such/folder", "give cifar10"),
        ("x\0y", "give cifar10"),
    ],
)
def test_data_that_is_not_there_is_refused_with_the_nearest_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, argument: str, hint: str
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(DataError, match=f"no such file or folder, and no data set of that name.*{hint}"):
        load_data(argument)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b")
    with pytest.raises(DataError, match="isn't a form of data that is known"):
        load_data(str(tmp_path / "data.csv"))


def test_a_name_that_is_too_long_is_one_line() -> None:
    with pytest.raises(DataError, match=r"can't be looked at|no such file"):
        load_data("x" * 5000)


def test_data_without_the_split_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "test").rename(tmp_path / "elsewhere")
    assert list(load_data(str(folder)).splits) == ["train"]
    with pytest.raises(DataError, match="has no test split"):
        load_data(str(folder), splits=("test",))


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"limit": 0}, "--limit"),
        ({"resize": "squeeze"}, "--resize"),
        ({"splits": ("validation",)}, "--split"),
        ({"splits": ()}, "--split"),
        ({"image_size": (0, 5)}, "--image-size"),
    ],
)
def test_options_out_of_range_are_bad_usage(folder: Path, options: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_data(str(folder), **options)
    assert caught.value.where == flag


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that root can't read, either")
@pytest.mark.parametrize("name", ["data.npz", "cifar-10-python.tar.gz"])
def test_a_file_that_the_system_does_not_let_be_read_is_not_called_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"^can't be read: Input/output error .*check its permissions"):
        load_data(str(tmp_path / name))


def test_an_npz_file_with_one_split_gives_that_one(tmp_path: Path) -> None:
    pixels, labels = np.zeros((2, 4, 4, 3), np.uint8), np.arange(2)
    np.savez(tmp_path / "train.npz", x_train=pixels, y_train=labels)
    dataset, name = load_split(str(tmp_path / "train.npz"), ("test", "train"))
    assert (name, len(dataset.split("train"))) == ("train", 2)
    with pytest.raises(MissingSplit, match="store x_test, y_test"):
        load_split(str(tmp_path / "train.npz"), ("test",))


def test_a_folder_that_is_looked_at_for_each_split_is_told_of_once(
    colour_folder: Path, recorder: Any
) -> None:
    inside = colour_folder / "red"
    (inside / "notes.txt").touch()
    root = colour_folder.rename(colour_folder.with_name("train")).parent
    load_split(str(root), ("test", "train"), observer=recorder)
    assert len(recorder.notices) == len(set(recorder.notices))
    assert sum("notes.txt" in notice for notice in recorder.notices) == 1


def test_only_the_first_split_that_there_is_gets_loaded(colour_folder: Path) -> None:
    dataset, name = load_split(str(colour_folder), ("test", "train"))
    assert (name, set(dataset.splits)) == ("test", {"test"})
    only_train = colour_folder.parent / "only"
    (only_train).mkdir()
    colour_folder.rename(only_train / "train")
    dataset, name = load_split(str(only_train), ("test", "train"))
    assert (name, len(dataset.split("train"))) == ("train", 12)
    with pytest.raises(MissingSplit, match="has no test split"):
        load_split(str(only_train), ("test",))
