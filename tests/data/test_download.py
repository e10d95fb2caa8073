import errno
import hashlib
import os
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolkit.data import download
from toolkit.data.download import CACHE_REMEDY, Digest, cache_folder, fetch
from toolkit.errors import DataError, OutputError, UsageError

CONTENT = os.urandom(1_000_000)
DIGEST = Digest("sha256", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "file.tar.gz"


def part_of(target: Path, content: bytes) -> Path:
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)
    return part


def get(url: str, target: Path, recorder: Any, digest: Digest = DIGEST) -> bytes:
    return fetch(url, target, digest, remedy="try elsewhere", observer=recorder).read_bytes()


def test_a_file_is_fetched_once_and_then_comes_from_the_cache(
    serve: Any, target: Path, recorder: Any
) -> None:
    site = serve(CONTENT)
    assert get(site.url(), target, recorder) == CONTENT
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked == [None]
    assert recorder.counts[-1] == (len(CONTENT), len(CONTENT), "bytes")
    done = [count for count, _, _ in recorder.counts]
    assert done == sorted(done)
    assert len(done) > 2
    assert not target.with_name(target.name + ".part").exists()


def test_a_cached_file_needs_neither_a_network_nor_a_writable_cache(target: Path, recorder: Any) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    target.parent.chmod(0o555)
    try:
        assert get("http://127.0.0.1:9/x", target, recorder) == CONTENT
    finally:
        target.parent.chmod(0o755)
    assert not recorder.steps


def test_a_damaged_file_in_the_cache_is_fetched_again(serve: Any, target: Path, recorder: Any) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1])
    assert get(serve(CONTENT).url(), target, recorder) == CONTENT
    assert "is damaged and is fetched again" in recorder.notices[0]


def test_a_download_goes_on_where_an_earlier_one_stopped(serve: Any, target: Path, recorder: Any) -> None:
    part_of(target, CONTENT[:600_000])
    site = serve(CONTENT)
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked == ["bytes=600000-"]
    assert min(done for done, _, _ in recorder.counts) > 600_000


def test_a_connection_that_breaks_off_is_taken_up_again_at_once(
    serve: Any, target: Path, recorder: Any
) -> None:
    site = serve(CONTENT, cut_after=[300_000, 300_000])
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked == [None, "bytes=300000-", "bytes=600000-"]
    assert "broke off (300,000 of 1,000,000 bytes arrived)" in recorder.notices[0]


def test_a_download_that_keeps_breaking_off_fails_and_the_next_run_goes_on(
    serve: Any, target: Path, recorder: Any
) -> None:
    site = serve(CONTENT, cut_after=[100_000] * download.ATTEMPTS)
    with pytest.raises(
        DataError, match=r"download failed: 400,000 of 1,000,000 bytes arrived .*try elsewhere"
    ):
        get(site.url(), target, recorder)
    assert not target.exists()
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked[-1] == "bytes=400000-"


def test_a_server_that_brings_nothing_is_not_asked_again(serve: Any, target: Path, recorder: Any) -> None:
    site = serve(CONTENT, cut_after=[0] * 9)
    with pytest.raises(DataError, match="0 of 1,000,000 bytes arrived"):
        get(site.url(), target, recorder)
    assert len(site.asked) == 1


def test_a_server_without_ranges_makes_the_download_start_again(
    serve: Any, target: Path, recorder: Any
) -> None:
    part_of(target, CONTENT[:600_000])
    site = serve(CONTENT, ranges=False, cut_after=[900_000])
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked == ["bytes=600000-", "bytes=900000-"]


@pytest.mark.parametrize("start", [599_999, 600_001, 0])
def test_a_response_that_begins_elsewhere_than_asked_is_not_put_behind_the_piece(start: int) -> None:
    answer = SimpleNamespace(status=206, headers={"Content-Range": f"bytes {start}-999999/1000000"})
    assert not download._continues(answer, 600_000)
    assert download._continues(answer, start) == (start > 0)


@pytest.mark.parametrize("length", [600_000, 1_000_000, 1_200_000])
def test_a_piece_of_another_file_is_thrown_away(serve: Any, target: Path, recorder: Any, length: int) -> None:
    part_of(target, b"x" * length)
    assert get(serve(CONTENT).url(), target, recorder) == CONTENT
    assert any("starts again" in notice for notice in recorder.notices)


