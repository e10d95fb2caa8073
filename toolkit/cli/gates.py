"""The end of a command that ran through: a gate that was not met, pictures that had to be left out."""

import sys
from collections.abc import Sequence

import typer

from toolkit.errors import ExitCode, printable


def report_missed(missed: Sequence[str]) -> None:
    """Say on standard error which gates were missed and by how much, and end with the gate's exit code.

    Args:
        missed: one sentence each; none means that nothing happens.
    """
    if not missed:
        return
    for sentence in missed:
        print(f"gate not met: {printable(sentence)}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(int(ExitCode.GATE_NOT_MET))


def report_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    """End with the exit code of a run that some inputs were left out of; the result has named them.

    Args:
        skipped: (path, reason) of each; none means that nothing happens.
    """
    if skipped:
        raise typer.Exit(int(ExitCode.SOME_INPUTS_FAILED))
