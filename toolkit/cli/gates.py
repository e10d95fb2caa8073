"""What happens when a quality gate that the user set is not met."""

import sys
from collections.abc import Sequence

import typer

from toolkit.errors import ExitCode


def report_missed(missed: Sequence[str]) -> None:
    """Say on standard error which gates were missed and by how much, and end with the gate's exit code.

    Args:
        missed: one sentence each; none means that nothing happens.
    """
    if not missed:
        return
    for sentence in missed:
        print(f"gate not met: {sentence}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(int(ExitCode.GATE_NOT_MET))
