import gzip
import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.data import cifar10
from toolkit.data.cifar10 import read_archive
from toolkit.data.resolve import load_data
from toolkit.errors import DataError, UsageError

BOTH = pytest.mark.parametrize("form", ["python", "binary"])


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@BOTH
def test_both_formats_give_the_same_pictures_in_the_official_order(
    archive: Any, official: Any, form: str
) -> None:
    classes, splits = read_archive(archive(form), ("train", "test"))
    assert classes == official.classes
    expected = np.concatenate([official.pixels(number) for number in range(1, 6)])
    np.testing.assert_array_equal(expected, splits["train"].images)
    assert splits["train"].labels.tolist() == [n for i in range(1, 6) for n in official.labels(i)]
    np.testing.assert_array_equal(official.pixels(6), splits["test"].images)
    assert splits["test"].labels.tolist() == official.labels(6)
    assert splits["train"].images.flags.c_contiguous
    assert (splits["train"].images.dtype, splits["train"].labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_archives_that_were_packed_again_by_newer_pythons_are_read(
    archive: Any, official: Any, protocol: int
) -> None:
    def pickle_again(members: dict[str, bytes]) -> None:
        for name, content in members.items():
            members[name] = pickle.dumps(pickle.loads(content), protocol)

    _, splits = read_archive(archive("python", pickle_again), ("test",))
    np.testing.assert_array_equal(official.pixels(6), splits["test"].images)


@BOTH
def test_only_what_is_wanted_is_needed(archive: Any, official: Any, form: str) -> None:
    def without_training(members: dict[str, bytes]) -> None:
        for name in [n for n in members if "data_batch" in n]:
            del members[name]

    path = archive(form, without_training)
    assert list(read_archive(path, ("test",))[1]) == ["test"]
    with pytest.raises(DataError, match=r"data_batch_1.* is missing"):
        read_archive(path, ("train", "test"))


@BOTH
def test_an_archive_that_is_not_compressed_is_read_too(
    tmp_path: Path, official: Any, archive: Any, form: str
) -> None:
    packed = archive(form)
    (tmp_path / "plain.tar").write_bytes(gzip.decompress(packed.read_bytes()))
    data = load_data(str(tmp_path / "plain.tar"))
    assert data.digest == load_data(str(packed)).digest
    assert data.name == "CIFAR-10"


def damage(name: str, content: bytes) -> Any:
    def change(members: dict[str, bytes]) -> None:
        (full,) = [member for member in members if member.endswith("/" + name)]
        members[full] = content

    return change


def batch(**values: Any) -> bytes:
    return pickle.dumps({key.encode(): value for key, value in values.items()}, 2)


PLANES = np.zeros((2, 3072), np.uint8)
WRONG = {
    "meta without names": ("python", "batches.meta", batch(x=1), "names no classes"),
    "names twice": ("python", "batches.meta", batch(label_names=[b"a", b"a"]), "names a class twice"),
    "no data": ("python", "test_batch", batch(labels=[1]), "isn't an array of N × 3072 bytes"),
    "other size": ("python", "test_batch", batch(data=PLANES[:, :300], labels=[1, 2]), "N × 3072 bytes"),
    "fewer labels": ("python", "test_batch", batch(data=PLANES, labels=[1]), "one label for each of its 2"),
    "label too high": ("python", "test_batch", batch(data=PLANES, labels=[1, 10]), "other than 0 to 9"),
    "label no number": ("python", "test_batch", batch(data=PLANES, labels=[1, b"x"]), "other than 0 to 9"),
    "not a pickle": ("python", "test_batch", b"nothing", "its pickle is damaged"),
    "binary cut": ("binary", "test_batch.bin", bytes(3072), "3,072 bytes aren't records of 3073 bytes"),
    "binary empty": ("binary", "test_batch.bin", b"", "0 bytes aren't records"),
    "binary label": ("binary", "test_batch.bin", bytes([10]) + bytes(3072), "other than 0 to 9"),
    "binary no names": ("binary", "batches.meta.txt", b"\n", "names no classes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_in_the_official_layout_is_refused_with_its_member(archive: Any, case: str) -> None:
    form, name, content, reason = WRONG[case]
    path = archive(form, damage(name, content))
    with pytest.raises(DataError, match=reason) as caught:
        read_archive(path, ("train", "test"))
    assert str(path) in caught.value.where


def test_a_malicious_archive_is_refused_and_its_code_does_not_run(archive: Any, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "was-here"),)

    with pytest.raises(DataError, match="nothing of it was run"):
        read_archive(archive("python", damage("test_batch", pickle.dumps(Attack()))), ("test",))
    assert not (tmp_path / "was-here").exists()


def test_a_member_that_would_fill_the_memory_is_refused(
    archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "MEMBER_LIMIT_BYTES", 10_000)
    with pytest.raises(DataError, match=r"test_batch.bin would unpack to 12,292 bytes"):
        read_archive(archive("binary"), ("test",))


@BOTH
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_shortened_archive_is_refused(archive: Any, form: str, part: float) -> None:
    path = archive(form)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(DataError, match=r"can't be read as an archive|is missing") as caught:
        load_data(str(path))
    assert "\n" not in str(caught.value)


@BOTH
def test_the_name_cifar10_downloads_once_and_then_asks_nobody(
    serve: Any, official: Any, cache: Path, form: str, monkeypatch: pytest.MonkeyPatch, recorder: Any
) -> None:
    content = official.tar_gz(official.members[form]())
    site = serve(content)
    monkeypatch.setenv("TOOLKIT_CIFAR10_URL", site.url(f"cifar-10-{form}.tar.gz"))
    monkeypatch.setenv("TOOLKIT_CIFAR10_DIGEST", sha256(content))
    first = load_data("cifar10", observer=recorder)
    assert (first.name, first.classes) == ("CIFAR-10", official.classes)
    assert len(first.split("train")) == 20
    assert (len(content), len(content), "bytes") in recorder.counts
    assert load_data("cifar10").digest == first.digest
    assert site.asked == [None]
    assert [p.name for p in cache.rglob("*.tar.gz")] == [f"cifar-10-{form}.tar.gz"]


@BOTH
def test_a_mirror_is_held_to_the_official_digest(
    serve: Any, official: Any, cache: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"cifar-10-{form}.tar.gz"
    site = serve(official.tar_gz(official.members[form]()))
    monkeypatch.setenv("TOOLKIT_CIFAR10_URL", site.url(name))
    expected = cifar10.DIGESTS[name].hexadecimal
    with pytest.raises(DataError, match=f"md5 digest {expected}.*set TOOLKIT_CIFAR10_URL to a mirror"):
        load_data("cifar10")


def test_another_digest_does_not_replace_the_archive_that_is_cached(
    serve: Any, official: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in ("python", "binary"):
        content = official.tar_gz(official.members[form]())
        monkeypatch.setenv("TOOLKIT_CIFAR10_URL", serve(content).url("any-name"))
        monkeypatch.setenv("TOOLKIT_CIFAR10_DIGEST", sha256(content))
        load_data("cifar10")
    assert len(list(cache.rglob("*.tar.gz"))) == 2


def test_a_digest_that_cannot_be_read_is_bad_usage(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_CIFAR10_DIGEST", "12345")
    with pytest.raises(UsageError, match="TOOLKIT_CIFAR10_DIGEST"):
        load_data("cifar10")


def test_a_mirror_that_is_no_address_is_bad_usage(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_CIFAR10_URL", "http://[bad")
    with pytest.raises(UsageError, match=r"'http://\[bad' is no address: Invalid IPv6 URL") as caught:
        load_data("cifar10")
    assert caught.value.where == "TOOLKIT_CIFAR10_URL"


def test_without_a_network_the_error_says_what_else_works(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CIFAR10_URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(DataError, match=r"get cifar-10-python.tar.gz another way and give its path as DATA"):
        load_data("cifar10")
