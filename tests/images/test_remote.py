"""Addresses: a real local web server, and a real server of the S3 protocol."""

import contextlib
import errno
import functools
import http.server
import io
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import encoded, picture

from toolkit.errors import ImageError, InputError, MissingDependency
from toolkit.images import addresses
from toolkit.images.addresses import is_address
from toolkit.images.remote import read_remote
from toolkit.images.scan import Skipped
from toolkit.images.sources import expand

RED = encoded(picture((255, 0, 0)))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server with photos/a.png, photos/b.png and photos/notes.txt."""
    pytest.importorskip("aiohttp")
    (tmp_path / "photos").mkdir()
    for name in ("b.png", "a.png", "notes.txt"):
        (tmp_path / "photos" / name).write_bytes(RED)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_is_an_address() -> None:
    assert all(
        map(is_address, ["s3://bucket/a.png", "http://host/a", "gs://b", "abfs+x://y", "simplecache::s3://b"])
    )
    assert not any(map(is_address, ["a.png", "c:/a.png", "/s3://x", "C://x", "photos/http://x"]))


def test_a_web_address_is_a_picture_and_one_with_a_slash_the_pictures_listed_there(web: str) -> None:
    assert [item.file for item in expand([f"{web}/photos/b.png"])] == [f"{web}/photos/b.png"]
    listed = list(expand([f"{web}/photos/"]))
    assert [item.path for item in listed] == [f"{web}/photos/a.png", f"{web}/photos/b.png"]
    assert {item.label for item in listed} == {"photos"}


def test_contents_come_in_order_and_a_missing_one_is_an_error_in_its_place(web: str) -> None:
    found = read_remote(
        [f"{web}/photos/a.png", f"{web}/photos/gone.png", f"{web}/photos/b.png", f"{web}/photos/a.png"]
    )
    assert [found[0], found[2], found[3]] == [RED] * 3
    assert isinstance(found[1], ImageError)
    assert found[1].what == "no such file"


def test_the_folder_of_a_web_address_is_named_as_it_is_called_there(web: str, tmp_path: Path) -> None:
    (tmp_path / "große Hunde").mkdir()
    (tmp_path / "große Hunde" / "a.png").write_bytes(RED)
    folder = f"{web}/gro%C3%9Fe%20Hunde"
    given = [f"{folder}/a.png?of=x/y.png", f"{folder}/a.png#x/y", f"{folder}/"]
    assert [item.label for item in expand(given)] == ["große Hunde"] * 3
    (item,) = expand(["memory://50%25/a.png"])  # of a bucket a name is as it is written
    assert item.label == "50%25"


PATTERN_LIKE = ("[x].png", "p*.png", "p1.png", "p?.png", "p[1].png", "{a,b}.png")


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's file system in memory, empty."""
    pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    store = MemoryFileSystem()
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    addresses.forget()  # archives in it, which are kept open by their addresses


def test_a_remote_name_that_looks_like_a_pattern_is_a_name(memory: Any, web: str, tmp_path: Path) -> None:
    for name in PATTERN_LIKE:
        memory.pipe(f"/bucket/{name}", name.encode())
        (tmp_path / "photos" / name).write_bytes(name.encode())
    items = list(expand(["memory://bucket"]))
    assert [item.path for item in items] == [f"memory://bucket/{name}" for name in PATTERN_LIKE]
    contents = [name.encode() for name in PATTERN_LIKE]
    assert read_remote([str(item.file) for item in items]) == contents
    found = read_remote([str(item.file) for item in expand([f"{web}/photos/"])])
    assert set(found) == {RED, *contents}


def test_a_missing_name_that_looks_like_a_pattern_is_an_error_in_its_place(memory: Any) -> None:
    memory.pipe("/bucket/p1.png", RED)
    found = read_remote(["memory://bucket/p[1].png", "memory://bucket/p1.png", "memory://bucket/*.png"])
    assert found[1] == RED
    assert [each.what for each in found if isinstance(each, ImageError)] == ["no such file"] * 2


