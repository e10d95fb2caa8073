"""Pictures in .zip and .tar archives (gz, bz2, xz, zst too), as inputs, in the archive's own order.

An archive is read from beginning to end, once; what a picture's member holds is kept on disk until it has
been classified. Nothing is unpacked under a member's name, so a hostile name can't lead anywhere.
"""

import contextlib
import functools
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from toolkit.errors import InputError
from toolkit.images.held import Holder
from toolkit.images.inputs import Inputs, one, shown
from toolkit.images.packed import TAR_BUFFER, packing, refuse_unwritten, unpacked
from toolkit.images.read import reason
from toolkit.images.scan import Skipped, is_hidden, is_picture_name
from toolkit.images.untar import Member
from toolkit.images.unzip import unzip

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (
    ".tar",
    ".tgz",
    ".txz",
    ".tbz",
    ".tbz2",
    ".tzst",
    ".tar.gz",
    ".tar.xz",
    ".tar.bz2",
    ".tar.zst",
)
LARGEST_MEMBER = 256 << 20  # bytes unpacked: above any photo, below what fills a machine's memory
LARGEST_SKIP = 64 << 30  # bytes; to get past a member it must be unpacked, and this would take minutes
BOMB_RATIO = 200  # unpacked to packed; photos stay below 2, drawings below 100
BOMB_BYTES = 10 << 20  # unpacked; a smaller member does no harm whatever its ratio
ZIP_STARTS = (b"PK\3\4", b"PK\5\6")  # with a member, and without any
# In the header of a .tar's first member. Source: POSIX, pax, "ustar Interchange Format".
TAR_MARK, MARK_AT = b"ustar", 257
SEPARATOR = "!"
# Of the flags of a zip member, and of what it was made on; source: PKWARE APPNOTE 6.3.10, sections 4.4.4 and 4.4.2.
ENCRYPTED, IN_UTF8, WINDOWS = 0x1, 0x800, 0

# Whatever a damaged archive makes the libraries raise; ImportError where Python lacks a compression.
DAMAGED: tuple[type[Exception], ...] = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError,
    ValueError, LookupError, struct.error, ImportError,
)  # fmt: skip
with contextlib.suppress(ImportError):
    import lzma

    DAMAGED += (lzma.LZMAError,)

UNSAFE = "an unsafe name: it leads out of the archive"
TWICE = "a name that the archive holds twice: only the first is classified"
LINK = "a link inside an archive, which is not followed"
SPECIAL = "neither a file nor a folder"
LOCKED = "encrypted: unpack the archive with its password"


def is_archive(name: str) -> bool:
    """Tell whether a file's name ends like that of an archive that can be read."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def members(archive: str, skipped: Skipped) -> Iterator[Inputs]:
    """Give the pictures of an archive, named `archive.zip!path`.

    Hidden members are left out and counted. A member that can't be read or mustn't be (an absolute name,
    "..", a link, an encrypted one, one that unpacks to far more than it is, the second of the same name) is
    an input with a failure.

    Args:
        archive: its name.
        skipped: where hidden members are counted.

    Raises:
        InputError: it isn't an archive, or is damaged so that it can't be read on.
        MissingDependency: it is compressed with Zstandard, and no library for that is installed.
    """
    walk = _zip_members if _is_zip(archive) else _tar_members
    known: set[int] = set()  # hashes: the names of a million members would take ten times the memory
    try:
        for name, content in walk(archive, Holder()):
            clean = name.removeprefix("./")
            unsafe, hidden = _is_unsafe(clean), _is_hidden(clean)
            if hidden and not unsafe:
                skipped.hidden += 1
                continue
            if not is_picture_name(clean):
                skipped.others += 1
                continue
            failure = content if isinstance(content, str) else None
            if unsafe:
                failure = UNSAFE
            elif hash(clean) in known:
                failure = TWICE
            known.add(hash(clean))
            path = f"{archive}{SEPARATOR}{clean}"
            folder = clean.rsplit("/", 2)[-2] if "/" in clean else None
            held = path if failure is not None or isinstance(content, str) else content()
            if isinstance(held, Exception):
                failure, held = f"can't be unpacked: {_words(held)}", path
            yield one(path, held, folder and shown(folder), failure=failure)
    except DAMAGED as error:
        detail = reason(error, archive) if isinstance(error, OSError) and error.errno else _words(error)
        raise InputError(
            f"the archive can't be read: {detail}", where=shown(archive), remedy="make or download it again"
        ) from error


def _is_zip(archive: str) -> bool:
    """Tell the kind by the content where that says it, as for pictures; by the name where it doesn't."""
    with contextlib.suppress(OSError), open(archive, "rb") as raw:  # noqa: PTH123 - see below
        start = raw.read(tarfile.BLOCKSIZE)
        if start.startswith(ZIP_STARTS):
            return True
        if packing(start) or start[MARK_AT:].startswith(TAR_MARK):
            return False
    return archive.lower().endswith(ZIP_SUFFIXES)


