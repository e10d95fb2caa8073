"""Whether an option's value is in its range, and options fit each other; errors in the same words everywhere."""

import operator
import os
from collections.abc import Sequence

from toolkit.errors import UsageError

MOST_PARALLEL = 1024  # no machine of two sockets has so many hardware threads
MOST_PICTURES = 65_536  # of a batch: at 32x32 pixels, 200 MB by themselves
MOST_SEED = 2**32 - 1  # numpy's older generators have no more
MOST_CLASSES = 100_000  # of a row: more than public sets of labels have


def at_least(value: float | None, least: float, flag: str) -> None:
    """Refuse a number below the least one, or one that isn't finite; None is an option that wasn't given.

    Raises:
        UsageError: it is.
    """
    allowed = f"{least:g} or more"
    try:
        fits = value is None or least <= value < float("inf")
    except TypeError:
        raise UsageError(f"{value!r} is not a number", where=flag, remedy=f"use {allowed}") from None
    if not fits:
        assert value is not None
        raise _refusal(value, flag, allowed)


def parallel(value: int | None, flag: str) -> None:
    """Refuse a number of threads or processes that no machine has cores for; None is an option that wasn't given.

    Each one is really started, and some thousands leave the machine without room for anything else.

    Raises:
        UsageError: it is no whole number, below 1, or above 1024.
    """
    held_at_once(value, MOST_PARALLEL, flag)


def held_at_once(value: int | None, most: int, flag: str, *, needed: bool = False) -> None:
    """Refuse a number of things that are never held in memory together; None is an option that wasn't given.

    Far above `most` there is no memory for them, and the system ends the process without a word.

    Args:
        value: of the option.
        most: `MOST_PICTURES` or `MOST_CLASSES`.
        flag: its name.
        needed: whether there has to be a number.

    Raises:
        UsageError: it is no whole number, below 1, or above `most`.
    """
    if value is None and not needed:
        return
    allowed = f"a number from 1 to {most}"
    try:
        whole = operator.index(value)  # type: ignore[arg-type] # a caller in Python may give anything
    except TypeError:
        raise UsageError(f"{value!r} is not a whole number", where=flag, remedy=f"use {allowed}") from None
    if not 1 <= whole <= most:
        raise _refusal(whole, flag, allowed)


def text(value: object, flag: str, allowed: str, *, needed: bool = False) -> None:
    """Refuse what isn't text, which only a caller in Python can give; None is an option that wasn't given.

    Args:
        value: of the option.
        flag: its name.
        allowed: what to use instead.
        needed: whether there has to be one.

    Raises:
        UsageError: it isn't.
    """
    if (needed or value is not None) and not isinstance(value, str):
        raise UsageError(f"{value!r} is not text", where=flag, remedy=f"use {allowed}")


def texts(value: object, flag: str, allowed: str) -> None:
    """Refuse what is no list of texts, one text by itself too; see `text`."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UsageError(f"{value!r} is not a list", where=flag, remedy=f"use a list of {allowed}")
    for each in value:
        text(each, flag, allowed, needed=True)


def path(value: object, flag: str, *, needed: bool = False) -> None:
    """Refuse what is no path; see `text`."""
    is_path = isinstance(value, str | os.PathLike) and isinstance(os.fspath(value), str)
    if (needed or value is not None) and not is_path:
        raise UsageError(f"{value!r} is not a path", where=flag, remedy="use text or a pathlib.Path")


def seed(value: int, flag: str) -> None:
    """Refuse a seed that the generators of Keras and of the search don't take, which is one of more than 32 bits.

    Raises:
        UsageError: it is negative or too large.
    """
    if not 0 <= value <= MOST_SEED:
        raise _refusal(value, flag, f"a number from 0 to {MOST_SEED}")


def above_zero(value: float | None, flag: str) -> None:
    """Refuse a number that is zero or below, or isn't finite; None is an option that wasn't given.

    Raises:
        UsageError: it is.
    """
    if value is not None and not 0 < value < float("inf"):
        raise _refusal(value, flag, "a number above 0")


def share(value: float | None, flag: str, *, whole: bool = True) -> None:
    """Refuse a number that isn't from 0 to 1; None is an option that wasn't given.

    Args:
        value: of the option.
        flag: its name.
        whole: whether it may be 1.

    Raises:
        UsageError: it isn't.
    """
    if value is not None and not (0 <= value <= 1 and (whole or value < 1)):
        raise _refusal(value, flag, "a number from 0 to 1" if whole else "0 or more, below 1")


def beside(flag: str, needed: str, *, given: bool, there: bool) -> None:
    """Refuse an option that was given without the one that it needs.

    Raises:
        UsageError: it was.
    """
    if given and not there:
        raise UsageError(f"needs {needed}", where=flag, remedy=f"add {needed}, or leave {flag} out")


def resume_or_force(resume: bool, force: bool) -> None:
    """Refuse to go on and to begin again at once.

    Raises:
        UsageError: both were asked for.
    """
    if resume and force:
        raise UsageError(
            "contradicts --resume", where="--force", remedy="either go on (--resume) or begin again (--force)"
        )


def _refusal(value: float, flag: str, allowed: str) -> UsageError:
    text = str(value) if isinstance(value, int) else repr(float(value)).removesuffix(".0")
    return UsageError(f"{text} is out of range", where=flag, remedy=f"use {allowed}")
