"""Addresses that fsspec knows: taken apart, and their file systems opened."""

import functools
import itertools
import re
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

from toolkit.errors import InputError, MissingDependency, one_line
from toolkit.images.transient import pause_before

ADDRESS = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]+::)*[a-zA-Z][a-zA-Z0-9+.-]+://")
LINK = "::"
"""Between the links of an address, as fsspec has it: a cache before it, and the archive that it lies in behind it."""

CHAIN = re.compile(r"::(?=[a-zA-Z][a-zA-Z0-9+.-]+(?:://|::))")  # a name may hold two colons, too
# In what fsspec says is missing.
LIBRARY = re.compile(r"(?:[Ii]nstall (?:the )?|requires (?!to ))[\"']?([a-z0-9_-]+)")
# RFC 3986, section 2: what stands in an address that is encoded already; a part "." or ".." has to be taken out first.
ENCODED = re.compile(r"(?:(?!/\.{1,2}(?:[/?#]|$))[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
WEB = frozenset({"http", "https"})
PAGES = tuple(f"{scheme}://" for scheme in sorted(WEB))  # what a web address begins with, in lower case
TIMEOUT_S = 30.0  # for a web server to take a connection, and between two pieces of what it gives
# What the extra `remote` has the libraries for.
OF_EXTRA = frozenset({"http", "https", "s3", "s3a", "gs", "gcs"})


def is_address(text: str) -> bool:
    """Tell whether a PATH argument is an address such as s3://bucket/folder."""
    return ADDRESS.match(text) is not None


def refuse_unknown(address: str) -> None:
    """Refuse an address of a kind that nobody knows or whose library is missing, without reaching for anything.

    Raises:
        InputError: nobody knows this kind of address, or its library is missing and of no extra.
        MissingDependency: the library for it isn't installed.
    """
    before, head, after = links(address)
    for link in (*before, head, *after):
        _class_of(link.split("://", maxsplit=1)[0].lower())


def open_patiently(address: str, wait: Callable[[float], object]) -> tuple[Any, str]:
    """Open an address, again where that fails in a way that passes; see `open_address`."""
    for attempt in itertools.count(1):
        try:
            return open_address(address)
        except InputError as error:
            pause = pause_before(attempt, error.__cause__)
            if pause is None or wait(pause):
                raise
    raise AssertionError


def open_address(address: str) -> tuple[Any, str]:
    """Return the file system of an address, one object for all that share it, and the path there.

    Raises:
        InputError: nobody knows this kind of address, or what it names can't be reached.
        MissingDependency: the library for it isn't installed.
    """
    refuse_unknown(address)
    import fsspec

    before, head, after = links(address)
    scheme = scheme_of(address)
    try:
        if before or after:
            # In an archive the path begins at its root, behind a cache with a host or a bucket.
            root = "" if after else head.split("://", maxsplit=1)[1].split("/")[0]
            chain = LINK.join((*before, f"{scheme}://{root}", *after))
            fs = _chained(chain, threading.get_ident(), is_encoded=_is_encoded(address))
        else:
            options = _web_options(is_encoded=_is_encoded(address)) if scheme in WEB else {}
            fs = fsspec.filesystem(scheme, **_class_of(scheme)._get_kwargs_from_urls(address), **options)
        return fs, fs._strip_protocol(head)
    except Exception as error:
        # Some connect at once, and each with exceptions of its own.
        raise InputError(
            f"can't be reached: {one_line(error)[:200] or type(error).__name__}",
            where=address,
            remedy="check the address and the credentials",
        ) from error


def words_of_row(error: InputError | MissingDependency) -> str:
    """Say in a row why an address gives nothing; where something is to be installed, that too."""
    is_missing = isinstance(error, MissingDependency) or isinstance(error.__cause__, ImportError)
    return f"{error.what}: {error.remedy}" if is_missing else error.what


def forget() -> None:
    """Open archives anew from now on: another run may find them changed."""
    _chained.cache_clear()


@functools.lru_cache(maxsize=16)
def _chained(address: str, _thread: int, *, is_encoded: bool) -> Any:
    """Open what is behind a chain. An archive's list of members is read but once; a tar can't be shared by threads."""
    import fsspec

    schemes = {link.split("://", maxsplit=1)[0] for link in CHAIN.split(address)} & WEB
    options = {scheme: _web_options(is_encoded=is_encoded) for scheme in schemes}
    return fsspec.core.url_to_fs(address, **options)[0]


def _is_encoded(address: str) -> bool:
    """Tell whether a web address can be asked for as it is: encoded anew, it may no longer be what was signed."""
    _, head, after = links(address)
    return all(ENCODED.fullmatch(link) for link in (head, *after) if link.lower().startswith(PAGES))


def _web_options(*, is_encoded: bool) -> dict[str, Any]:
    import aiohttp
    import fsspec

    # No limit for all of it: many large pictures at once over a slow line take longer than any.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    # What is given here would hide what a user's configuration of fsspec says, such as headers.
    chosen = fsspec.config.apply_config(_class_of("https"), {})
    # The environment says by which proxy the web is reached; the library doesn't look there by itself.
    client = {"timeout": timeout, "trust_env": True, **chosen.pop("client_kwargs", {})}
    return {"encoded": is_encoded, "client_kwargs": client, **chosen}


def links(address: str) -> tuple[list[str], str, list[str]]:
    """Take an address apart: the caches before it, what it names, and what that lies in."""
    parts = CHAIN.split(address)
    place = next(i for i, link in enumerate(parts) if "://" in link)
    return parts[:place], parts[place], parts[place + 1 :]


@functools.cache
def _class_of(scheme: str) -> Any:
    address = f"{scheme}://"
    try:
        import fsspec
    except ImportError as error:
        raise MissingDependency("fsspec", extra="remote", where=address) from error
    try:
        return fsspec.get_filesystem_class(scheme)
    except ValueError as error:
        raise InputError(
            f"'{scheme}' is no kind of address", where=address, remedy="use http, https, s3 or gs"
        ) from error
    except ImportError as error:
        needed = LIBRARY.search(str(error))
        library = needed[1] if needed else f"the library for {scheme}://"
        if scheme in OF_EXTRA:
            raise MissingDependency(library, extra="remote", where=address) from error
        advice = f"pip install {library}" if needed else one_line(error)
        raise InputError(
            f"{library} is not installed", where=address, remedy=f"install it with: {advice}"
        ) from error


def scheme_of(address: str) -> str:
    """Return what an address begins with, caches before it left aside: "s3", "https", "zip"."""
    return links(address)[1].split("://", maxsplit=1)[0].lower()


def folder_name(address: str) -> str:
    """Return the name of the folder that a picture lies in; empty where it lies in none."""
    place = links(address)[1].split("://", maxsplit=1)[1]
    is_web = scheme_of(address) in WEB
    if is_web:
        place = re.split("[?#]", place, maxsplit=1)[0]  # a query may hold slashes
    parts = place.rstrip("/").split("/")
    name = parts[-2] if len(parts) > 1 else ""
    return urllib.parse.unquote(name) if is_web else name