def _zip_members(archive: str, holder: Holder) -> Iterator[tuple[str, Any]]:
    """Give each member's name, and its content on demand, or why it has none."""
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            kind, name = stat.S_IFMT(member.external_attr >> 16), _name_of(member)
            if name.endswith("/"):
                continue
            if stat.S_ISLNK(kind):
                yield name, LINK
            elif member.flag_bits & ENCRYPTED:
                yield name, LOCKED
            else:
                problem = _bomb(member.file_size, member.compress_size)
                yield name, problem or functools.partial(_unzipped, file, member, holder)


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return a member's name; macOS and others write UTF-8 without the flag that says so."""
    name = member.filename
    if not (member.flag_bits & IN_UTF8 or name.isascii()):
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()  # names in code page 437 are hardly ever valid UTF-8
    # Older programs of Windows write the separator of Windows; so does Info-ZIP's unzip tell them.
    return name.replace("\\", "/") if member.create_system == WINDOWS and "/" not in name else name


def _unzipped(file: zipfile.ZipFile, member: zipfile.ZipInfo, holder: Holder) -> Any:
    try:
        return holder.hold(unzip(file, member))
    except MemoryError:
        return MemoryError("not enough memory")
    except DAMAGED as error:  # one member's damage is one row
        return error


def _tar_members(archive: str, holder: Holder) -> Iterator[tuple[str, Any]]:
    """Give each member's name, and its content on demand, or why it has none."""
    with open(archive, "rb") as raw:  # noqa: PTH123 - the name may hold bytes that aren't UTF-8
        # A stream: one pass, nothing is sought. tarfile's own unpacking gives all at once that its buffer holds.
        stream = unpacked(raw, shown(archive))
        how: dict[str, Any] = {"bufsize": TAR_BUFFER, "errors": "surrogateescape", "tarinfo": Member}
        with tarfile.open(fileobj=stream, mode="r|", **how) as file:
            for member in file:
                file.members = []  # type: ignore[attr-defined]  # it remembers every member, and there may be millions
                if member.isdir():
                    continue
                if member.issym() or member.islnk():
                    yield member.name, LINK
                elif not member.isreg():
                    yield member.name, SPECIAL
                elif member.size > LARGEST_SKIP:
                    raise InputError(
                        f"one member claims to unpack to {member.size:,} bytes",
                        where=f"{shown(archive)}{SEPARATOR}{shown(member.name)}",
                        remedy="unpack it yourself, if you trust it",
                    )
                else:
                    problem = _bomb(member.size, None)
                    yield member.name, problem or functools.partial(_untarred, file, member, holder, raw)
        refuse_unwritten(raw, stream)


def _untarred(file: tarfile.TarFile, member: tarfile.TarInfo, holder: Holder, raw: BinaryIO) -> Any:
    before = raw.tell()
    content = file.extractfile(member)
    assert content is not None  # only what is a regular file is asked for
    held = holder.hold(content.read())
    # What the decompressor had read before belongs to this member too: at most its buffer.
    return ValueError(problem) if (problem := _bomb(member.size, raw.tell() - before + TAR_BUFFER)) else held


def _bomb(size: int, packed: int | None) -> str | None:
    if size > LARGEST_MEMBER:
        return f"too large: it unpacks to {size:,} bytes (the limit is {LARGEST_MEMBER:,})"
    if packed is not None and size > BOMB_BYTES and size > BOMB_RATIO * max(packed, 1):
        return f"suspicious: {packed:,} bytes unpack to {size:,}; unpack it yourself, if you trust it"
    return None


def _is_hidden(name: str) -> bool:
    return any(is_hidden(part) and part not in (".", "..") for part in name.split("/"))


def _is_unsafe(name: str) -> bool:
    plain = name.replace("\\", "/")
    return plain.startswith("/") or plain[1:2] == ":" or ".." in plain.split("/")


def _words(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
