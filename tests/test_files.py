import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import OutputError
from toolkit.files import (
    output_error,
    refuse_existing,
    refuse_existing_folder,
    sha256_of,
    to_json,
    whole_file,
    whole_files,
    write_json,
    write_text,
)

FULL = Path("/dev/full")


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with whole_file(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "half"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail(tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stays_as_it_was_when_replacing_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail() -> None:
        with whole_file(target, force=True) as temporary:
            temporary.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"


def test_an_existing_file_is_refused_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    write_text(target, "one")
    with pytest.raises(OutputError, match="exists already"):
        write_text(target, "two")
    assert target.read_text() == "one"
    write_text(target, "two", force=True)
    assert target.read_text() == "two"


def test_a_folder_in_place_of_the_output_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        refuse_existing(tmp_path, force=True)


def test_a_file_in_place_of_a_parent_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="part of the path is a file"):
        write_text(tmp_path / "file" / "out.txt", "x")


def test_asking_makes_no_folder(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "a" / "b" / "out.txt", force=False)
    refuse_existing_folder(tmp_path / "c" / "d", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="part of the path is a file"):
        refuse_existing(tmp_path / "file" / "deep" / "out.txt", force=False)
    with pytest.raises(OutputError, match="part of the path is a file"):
        refuse_existing_folder(tmp_path / "file" / "deep", force=False)


def test_missing_parent_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "out.txt", "x")
    assert (tmp_path / "a" / "b" / "out.txt").read_text() == "x"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named_as_such() -> None:
    with pytest.raises(OutputError, match="no space left on the disk"):
        write_text(FULL, "x" * 100_000, force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="can't be written"):
            refuse_existing(tmp_path / "out.txt", force=False)
    finally:
        tmp_path.chmod(0o700)


def test_an_output_folder_with_something_in_it_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    refuse_existing_folder(tmp_path / "new", force=False)
    (tmp_path / "new" / "x").write_text("")
    with pytest.raises(OutputError, match="isn't empty"):
        refuse_existing_folder(tmp_path / "new", force=False)
    refuse_existing_folder(tmp_path / "new", force=True)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EROFS, "not allowed to write"),
        (errno.EPIPE, "went away"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EIO, "can't write"),
    ],
)
def test_each_failure_of_the_system_has_words_of_its_own(number: int, words: str) -> None:
    assert words in str(output_error(OSError(number, os.strerror(number)), "out.csv"))


def test_a_missing_input_inside_a_write_keeps_its_own_name(tmp_path: Path) -> None:
    def copy_missing() -> None:
        with whole_file(tmp_path / "out.txt"):
            (tmp_path / "elsewhere" / "missing").read_bytes()

    with pytest.raises(FileNotFoundError):
        copy_missing()


def test_json_is_strict_and_takes_numpy_values(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": np.float32(1.5), "b": np.arange(2), "c": Path("p")})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1.5, "b": [0, 1], "c": "p"}
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": float("nan")})


def test_the_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    # Source: FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "x") == expected


def test_files_that_belong_together_appear_together_and_the_main_one_last(tmp_path: Path) -> None:
    with whole_files(tmp_path / "m.onnx") as main:
        assert main.name == "m.onnx"
        main.write_text("model")
        main.with_name("m.onnx.data").write_text("weights")
        assert not (tmp_path / "m.onnx").exists()
        assert not (tmp_path / "m.onnx.data").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]


def test_nothing_of_a_set_appears_when_writing_it_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_files(tmp_path / "m.onnx") as main:
            main.with_name("m.onnx.data").write_text("weights")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_belongs_to_a_set_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "m.onnx.data").write_text("precious")

    def write(force: bool) -> None:
        with whole_files(tmp_path / "m.onnx", force=force) as main:
            main.write_text("model")
            main.with_name("m.onnx.data").write_text("weights")

    with pytest.raises(OutputError, match="exists already"):
        write(force=False)
    assert (tmp_path / "m.onnx.data").read_text() == "precious"
    assert not (tmp_path / "m.onnx").exists()
    write(force=True)
    assert (tmp_path / "m.onnx.data").read_text() == "weights"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_set_on_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").symlink_to(FULL)

    def write() -> None:
        with whole_files(tmp_path / "m.onnx", force=True) as main:
            main.write_text("x" * 100_000)

    with pytest.raises(OutputError, match="no space left"):
        write()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc")
def test_a_stream_that_leads_to_a_file_is_refused_whatever_is_forced(tmp_path):
    with (tmp_path / "redirected.csv").open("w") as stream, pytest.raises(OutputError, match="own name"):
        refuse_existing(Path(f"/proc/self/fd/{stream.fileno()}"), force=True)
    refuse_existing(tmp_path / "redirected.csv", force=True)


def test_a_link_whose_target_is_gone_is_an_existing_output(tmp_path: Path) -> None:
    link = tmp_path / "out.csv"
    link.symlink_to(tmp_path / "gone.csv")
    with pytest.raises(OutputError, match="exists already"):
        refuse_existing(link, force=False)
    write_text(link, "new", force=True)
    assert link.read_text() == "new"


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("猫" * 83 + ".json")
    write_text(target, "{}")
    assert target.read_text() == "{}"


def test_a_name_that_is_not_utf8_comes_out_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write_json(tmp_path / "a.json", {"path": name})
    assert json.loads((tmp_path / "a.json").read_text()) == {"path": name}


def test_a_file_and_its_folder_reach_the_disk_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    writable: list[bool] = []

    def note(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        flushed.append("folder" if path.is_dir() else path.read_text())
        flags = int(Path(f"/proc/self/fdinfo/{handle}").read_text().split("flags:")[1].split()[0], 8)
        writable.append(path.is_dir() or flags & os.O_ACCMODE != os.O_RDONLY)  # else Windows refuses

    monkeypatch.setattr("toolkit.durable.os.fsync", note)
    write_text(tmp_path / "a.txt", "content")
    assert flushed == ["content", "folder"]
    assert all(writable)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_can_not_flush_is_written_to_all_the_same(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("toolkit.durable.os.fsync", fails)
    write_text(tmp_path / "a.txt", "content")
    assert (tmp_path / "a.txt").read_text() == "content"


def test_a_disk_that_fails_to_flush_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("toolkit.durable.os.fsync", fails)
    with pytest.raises(OutputError, match="Input/output error"):
        write_text(tmp_path / "a.txt", "content")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_be_written_to_but_not_read_takes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def unreadable(path: object, *arguments: int) -> int:
        if path == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("toolkit.durable.os.open", unreadable)
    write_text(tmp_path / "a.txt", "content")
    assert (tmp_path / "a.txt").read_text() == "content"
