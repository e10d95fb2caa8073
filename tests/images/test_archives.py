import errno
import gc
import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import encoded, picture

from toolkit.errors import InputError, MissingDependency, ToolkitError
from toolkit.images import archives, held, packed
from toolkit.images.held import SEGMENT_BYTES, Held, Holder
from toolkit.images.inputs import Input
from toolkit.images.scan import Skipped
from toolkit.images.sources import expand
from toolkit.images.unzip import unzip

RED = encoded(picture((255, 0, 0)))
GREEN = encoded(picture((0, 255, 0)))

Maker = Callable[[Path, dict[str, bytes]], Path]


def make_zip(path: Path, members: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def make_tar(path: Path, members: dict[str, bytes]) -> Path:
    suffix = path.suffix.removeprefix(".")
    mode = {"gz": "w:gz", "tgz": "w:gz", "xz": "w:xz", "bz2": "w:bz2"}.get(suffix, "w")
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def make(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        return make_zip(path, members)
    if path.suffix in (".zst", ".tzst"):
        zstandard = pytest.importorskip("zstandard")
        plain = make_tar(path.with_name("plain.tar"), members)
        path.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
        plain.unlink()
        return path
    return make_tar(path, members)


def rows(path: Path, skipped: Skipped | None = None) -> dict[str, str | bytes]:
    """What each member gave, in order: its content, or why it has none."""
    return {item.path.split("!", 1)[1]: given_by(item) for item in expand([path], skipped=skipped)}


def given_by(item: Input) -> str | bytes:
    if item.failure is not None:
        return item.failure
    assert isinstance(item.file, Held)
    return item.file.read()


@pytest.mark.parametrize(
    "suffix", ["zip", "tar", "tar.gz", "tgz", "tar.xz", "tar.bz2", "tar.zst", "tzst", "ZIP"]
)
def test_pictures_come_in_the_archives_order_whatever_its_kind(suffix: str, tmp_path: Path) -> None:
    members = {
        "z/red.png": RED, "notes.txt": b"words", "a/green.PNG": GREEN, ".hidden.png": RED, "__MACOSX/._x.png": b"",
        "é.png": RED, "./dot/b.png": GREEN,
    }  # fmt: skip
    path = make(tmp_path / f"photos.{suffix}".replace("ZIP", "zip"), members)
    if suffix == "ZIP":
        path = path.rename(tmp_path / "photos.ZIP")
    skipped = Skipped()
    items = list(expand([path], skipped=skipped))
    assert [item.path for item in items] == [
        f"{path}!{name}" for name in ("z/red.png", "a/green.PNG", "é.png", "dot/b.png")
    ]
    assert [given_by(item) for item in items] == [RED, GREEN, RED, GREEN]
    assert [item.label for item in items] == ["z", "a", None, "dot"]
    assert (skipped.hidden, skipped.others) == (2, 1)


@pytest.mark.parametrize(
    ("kind", "name"), [("zip", "a.tar"), ("tar", "a.zip"), ("tgz", "a.zip"), ("zip", "a.tgz")]
)
def test_an_archive_that_is_named_after_another_kind_is_read(kind: str, name: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"right.{kind}", {"a.png": RED}).rename(tmp_path / name)
    assert rows(path) == {"a.png": RED}


@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_hostile_names_are_rows_with_a_reason_and_lead_nowhere(suffix: str, tmp_path: Path) -> None:
    names = ["/abs.png", "../up.png", "a/../../up.png", "C:/x.png", "..\\win.png", "fine..name.png"]
    path = make(tmp_path / f"x.{suffix}", dict.fromkeys(names, RED))
    found = rows(path)
    assert found.pop("fine..name.png") == RED
    assert len(found) == 5
    assert set(found.values()) == {archives.UNSAFE}
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("suffix", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_first_counts_and_both_are_rows(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a.png", RED)
            file.writestr("a.png", GREEN)
    else:
        with tarfile.open(path, "w") as tar:
            for content in (RED, GREEN):
                member = tarfile.TarInfo("a.png")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    items = list(expand([path]))
    assert [given_by(item) for item in items] == [RED, archives.TWICE]


def test_links_and_devices_inside_are_rows_with_a_reason(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, kind in (
            ("s.png", tarfile.SYMTYPE),
            ("h.png", tarfile.LNKTYPE),
            ("p.png", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        link = zipfile.ZipInfo("s.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    assert rows(tmp_path / "x.tar") == {
        "s.png": archives.LINK,
        "h.png": archives.LINK,
        "p.png": archives.SPECIAL,
    }
    assert rows(tmp_path / "x.zip") == {"s.png": archives.LINK}


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_a_zip_name_without_a_flag_is_utf8_where_it_can_be(encoding: str, tmp_path: Path) -> None:
    name = "größe".encode(encoding)
    archive = make_zip(tmp_path / "x.zip", {f"{'x' * len(name)}.png": RED})
    archive.write_bytes(archive.read_bytes().replace(b"x" * len(name), name))
    assert rows(archive) == {"größe.png": RED}


def test_a_zip_of_windows_may_have_its_separator_in_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, system in (
            ("cats\\", 0),
            ("cats\\a.png", 0),
            ("cats\\.hidden.png", 0),
            ("..\\up.png", 0),
            ("cats/b\\c.png", 0),
            ("cats\\d.png", 3),
        ):
            member = zipfile.ZipInfo(name)
            member.create_system = system
            file.writestr(member, RED)
    skipped = Skipped()
    items = list(expand([tmp_path / "x.zip"], skipped=skipped))
    assert [(item.path.split("!")[1], item.label) for item in items] == [
        ("cats/a.png", "cats"),
        ("../up.png", ".."),
        ("cats/b\\c.png", "cats"),
        ("cats\\d.png", None),
    ]
    assert items[1].failure == archives.UNSAFE
    assert (skipped.hidden, skipped.others) == (1, 0)


def test_an_encrypted_member_is_a_row_with_a_reason(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.png": RED, "b.png": GREEN})
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1  # the flag in the directory, which is what counts
    path.write_bytes(content)
    assert rows(path) == {"a.png": archives.LOCKED, "b.png": GREEN}


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz"])
def test_a_bomb_is_a_row_with_a_reason(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"bomb.png": bytes(12 << 20), "a.png": RED}
    found = rows(make(tmp_path / f"x.{suffix}", members))
    assert "suspicious" in str(found["bomb.png"])
    assert found["a.png"] == RED
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1 << 20)
    assert "too large" in str(rows(tmp_path / f"x.{suffix}")["bomb.png"])


def test_a_member_with_a_wrong_checksum_is_a_row_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:  # stored, so that a byte of the picture can be changed
        file.writestr("a.png", RED)
        file.writestr("b.png", GREEN)
    content = bytearray(path.read_bytes())
    content[content.index(RED) + 40] ^= 0xFF
    path.write_bytes(content)
    found = rows(path)
    assert str(found["a.png"]).startswith("can't be unpacked: Bad CRC-32")
    assert found["b.png"] == GREEN


def test_an_archive_that_is_cut_gives_what_came_before_and_then_an_error(tmp_path: Path) -> None:
    generator = __import__("random").Random(0)
    members = {f"{n}.png": RED + generator.randbytes(60_000) for n in range(8)}
    path = make_tar(tmp_path / "x.tar.gz", members)
    path.write_bytes(path.read_bytes()[:200_000])
    stream, seen = expand([path]), []
    with pytest.raises(InputError, match="the archive can't be read"):
        seen.extend(iter(lambda: next(stream).path, None))
    assert 0 < len(seen) < 8


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_an_archive_without_a_picture_or_that_is_none_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"x.{suffix}", {"notes.txt": b"words", ".hidden.png": RED})
    with pytest.raises(InputError, match="no images: the archive holds not a single picture"):
        list(expand([path]))
    path.write_bytes(b"this is no archive at all" * 100)
    with pytest.raises(InputError, match="the archive can't be read"):
        list(expand([path]))


@given(content=st.binary(max_size=300), suffix=st.sampled_from(["zip", "tar", "tgz", "tar.xz", "tar.bz2"]))
def test_any_bytes_are_read_or_end_in_an_input_error(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError):
        list(expand([path]))


@given(cuts=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
def test_a_damaged_archive_gives_rows_or_an_input_error(cuts: list[tuple[int, int]], tmp_path: Path) -> None:
    for suffix in ("zip", "tar", "tar.gz"):
        path = make(tmp_path / f"x.{suffix}", {"a.png": RED, "b/c.png": GREEN})
        content = bytearray(path.read_bytes())
        for place, value in cuts:
            content[place % len(content)] = value
        path.write_bytes(content)
        try:
            assert len(rows(path)) <= 2
        except InputError:
            continue


def test_without_a_library_for_zstandard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name in ("zstandard", "compression"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    (tmp_path / "x.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"\[formats\]"):
        list(expand([tmp_path / "x.tar.zst"]))


def test_a_damaged_zstandard_archive_is_an_input_error(tmp_path: Path) -> None:
    whole = make(tmp_path / "x.tar.zst", {"a.png": os.urandom(20_000), "b.png": os.urandom(20_000)})
    content = bytearray(whole.read_bytes())
    content[25_000:] = b"\xff" * (len(content) - 25_000)
    whole.write_bytes(content)
    with pytest.raises(InputError, match="the archive can't be read: zstd"):
        rows(whole)


@pytest.mark.parametrize("name", ["x.tar.zst", "x.tar"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_content_tells_whether_a_tar_is_compressed_with_zstandard(
    name: str, packed: bool, tmp_path: Path
) -> None:
    made = make(tmp_path / ("made.tar.zst" if packed else "made.tar"), {"a.png": b"content"})
    assert rows(made.rename(tmp_path / name)) == {"a.png": b"content"}


def test_a_checksum_of_a_gzipped_tar_that_does_not_fit_is_an_error_after_its_rows(tmp_path: Path) -> None:
    archive = make(tmp_path / "x.tar.gz", {"a.png": b"content"})
    content = bytearray(archive.read_bytes())
    content[-6] ^= 0xFF  # of the checksum, before the length
    archive.write_bytes(content)
    found = expand([archive])
    assert given_by(next(found)) == b"content"
    with pytest.raises(InputError, match="the archive can't be read: CRC check failed"):
        list(found)


def test_a_checksum_of_a_zstandard_tar_that_does_not_fit_is_an_error_after_its_rows(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    plain = make_tar(tmp_path / "x.tar", {"a.png": b"content"}).read_bytes()
    content = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(plain + bytes(50_000)))
    content[-2] ^= 0xFF
    (tmp_path / "x.tar.zst").write_bytes(content)
    found = expand([tmp_path / "x.tar.zst"])
    assert given_by(next(found)) == b"content"
    with pytest.raises(InputError, match="doesn't match checksum"):
        list(found)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"])
@pytest.mark.parametrize("rest", [bytes(5000), b"something else" * 2000])
def test_what_stands_behind_a_tar_does_no_harm(suffix: str, rest: bytes, tmp_path: Path) -> None:
    archive = make(tmp_path / f"x{suffix}", {"a.png": b"content"})
    archive.write_bytes(archive.read_bytes() + rest)
    assert rows(archive) == {"a.png": b"content"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"])
def test_archives_that_were_put_one_behind_the_other_are_all_read(suffix: str, tmp_path: Path) -> None:
    """As by cat, which is how some tools join the parts of a data set."""
    long = "long/" * 30 + "c.png"  # whose name is a member of its own
    parts = [{"a.png": b"a", "b.png": b"b" * 600}, {}, {long: b"c"}, {"d.png": b"d"}]
    made = [make(tmp_path / f"{number}{suffix}", part) for number, part in enumerate(parts)]
    whole = tmp_path / f"whole{suffix}"
    whole.write_bytes(b"".join(each.read_bytes() for each in made))
    assert rows(whole) == {"a.png": b"a", "b.png": b"b" * 600, long: b"c", "d.png": b"d"}
    whole.write_bytes(whole.read_bytes()[: -len(made[-1].read_bytes())] + made[0].read_bytes()[:1500])
    if suffix == ".tar":
        with pytest.raises(InputError, match="so that a part is missing"):
            rows(whole)


@pytest.mark.parametrize("hole", [slice(1024, None), slice(1024, 2048)])
def test_a_tar_that_was_written_only_in_part_is_an_error_after_its_rows(
    hole: slice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a download that set the space of the file aside and was broken off."""
    monkeypatch.setattr(packed, "LARGEST_PADDING", 20_000)
    monkeypatch.setattr(packed, "LARGEST_REST", 10_000)
    members = {f"{number}.png": bytes([number + 1]) * 500 for number in range(99)}
    archive = make_tar(tmp_path / "a.tar", members)
    content = bytearray(archive.read_bytes())
    content[hole] = bytes(len(content[hole]))
    content[2048:2560] = b"of another piece" * 32 if hole.stop else bytes(512)
    archive.write_bytes(content)
    found = expand([archive])
    assert given_by(next(found)) == members["0.png"]
    with pytest.raises(InputError, match="bytes stand behind the mark of its end"):
        list(found)


def test_held_contents_go_away_with_the_last_that_needs_them() -> None:
    holder = Holder()
    first = holder.hold(b"x" * SEGMENT_BYTES)
    second = holder.hold(b"second")
    assert first.file != second.file
    assert second.read() == b"second"
    assert os.path.exists(first.file)  # noqa: PTH110
    gone = first.file
    del first
    assert not os.path.exists(gone)  # noqa: PTH110
    assert second.read() == b"second"


def test_lzma_is_there() -> None:
    assert lzma.LZMAError in archives.DAMAGED


ALL_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MB = 1 << 20


@pytest.mark.parametrize("method", ALL_METHODS)
@given(contents=st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 9000)), max_size=4))
@settings(max_examples=15)
def test_a_zip_member_of_any_method_is_what_went_in(method: int, contents: list[tuple[bytes, int]]) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        for number, (start, times) in enumerate(contents):
            file.writestr(str(number), start * times)
    with zipfile.ZipFile(made) as file:
        assert [unzip(file, member) for member in file.infolist()] == [
            start * times for start, times in contents
        ]


def lying_zip(path: Path, size: int, method: int, claimed: int) -> Path:
    """A zip whose directory says that a member of `size` zeros is `claimed` bytes long."""
    with zipfile.ZipFile(path, "w", method) as file:
        with file.open("liar.png", "w", force_zip64=True) as member:
            for _ in range(size // MB):
                member.write(bytes(MB))
        file.writestr("a.png", RED)
        file.getinfo("liar.png").file_size = claimed
    return path


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", ALL_METHODS)
def test_a_member_larger_than_its_archive_says_is_a_row_and_was_not_unpacked(
    method: int, tmp_path: Path
) -> None:
    path = lying_zip(tmp_path / "x.zip", 24 * MB, method, claimed=1000)
    found: dict[str, str | bytes] = {}
    assert peak_of(lambda: found.update(rows(path))) < 4 * MB
    assert found["liar.png"] == "can't be unpacked: larger than its archive says (1,000 bytes)"
    assert found["a.png"] == RED


def test_a_member_of_an_unknown_method_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("odd.png", GREEN)
        file.writestr("a.png", RED)
        file.getinfo("odd.png").compress_type = 99
    found = rows(path)
    assert found == {
        "odd.png": "can't be unpacked: its compression (method 99) is not supported",
        "a.png": RED,
    }


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_compressed_tar_is_unpacked_a_piece_at_a_time(kind: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"x.tar.{kind}", {"notes.txt": bytes(24 * MB), "a.png": RED})
    gc.collect()
    found: dict[str, str | bytes] = {}
    assert peak_of(lambda: found.update(rows(path))) < 12 * MB  # of which 8 are the dictionary of .xz
    assert found == {"a.png": RED}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@given(at=st.integers(1, 4 * 1024 - 1))
@settings(max_examples=40)
def test_a_tar_that_is_cut_off_anywhere_is_an_error_and_never_fewer_rows(
    suffix: str, at: int, tmp_path: Path
) -> None:
    whole = make_tar(tmp_path / "a.tar", {f"{number}.png": RED[:400] for number in range(4)}).read_bytes()
    assert len(whole) > 4 * 1024
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(gzip.compress(whole[:at], 1) if suffix == ".tar.gz" else whole[:at])
    with pytest.raises(InputError, match="the archive can't be read"):
        rows(path)


def test_a_damaged_header_in_a_tar_is_an_error_and_not_its_end(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {f"{number}.png": RED[:400] for number in range(4)})
    content = bytearray(path.read_bytes())
    content[2 * 1024 + 100] ^= 1  # in the third header
    path.write_bytes(content)
    with pytest.raises(InputError, match="header of a member is damaged"):
        rows(path)


@pytest.fixture
def newer_tarfile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tarfile read headers in the way of Pythons in which python/cpython#141707 is mended, if this one is older."""
    read_header = tarfile.TarInfo.frombuf.__func__  # type: ignore[attr-defined]

    def _frombuf(cls: Any, buf: bytes, encoding: str, errors: str, *, dircheck: bool = True) -> Any:
        return read_header(cls, buf, encoding, errors)

    def frombuf(cls: Any, buf: bytes, encoding: str, errors: str) -> Any:
        return cls._frombuf(buf, encoding, errors)

    def _fromtarfile(cls: Any, file: Any, *, dircheck: bool = True) -> Any:
        member = cls._frombuf(file.fileobj.read(512), file.encoding, file.errors, dircheck=dircheck)
        member.offset = file.fileobj.tell() - 512
        return member._proc_member(file)

    def fromtarfile(cls: Any, file: Any) -> Any:
        return cls._fromtarfile(file)

    if not hasattr(tarfile.TarInfo, "_frombuf"):
        for way in (_frombuf, frombuf, _fromtarfile, fromtarfile):
            monkeypatch.setattr(tarfile.TarInfo, way.__name__, classmethod(way), raising=False)


@pytest.mark.usefixtures("newer_tarfile")
def test_what_is_missing_of_a_tar_is_told_by_newer_pythons_too(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {f"{number}.png": RED[:400] for number in range(4)})
    whole = path.read_bytes()
    assert len(rows(path)) == 4
    for content, words in (
        (whole[:2148] + b"?" + whole[2149:], "header of a member is damaged"),
        (whole[:2048], "so that a part is missing"),
        (whole[:2100], "so that a part is missing"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            rows(path)
    path.write_bytes(
        whole + make_tar(tmp_path / "b.tar", {"b" * 120 + ".png": RED}).read_bytes() + b"rest" * 500
    )
    assert len(rows(path)) == 5


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_a_full_disk_for_temporary_files_is_no_error_of_the_archive_or_a_member(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = make(tmp_path / f"x{suffix}", {"a.png": RED, "b.png": GREEN})
    monkeypatch.setattr(held.os, "write", full)
    with pytest.raises(ToolkitError, match=r"a temporary file can't be written: .*TMPDIR") as caught:
        list(expand([archive]))
    assert not isinstance(caught.value, InputError)
