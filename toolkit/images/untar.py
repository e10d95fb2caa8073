"""The members of a .tar archive by their headers: whole ones, in one archive or in several behind one another."""

import collections
import contextlib
import tarfile
from collections.abc import Iterator
from typing import Any

from toolkit.images.packed import rest_of


class Member(tarfile.TarInfo):
    """A member of a .tar whose header is whole; tarfile takes any other for the end of the archive."""

    @classmethod
    def fromtarfile(cls, file: Any) -> Any:
        """Return the next member, be it the first of an archive that follows the end of another (cat a.tar b.tar)."""
        try:
            return super().fromtarfile(file)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # not in the type stubs
            rest = rest_of(file.fileobj)
            block = next(filter(any, rest), b"")
            try:
                member: Any = super().frombuf(block, file.encoding, file.errors)
            except (tarfile.HeaderError, tarfile.ReadError):
                collections.deque(rest, maxlen=0)
            else:
                member.offset = file.fileobj.tell() - tarfile.BLOCKSIZE
                return member._proc_member(file)
            raise

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> "Member":
        """Read a header.

        Raises:
            HeaderError: it is the mark of the end.
            ReadError: it is damaged, or isn't all there.
        """
        with _damage_told(buf):
            return super().frombuf(buf, encoding, errors)

    @classmethod
    def _frombuf(cls, buf: Any, encoding: str, errors: str, **how: Any) -> Any:
        # What tarfile calls instead since python/cpython#141707 was mended; before, there was no such method.
        with _damage_told(buf):
            return super()._frombuf(buf, encoding, errors, **how)  # type: ignore[misc]


@contextlib.contextmanager
def _damage_told(buf: bytes) -> Iterator[None]:
    try:
        yield
    except tarfile.HeaderError as error:
        if len(buf) == tarfile.BLOCKSIZE and not any(buf):
            raise  # the mark of the end
        cut = "it ends without the mark of its end, so that a part is missing"
        what = cut if len(buf) < tarfile.BLOCKSIZE else f"the header of a member is damaged ({error})"
        raise tarfile.ReadError(what) from error
