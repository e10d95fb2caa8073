"""Failures of the network that pass: which ones, and how long to wait before another try."""

import email.utils
import errno
import random
import time
from collections.abc import Iterator
from typing import Any

TRIES = 4  # of an address, the first included
FIRST_PAUSE_S = 0.5  # doubled from one try to the next
LONGEST_PAUSE_S = 30.0  # a server that asks for more is taken for one that says no

PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Source: RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4; RFC 8470, section 5.2."""

PASSING_ERRNO = frozenset(
    {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT, errno.EBUSY, errno.ENETRESET}
)
# Each kind of address has a library of its own, which may not be installed: its exceptions go by their names.
PASSING_NAMES = frozenset(
    {
        "ServerDisconnectedError", "ClientPayloadError", "ServerTimeoutError",  # aiohttp
        "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "IncompleteReadError",  # botocore
        "FSTimeoutError",  # fsspec
    }
)  # fmt: skip


def pause_before(attempt: int, error: object) -> float | None:
    """Return how long to wait before an address is tried again.

    Args:
        attempt: which try comes next; 1 is the first repetition.
        error: what the last one raised.

    Returns:
        Seconds; None where another try is of no use.
    """
    if attempt >= TRIES or not _passes(error):
        return None
    asked = _retry_after(error)
    if asked is not None:
        return asked if asked <= LONGEST_PAUSE_S else None
    # Spread, so that many workers don't come back to a server all at once.
    return FIRST_PAUSE_S * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)


def _passes(error: object) -> bool:
    for each in _chain(error):
        status = _status(each)
        if status is not None:
            return status in PASSING_STATUS
        if isinstance(each, TimeoutError) or getattr(each, "errno", None) in PASSING_ERRNO:
            return True
        if any(kind.__name__ in PASSING_NAMES for kind in type(each).__mro__):
            return True
    return False


def _chain(error: object) -> Iterator[object]:
    """Give an error and what it was raised from: libraries wrap the one that knows the status."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = getattr(error, "__cause__", None)


def _status(error: object) -> int | None:
    """Return the HTTP status that an error tells of: aiohttp's, gcsfs' or botocore's."""
    response = getattr(error, "response", None)
    found: Any = getattr(error, "status", None)
    if found is None:  # aiohttp has both, and warns of the second
        found = getattr(error, "code", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    try:
        return int(found)
    except (TypeError, ValueError):
        return None


def _retry_after(error: object) -> float | None:
    """Return the seconds for which the server asks; None where it doesn't.

    Source: RFC 9110, section 10.2.3: a number of seconds, or a date.
    """
    for each in _chain(error):
        headers: Any = getattr(each, "headers", None)
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
        text = next((v for k, v in headers.items() if k.lower() == "retry-after"), None) if headers else None
        if text is None:
            continue
        if text.strip().isdecimal():
            return float(text)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            return None
    return None
