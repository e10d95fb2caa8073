"""What the parser can't read of a command line, in our words: what was given, to which option, what to write."""

import difflib
import re
from collections.abc import Sequence
from typing import Any

from toolkit.errors import UsageError, one_line

WHOLE = ("a whole number", "use digits only")
NUMBER = ("a number", "use digits and a decimal point, as in 2.5")
"""What a value must be, and how that is written."""

KINDS = {"integer": WHOLE, "int": WHOLE, "float": NUMBER}
"""What the parser calls them: typer with click's types, and with its own."""

GIVEN = r"(?P<quote>['\"])(?P<given>.*)(?P=quote)"
NO_NUMBER = re.compile(GIVEN + " is not a valid (?P<kind>integer|int|float)", re.DOTALL)
NO_CHOICE = re.compile(GIVEN + " is not one of '(?P<choices>.*)'", re.DOTALL)


def usage_error(error: Any, arguments: Sequence[str], commands: Sequence[str]) -> UsageError:
    """Translate what the parser raised.

    Args:
        error: its exception; has `format_message`, and `param` and `message` where one value is at fault.
        arguments: the command line without the program's name.
        commands: names of the commands.
    """
    message = one_line(error.format_message()).rstrip(".")
    command = arguments[0] if arguments and arguments[0] in commands else ""
    where = f"toolkit {command}".strip()
    if message.startswith("No such command"):
        wrong = arguments[0] if arguments else ""
        near = difflib.get_close_matches(wrong, commands, n=1)
        hint = f"did you mean '{near[0]}'? " if near and "Did you mean" not in message else ""
        return UsageError(message, where=where, remedy=f"{hint}see toolkit --help")
    if options := getattr(getattr(error, "param", None), "opts", None):
        option = max(options, key=len)
        if (number := NO_NUMBER.search(str(error.message))) is not None:
            kind, how = KINDS[number["kind"]]
            return UsageError(
                f"'{number['given']}' is not {kind}", where=option, remedy=f"{how}; see {where} --help"
            )
        if (choice := NO_CHOICE.search(str(error.message))) is not None:
            return _no_choice(choice["given"], choice["choices"].split("', '"), option)
    return UsageError(message, where=where, remedy=f"see {where} --help")


def _no_choice(given: str, choices: Sequence[str], option: str) -> UsageError:
    near = difflib.get_close_matches(given, choices, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return UsageError(
        f"'{given}' is not a choice",
        where=option,
        remedy=f"{hint}use {', '.join(choices[:-1])} or {choices[-1]}",
    )
