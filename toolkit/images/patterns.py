"""Patterns such as photos/*.jpg -> what matches them."""

# Path objects drop the "./" that was typed.
# ruff: noqa: PTH112, PTH207

import glob
import os
import re
from collections.abc import Iterator

from toolkit.images.scan import Skipped, has_picture, is_picture_name


def is_pattern(argument: str) -> bool:
    """Tell whether a PATH argument is a pattern, if nothing of that name exists."""
    return glob.has_magic(argument)


def matches(pattern: str, skipped: Skipped) -> Iterator[str]:
    """Give what matches: pictures by name, or all files where the pattern itself names the suffix; folders.

    Args:
        pattern: as it was typed.
        skipped: whether links to folders are followed.
    """
    names_suffix, goes_below = bool(re.search(r"\.\w+$", pattern)), "**" in pattern
    for match in glob.iglob(pattern, recursive=True):
        if os.path.isdir(match):
            if not goes_below and has_picture(match, follow_links=skipped.follow_links):
                yield match
        elif names_suffix or is_picture_name(match):
            yield match
