"""Numbers with their nouns, and commands to type."""

import os
import re
import shlex
from pathlib import Path

PLAIN_ON_WINDOWS = re.compile(r"[\w./\\:=+@-]+")

VERBS = {"is": "are", "was": "were"}


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 thread, 2 threads, 3 fresh processes, 4 queries."""
    return f"{number:,} {numbered(number, noun)}"


def numbered(number: float, noun: str) -> str:
    """Return a noun as it stands beside a number: thread beside 1, threads beside 0 and 2; "is" and "was" as well."""
    if number == 1:
        return noun
    if noun in VERBS:
        return VERBS[noun]
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"


def typed(*words: str | Path, windows: bool = os.name == "nt") -> str:
    """Write words of a command as they have to be typed in a shell.

    Args:
        words: of the command, in order.
        windows: for a shell there, of which not every one knows single quotes.

    Source: "Parsing C command-line arguments", Microsoft C++ documentation, for backslashes before quotes.
    """
    texts = [str(word) for word in words]
    if not windows:
        return shlex.join(texts)
    return " ".join(text if PLAIN_ON_WINDOWS.fullmatch(text) else _in_double_quotes(text) for text in texts)


def _in_double_quotes(text: str) -> str:
    return '"' + re.sub(r'(\\*)("|\Z)', lambda found: 2 * found[1] + (found[2] and '\\"'), text) + '"'


def export_command(model: str | Path) -> str:
    """Write the command that exports a Keras model to a file of its name, quoted for a shell.

    Args:
        model: a file or a folder; a folder's name is taken whole, a file's without its suffix.
    """
    path = Path(model)
    name = path.name if path.is_dir() else path.stem
    output = f"{name or path.resolve().name or 'model'}.onnx"  # '.' and '/' have no name of their own
    return f"toolkit export {typed(model)} -o {typed(output)}"