def test_a_piece_that_is_whole_already_is_kept(serve: Any, target: Path, recorder: Any) -> None:
    part_of(target, CONTENT)
    site = serve(CONTENT)
    assert get(site.url(), target, recorder) == CONTENT
    assert site.asked == [f"bytes={len(CONTENT)}-"]


def test_wrong_content_is_refused_and_not_kept(serve: Any, target: Path, recorder: Any) -> None:
    site = serve(CONTENT[::-1])
    with pytest.raises(DataError, match=f"doesn't have the sha256 digest {DIGEST.hexadecimal}") as caught:
        get(site.url(), target, recorder)
    assert caught.value.where == site.url()
    assert sorted(p.name for p in target.parent.iterdir()) == ["file.tar.gz.lock"]
    assert len(site.asked) == 1


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (503, "503 Service Unavailable")])
def test_what_a_server_answers_is_told(
    serve: Any, target: Path, recorder: Any, status: int, words: str
) -> None:
    with pytest.raises(DataError, match=f"the server answered {words}"):
        get(serve(CONTENT, status=status).url(), target, recorder)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/file", "refused"),
        ("http://no-such-host.invalid/file", "."),
        ("no-scheme/file", "unknown url type"),
        ("gopher://x/file", "unknown url type"),
        ("file:///no/such/file", "No such file"),
    ],
)
def test_a_source_that_cannot_be_reached_is_one_line(
    target: Path, recorder: Any, url: str, words: str
) -> None:
    with pytest.raises(DataError, match=f"download failed: .*{words}.*try elsewhere") as caught:
        get(url, target, recorder)
    assert "\n" not in str(caught.value)


def test_a_server_that_says_nothing_is_given_up(
    target: Path, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DataError, match="no answer within"):
            get(url, target, recorder)


def test_a_file_address_works_too(tmp_path: Path, target: Path, recorder: Any) -> None:
    source = tmp_path / "mirror.tar.gz"
    source.write_bytes(CONTENT)
    part_of(target, CONTENT[:10])
    assert get(source.as_uri(), target, recorder) == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(serve: Any, target: Path, recorder: Any) -> None:
    part_of(target, b"").unlink()
    target.with_name(target.name + ".part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=f"no space left on the disk .*: {CACHE_REMEDY}$"):
        get(serve(CONTENT).url(), target, recorder)


def test_a_cache_that_is_a_file_is_one_line(serve: Any, tmp_path: Path, recorder: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=f"a part of the path is a file .*: {CACHE_REMEDY}$"):
        get(serve(CONTENT).url(), tmp_path / "file" / "x", recorder)


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked on Unix only")
def test_two_downloads_at_once_ask_the_server_once(serve: Any, target: Path, recorder: Any) -> None:
    site = serve(CONTENT)
    threads = [threading.Thread(target=get, args=(site.url(), target, recorder)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.asked == [None]
    assert target.read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked on Unix only")
@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_downloaded_to_all_the_same(
    serve: Any, target: Path, recorder: Any, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    assert get(serve(CONTENT).url(), target, recorder) == CONTENT
    assert recorder.notices == []


def test_digests_are_read_from_text() -> None:
    assert Digest.parse(f" SHA256:{'A' * 64} ", "x") == Digest("sha256", "a" * 64)
    assert Digest.parse(f"md5:{'0' * 32}", "x") == Digest("md5", "0" * 32)


@pytest.mark.parametrize("text", ["", "md5:", "md5:xyz", "a" * 32, f"md5:{'0' * 31}", f"sha1:{'0' * 40}"])
def test_what_is_not_a_digest_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a digest.*write md5:… or sha256:…"):
        Digest.parse(text, "TOOLKIT_CIFAR10_DIGEST")


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("TOOLKIT_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "toolkit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / ".cache" / "toolkit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "toolkit"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "toolkit" / "Cache"


def test_a_home_folder_that_nobody_knows_is_told_with_the_variable_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOOLKIT_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(
        DataError, match=r"no such home folder \(~nobody-of-that-name/cache\): set TOOLKIT_CACHE"
    ):
        cache_folder()
