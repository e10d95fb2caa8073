"""Patterns such as photos/*.jpg -> what matches them."""

# Path objects drop the "./" that was typed.
# ruff: noqa: PTH112, PTH118, PTH207

import glob
import os
import re
from collections.abc import Iterator

from toolkit.images.scan import Skipped, folders, has_picture, is_picture_name

SEPARATORS = re.escape(os.sep + (os.altsep or ""))
BELOW = re.compile(rf"(?:^|(?<=[{SEPARATORS}]))\*\*(?:[{SEPARATORS}]+|$)")
"""`**` as a whole part of a pattern, which stands for any folders."""


def is_pattern(argument: str) -> bool:
    """Tell whether a PATH argument is a pattern, if nothing of that name exists."""
    return glob.has_magic(argument)


def matches(pattern: str, skipped: Skipped) -> Iterator[str]:
    """Give what matches: pictures by name, or all files where the pattern itself names the suffix; folders.

    Of a pattern with `**` those folders alone that can't be listed: reading them tells why.

    Args:
        pattern: as it was typed.
        skipped: whether links to folders are followed, and which folder is left out.
    """
    names_suffix, goes_below = bool(re.search(r"\.\w+$", pattern)), BELOW.search(pattern) is not None
    failures: list[str] = []
    for match in _matches(pattern, skipped, failures):
        if os.path.isdir(match):
            if not goes_below and has_picture(match, follow_links=skipped.follow_links):
                yield match
        elif names_suffix or is_picture_name(match):
            yield match
    yield from failures


def _matches(pattern: str, skipped: Skipped, failures: list[str]) -> Iterator[str]:
    """Do what `glob` does, but for links: of one in a circle it gives forty copies, and of two it never ends."""
    below = BELOW.search(pattern)
    if below is None:
        yield from glob.iglob(pattern)
        return
    head, tail = pattern[: below.start()], pattern[below.end() :] or "*"
    for start in glob.iglob(head) if glob.has_magic(head) else (head,):
        for folder in folders(start, skipped, failures) if os.path.isdir(start or os.curdir) else ():
            yield from _matches(os.path.join(glob.escape(folder), tail), skipped, failures)