class Telling(Quiet):
    """Answers with the address that it was asked for, as it came over the line."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("/a%2Bb%7e.png?key=a%2Fb%2b%3D&c=d+e", None),
        ("/$&'()*+,;=:@!.png", None),
        ("/a b%20c.png", "/a%20b%20c.png"),
        ("/é.png?q=%C3%A9", "/%C3%A9.png?q=%C3%A9"),
        ("/100%.png", "/100%25.png"),
        ("/cats/../dogs/./a.png", "/dogs/a.png"),
    ],
)
@pytest.mark.parametrize("before", ["", "simplecache::"])
def test_an_address_is_asked_for_as_it_is_where_it_is_encoded_already(
    before: str, given: str, asked: str | None
) -> None:
    pytest.importorskip("aiohttp")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Telling) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = read_remote([f"{before}http://127.0.0.1:{server.server_port}{given}"])
        server.shutdown()
    assert found == [(asked or given).encode()]


def test_a_server_that_never_answers_is_an_error_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(addresses, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes connections, and nobody reads them
        web = f"http://127.0.0.1:{server.getsockname()[1]}"
        found = read_remote([f"{web}/a.png", f"zip://b.png::{web}/b.zip"], lambda _: False)
    silent, behind = found
    assert isinstance(silent, ImageError)
    assert "imeout" in silent.what
    assert isinstance(behind, ImageError)


def test_the_web_is_reached_by_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("no_proxy", "")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Telling) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        found = read_remote(["http://nowhere.invalid/a.png"])
        proxy.shutdown()
    assert found == [b"http://nowhere.invalid/a.png"]


class Asking(Quiet):
    """Gives a picture to whoever has the key."""

    def do_GET(self) -> None:
        content = RED if self.headers["X-Key"] == "secret" else b""
        self.send_response(200 if content else 403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_what_the_configuration_of_fsspec_says_of_web_addresses_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("aiohttp")
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setitem(fsspec.config.conf, "http", {"client_kwargs": {"headers": {"X-Key": "secret"}}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = read_remote([f"http://127.0.0.1:{server.server_port}/a.png"])
        server.shutdown()
    assert found == [RED]


class Refusing(Quiet):
    """Answers /NUMBER.png with that status, and leads from any other address to the same one again."""

    def do_GET(self) -> None:
        name = self.path.lstrip("/").split(".")[0]
        self.send_response(int(name) if name.isdecimal() else 302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_what_a_web_server_answers_is_told_in_words() -> None:
    pytest.importorskip("aiohttp")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        web = f"http://127.0.0.1:{server.server_port}"
        found = read_remote([f"{web}/{name}.png" for name in ("403", "401", "404", "loop")])
        server.shutdown()
    assert [each.what for each in found if isinstance(each, ImageError)] == [
        "can't be read: the server answers 403 (Forbidden)",
        "can't be read: the server answers 401 (Unauthorized)",
        "no such file",
        "can't be read: the server sends from one address to the next without end",
    ]


def test_whatever_a_library_gives_is_a_row_for_each(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(memory), "cat_ranges", lambda *_, **__: [])
    found = read_remote(["memory://bucket/a.png", "memory://bucket/b.png"])
    assert all(isinstance(each, ImageError) and "can't be read" in each.what for each in found)


def test_hidden_remote_names_are_skipped_and_counted(memory: Any) -> None:
    for name in (
        "a.png",
        ".hidden.png",
        ".note.txt",
        ".thumbs/b.png",
        "__MACOSX/c.png",
        "d/.e.png",
        "d/f.png",
    ):
        memory.pipe(f"/bucket/{name}", RED)
    skipped = Skipped()
    items = list(expand(["memory://bucket"], skipped=skipped))
    assert [item.path for item in items] == ["memory://bucket/a.png", "memory://bucket/d/f.png"]
    assert skipped.hidden == 5
    named = ["memory://bucket/.thumbs", "memory://bucket/.hidden.png"]  # named, so meant
    assert [item.path for item in expand(named)] == ["memory://bucket/.thumbs/b.png", named[1]]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError("AccessDenied"), "not allowed to read it (permission denied)"),
        (FileNotFoundError("gone"), "no such file"),
        (OSError("no room"), "can't be read: no room"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_an_input_with_a_failure_and_never_left_out(
    error: OSError, words: str, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b/c.png", "b/d/e.png", "f/g.png"):
        memory.pipe(f"/bucket/{name}", RED)
    real = type(memory).ls

    def ls(self: Any, path: str, *rest: object, **how: object) -> Any:
        if path == "/bucket/b":
            raise error
        return real(self, path, *rest, **how)

    monkeypatch.setattr(type(memory), "ls", ls)
    assert [(item.path, item.failure) for item in expand(["memory://bucket"])] == [
        ("memory://bucket/a.png", None),
        ("memory://bucket/b/", f"folder: {words}"),
        ("memory://bucket/f/g.png", None),
    ]
    # Of the folder that was named it is an error of the run.
    with pytest.raises(InputError, match="can't be listed: "):
        list(expand(["memory://bucket/b"]))


def test_a_listing_that_fails_in_a_way_that_passes_is_tried_again(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b/c.png"):
        memory.pipe(f"/bucket/{name}", RED)
    real, failed, pauses = type(memory).ls, set(), []

    def ls(self: Any, path: str, *rest: object, **how: object) -> Any:
        if path not in failed:
            failed.add(path)
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        return real(self, path, *rest, **how)

    monkeypatch.setattr(type(memory), "isdir", lambda *_: True)
    monkeypatch.setattr(type(memory), "ls", ls)
    monkeypatch.setattr("time.sleep", pauses.append)
    found = [item.path for item in expand(["memory://bucket"])]
    assert found == ["memory://bucket/a.png", "memory://bucket/b/c.png"]
    assert len(pauses) == 2


def test_a_page_with_a_link_to_itself_is_listed_once(web: str, tmp_path: Path) -> None:
    links = '<a href="/photos/">here</a><a href="a.png">a</a><a href="/photos/b.png">b</a>'
    (tmp_path / "photos" / "index.html").write_text(links)
    assert [item.path for item in expand([f"{web}/photos/"])] == [
        f"{web}/photos/a.png",
        f"{web}/photos/b.png",
    ]


def test_whatever_a_page_links_to_below_it_is_found_under_its_own_name(web: str, tmp_path: Path) -> None:
    links = (
        "one/a.png", "two/a.png", "./c.png", f"{web}/page/d.png", "/page/e.png",
        "R&amp;D/", "x&amp;y.png", "up/.hidden/f.png",
        "../photos/a.png", "/photos/b.png", "?sorted=size", "./", "/page/",
    )  # fmt: skip
    for name in ("one/a.png", "two/a.png", "c.png", "d.png", "e.png", "R&D/z.png", "x&y.png"):
        (tmp_path / "page" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "page" / name).write_bytes(name.encode())
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "page" / "index.html").write_text(page)
    skipped = Skipped()
    items = list(expand([f"{web}/page/"], skipped=skipped))
    names = ["c.png", "d.png", "e.png", "one/a.png", "two/a.png", "x&y.png", "R&D/z.png"]
    assert [item.path for item in items] == [f"{web}/page/{name}" for name in names]
    assert read_remote([str(item.file) for item in items]) == [name.encode() for name in names]
    assert [item.label for item in items] == ["page"] * 3 + ["one", "two", "page", "R&D"]


def test_a_web_folder_that_is_not_there_is_said_to_be_so(web: str) -> None:
    with pytest.raises(InputError, match="can't be listed: no such file"):
        list(expand([f"{web}/nothing/"]))
    with pytest.raises(InputError, match="can't be listed: can't be read: Cannot connect"):
        list(expand(["http://127.0.0.1:9/"]))


def test_a_server_that_is_not_there_is_an_error_for_each(web: str) -> None:
    (found,) = read_remote(["http://127.0.0.1:9/a.png"])
    assert isinstance(found, ImageError)
    assert "can't be read" in found.what


def test_a_folder_without_pictures_and_an_unknown_kind_of_address_are_refused_before_anything_is_read(
    web: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images"):
        list(expand([f"{web}/empty/"]))
    with pytest.raises(InputError, match="'nonsense' is no kind of address"):
        next(iter(expand([f"{web}/photos/a.png", "nonsense://a/b.png"])))


def test_whatever_is_wrong_with_an_address_is_an_input_with_a_failure_in_a_list(
    web: str, tmp_path: Path
) -> None:
    named = ["nonsense://a/b.png", "ftp://127.0.0.1:9/a.png", "github://nobody", f"{web}/photos/a.png"]
    (tmp_path / "list.txt").write_text("\n".join(named))
    items = list(expand([tmp_path / "list.txt"]))
    assert [item.path for item in items] == named
    assert items[0].failure == "'nonsense' is no kind of address"
    assert items[1].failure is not None
    assert items[1].failure.startswith("can't be reached: ")
    assert items[2].failure is not None
    assert items[3].failure is None


def test_an_address_of_this_machine_is_read_like_any_other(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    (tmp_path / "below").mkdir()
    for name in ("b.png", "below/a.png", "two::colons.png"):
        (tmp_path / name).write_bytes(RED)
    items = list(expand([f"file://{tmp_path}"]))
    assert [item.path for item in items] == [
        f"file://{tmp_path}/{name}" for name in ("b.png", "two::colons.png", "below/a.png")
    ]
    assert items[-1].label == "below"
    assert read_remote([str(item.file) for item in items]) == [RED] * 3


def test_a_picture_in_an_archive_at_an_address(memory: Any) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("cats/b.png", "cats/a.png", "c.png"):
            archive.writestr(name, RED)
    memory.pipe("/bucket/all.zip", content.getvalue())
    rest = "memory://bucket/all.zip"
    assert read_remote([f"zip://cats/b.png::{rest}", f"zip://gone.png::{rest}"])[0] == RED
    items = list(expand([f"zip://::{rest}", f"zip://cats::{rest}"]))
    names = ["c.png", "cats/a.png", "cats/b.png", "cats/a.png", "cats/b.png"]
    assert [item.path for item in items] == [f"zip://{name}::{rest}" for name in names]
    assert [item.label for item in items] == ["", "cats", "cats", "cats", "cats"]


def test_an_archive_is_opened_once_for_all_its_pictures_and_anew_for_the_next_run(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], type(memory)._open
    monkeypatch.setattr(type(memory), "_open", lambda *a, **k: opened.append(a[1]) or real(*a, **k))
    for run, count in enumerate((20, 3), 1):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for number in range(count):
                archive.writestr(f"cats/{number}.png", RED)
        memory.pipe("/bucket/all.zip", content.getvalue())
        items = list(expand(["zip://cats::memory://bucket/all.zip"]))
        assert read_remote([str(item.file) for item in items]) == [RED] * count
        assert len(opened) <= 2 * run  # for its list and for its content


def test_a_cache_before_an_address_stays_before_it(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "b.png").write_bytes(RED)
    for address in (f"simplecache::file://{tmp_path}", f"simplecache::file://{tmp_path}/cats/b.png"):
        (item,) = expand([address])
        assert item.path == f"simplecache::file://{tmp_path}/cats/b.png"
        assert item.label == "cats"
        assert read_remote([str(item.file)]) == [RED]


def test_a_host_that_refuses_at_first_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    from fsspec.implementations.ftp import FTPFileSystem

    tries, pauses = [], []

    def connect(_: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionResetError(errno.ECONNRESET, "reset")

    for name, replacement in (("_connect", connect), ("__del__", lambda _: None)):
        monkeypatch.setattr(FTPFileSystem, name, replacement)
    monkeypatch.setattr(FTPFileSystem, "cat_ranges", lambda _, paths, *__, **___: [RED] * len(paths))
    assert read_remote(["ftp://busy-at-first/a.png"], pauses.append) == [RED]
    assert len(pauses) == 2


def test_the_library_behind_a_chain_is_asked_for_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    real = fsspec.get_filesystem_class

    def without_gcs(scheme: str) -> Any:
        if scheme == "gs":
            raise ImportError("Please install gcsfs to access Google Storage")
        return real(scheme)

    monkeypatch.setattr(fsspec, "get_filesystem_class", without_gcs)
    addresses._class_of.cache_clear()
    with pytest.raises(MissingDependency, match="gcsfs is not installed"):
        list(expand(["zip://a.png::gs://bucket/a.zip"]))
    (tmp_path / "list.txt").write_text("gs://bucket/a.png\n")
    (item,) = expand([tmp_path / "list.txt"])
    (content,) = read_remote(["gs://bucket/a.png"])
    for said in (item.failure, str(content)):
        assert said is not None
        assert "gcsfs is not installed" in said
        assert "[remote]" in said
    addresses._class_of.cache_clear()


@pytest.mark.parametrize(
    ("said", "words", "remedy"),
    [
        ("Install adlfs to access Azure", "adlfs is not installed", "pip install adlfs"),
        (
            'SFTPFileSystem requires "paramiko" to be installed',
            "paramiko is not installed",
            "pip install paramiko",
        ),
        ("Install the requests package to use it", "requests is not installed", "pip install requests"),
        (
            "It requires to be installed",
            "the library for abfs:// is not installed",
            "It requires to be installed",
        ),
    ],
)
def test_a_library_that_no_extra_brings_is_to_be_installed_by_its_own_name(
    said: str, words: str, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fsspec = pytest.importorskip("fsspec")

    def missing(_: str) -> Any:
        raise ImportError(said)

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    addresses._class_of.cache_clear()
    with pytest.raises(InputError, match=words) as caught:
        list(expand(["abfs://box/a.png"]))
    assert caught.value.remedy == f"install it with: {remedy}"
    (tmp_path / "list.txt").write_text("abfs://box/a.png\n")
    (item,) = expand([tmp_path / "list.txt"])
    (content,) = read_remote(["abfs://box/a.png"])
    for told in (item.failure, str(content)):
        assert told is not None
        assert f"{words}: install it with: {remedy}" in told
    addresses._class_of.cache_clear()


def test_the_cells_of_a_list_stay_with_its_addresses(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(RED)
    (tmp_path / "list.csv").write_text(f"path,id\nfile://{tmp_path},7\n{tmp_path}/a.png,8\n")
    assert [item.extra for item in expand([tmp_path / "list.csv"])] == [("7",), ("7",), ("8",)]


def test_a_host_stays_in_the_addresses_of_what_is_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    from fsspec.implementations.ftp import FTPFileSystem
    from fsspec.implementations.memory import MemoryFileSystem

    store = MemoryFileSystem()
    store.pipe("/photos/a.png", RED)
    for name in ("_connect", "__del__"):
        monkeypatch.setattr(FTPFileSystem, name, lambda *_: None)
    for name in ("isdir", "walk"):
        monkeypatch.setattr(
            FTPFileSystem, name, lambda _, path, name=name, **how: getattr(store, name)(path, **how)
        )
    address = "ftp://user:secret@host:2121/photos"
    assert [item.path for item in expand([address])] == [f"{address}/a.png"]
    store.store.clear()


def test_a_folder_of_a_server_without_pictures_is_an_input_with_a_failure_in_a_list(
    web: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text(f"{web}/empty/\n{web}/photos/a.png\n")
    assert [(item.path, item.failure) for item in expand([tmp_path / "list.txt"])] == [
        (f"{web}/empty/", "address: no picture in it"),
        (f"{web}/photos/a.png", None),
    ]


def test_an_address_that_cannot_be_looked_at_is_a_picture_where_it_is_named_like_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    def isdir(*_: object) -> bool:
        raise PermissionError("no credentials")

    monkeypatch.setattr(MemoryFileSystem, "isdir", isdir)
    assert [item.file for item in expand(["memory://bucket/x.JPG"])] == ["memory://bucket/x.JPG"]
    for folder in ("memory://bucket", "memory://bucket/x", "memory://bucket/x.jpg/"):
        with pytest.raises(InputError, match="can't be listed: not allowed"):
            list(expand([folder]))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.split(".")[0] == "fsspec":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    addresses._class_of.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"pip install '\.\[remote\]'"):
        list(expand(["https://host/a.png"]))
    (found,) = read_remote(["https://host/a.png"])
    assert isinstance(found, ImageError)
    assert "fsspec is not installed" in found.what
    addresses._class_of.cache_clear()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_bucket_is_listed_folder_by_folder_in_sorted_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    fsspec = pytest.importorskip("fsspec")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        _, port = server.get_host_and_port()
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"), ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_DEFAULT_REGION", "us-east-1"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        kind = fsspec.get_filesystem_class("s3")
        kind.clear_instance_cache()
        stack.callback(kind.clear_instance_cache)
        store = fsspec.filesystem("s3")
        store.mkdir("pictures")
        for name in ("x/b.png", "x/a.png", "x/notes.txt", "w/c.png", "d.png"):
            store.pipe(f"pictures/{name}", RED)
        items = list(expand(["s3://pictures"]))
        assert [item.path for item in items] == [
            f"s3://pictures/{name}" for name in ("d.png", "w/c.png", "x/a.png", "x/b.png")
        ]
        assert [item.label for item in items] == ["pictures", "w", "x", "x"]
        assert read_remote([str(item.file) for item in items]) == [RED] * 4
        assert [item.path for item in expand(["s3://pictures/x/a.png"])] == ["s3://pictures/x/a.png"]
        store.mkdir("odd")
        for name in ("/lost.png", "x//lost.png", "x/a.png", "marked/", "marked/b.png"):
            store.pipe(f"odd/{name}", RED)
        assert [(item.path, item.failure) for item in expand(["s3://odd"])] == [
            ("s3://odd//", "folder: can't be listed, since its name is empty"),
            ("s3://odd/marked/b.png", None),
            ("s3://odd/x//", "folder: can't be listed, since its name is empty"),
            ("s3://odd/x/a.png", None),
        ]
