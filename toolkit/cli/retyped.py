"""The command that is running, as it was typed, or with something added that is worth typing next."""

import re
import sys
from collections.abc import Sequence

from toolkit.wording import typed

WITH_FILE = ("-o", "--output", "--report")
WITHOUT_VALUE = ("--force",)
SHORT_OUTPUT = re.compile(r"-(q*)o(.*)", re.DOTALL)  # -q is the only short flag beside -o


def as_typed() -> str:
    """Write the command that is running as it was typed."""
    return typed("toolkit", *sys.argv[1:])


def retyped(
    plus: Sequence[str], *, without: Sequence[str] = (), arguments: Sequence[str] | None = None
) -> str:
    """Write the command once more for a shell, without the files it wrote and `--force`.

    What it wrote exists by now, and would be refused.

    Args:
        plus: options and values to add.
        without: flags without a value that are left out, too.
        arguments: what was typed after `toolkit`; None means on this process's command line.
    """
    left = iter(sys.argv[1:] if arguments is None else arguments)
    kept: list[str] = []
    rest: list[str] = []
    for argument in left:
        if argument == "--":  # from here on nothing is an option
            rest = [argument, *left]
        elif argument in WITH_FILE:
            next(left, None)
        elif (short := SHORT_OUTPUT.fullmatch(argument)) is not None:
            kept += [f"-{short[1]}"] if short[1] else []
            if not short[2]:
                next(left, None)
        elif argument.partition("=")[0] not in (*WITH_FILE, *WITHOUT_VALUE, *without):
            kept.append(argument)
    return typed("toolkit", *kept, *plus, *rest)
