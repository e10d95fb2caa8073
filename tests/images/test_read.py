import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.errors import ImageError
from toolkit.images import read
from toolkit.images.read import PAUSES_S, read_file, read_seen


def reason(file: object) -> str:
    with pytest.raises(ImageError) as caught:
        read_file(str(file))
    return caught.value.what


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    assert read_file(file) == bytes(range(256)) * 1000


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    assert read_file(tmp_path / "b") == b"content"


def test_a_missing_file_a_folder_and_bad_links_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert reason(tmp_path / "nothing") == "no such file"
    assert reason(tmp_path) == "a folder, not a file"
    assert "broken symbolic link" in reason(tmp_path / "dangling")
    assert "leads back to itself" in reason(tmp_path / "self")
    assert reason(tmp_path / ("x" * 300)) == "no such file (the name is too long)"
    assert reason("a\0b") == "no such file"


def test_pipes_sockets_and_devices_are_refused_without_being_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> int:
        raise AssertionError("opened")

    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    (tmp_path / "stream.jpg").symlink_to("/dev/zero")
    monkeypatch.setattr(os, "open", never)
    assert reason("pipe.jpg") == "a named pipe, not a regular file"
    assert reason("socket.png") == "a socket, not a regular file"
    assert reason("stream.jpg") == "a device, not a regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(b"x")
    file.chmod(0)
    assert "permission denied" in reason(file)


def test_a_file_above_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.tif"
    file.write_bytes(b"x" * 11)
    monkeypatch.setattr(read, "MAX_FILE_BYTES", 10)
    assert "too large (11 bytes" in reason(file)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9\xff.png")
    Path(name).write_bytes(b"content")
    assert read_file(name) == b"content"


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("where", ["open", "read"])
@pytest.mark.parametrize("reading", [read_file, read_seen])
def test_what_a_network_file_system_gets_over_is_tried_again(
    reading: Callable[[str], bytes],
    where: str,
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No file system here fails when it is told to, so the system call does."""
    file = tmp_path / "a.png"
    file.write_bytes(b"content")
    real, pauses = getattr(os, where), []
    failures = len(PAUSES_S)

    def failing(*arguments: object) -> object:
        if len(pauses) < failures:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    monkeypatch.setattr(read.time, "sleep", pauses.append)
    monkeypatch.setattr(os, where, failing)
    if number != errno.EACCES:
        assert reading(str(file)) == b"content"
        assert pauses == list(PAUSES_S)
        pauses.clear()
        failures = len(PAUSES_S) + 1
    with pytest.raises(ImageError) as caught:
        reading(str(file))
    assert ("(tried 3 times)" in caught.value.what) == (number != errno.EACCES)
