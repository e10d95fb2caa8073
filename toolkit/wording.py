"""Numbers with their nouns, and commands to type."""

import shlex
from pathlib import Path


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 thread, 2 threads, 3 fresh processes, 4 queries."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {plural}"


def export_command(model: str | Path) -> str:
    """Write the command that exports a Keras model to a file of its name, quoted for a shell.

    Args:
        model: a file or a folder; a folder's name is taken whole, a file's without its suffix.
    """
    path = Path(model)
    name = path.name if path.is_dir() else path.stem
    output = f"{name or path.resolve().name or 'model'}.onnx"  # '.' and '/' have no name of their own
    return f"toolkit export {shlex.quote(str(model))} -o {shlex.quote(output)}"
