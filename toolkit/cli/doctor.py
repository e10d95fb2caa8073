"""`toolkit doctor`: what is installed, what starts, what is broken."""

from typing import TYPE_CHECKING

import typer

from toolkit.cli.console import Console
from toolkit.cli.options import Json, Quiet
from toolkit.errors import ExitCode

if TYPE_CHECKING:
    from toolkit.doctor.result import DoctorResult


def doctor_command(json: Json = False, quiet: Quiet = False) -> None:
    """Check the installation: what really starts, what is broken.

    Versions, execution providers, CUDA libraries, processor features, threads.

    Ends with exit code 1 if something is broken.
    """
    console = Console(quiet=quiet, json=json)
    from toolkit.doctor.job import run

    result = run(console)
    console.result(result.to_document, lambda: _render(result))
    if result.broken:
        raise typer.Exit(int(ExitCode.FAILED))


def _render(result: "DoctorResult") -> str:
    lines = []
    for finding in result.findings:
        lines.append(f"{finding.state.value:<7}{finding.check}: {finding.finding}")
        if finding.remedy:
            lines.append(f"       -> {finding.remedy}")
    lines.append("something is broken, see above" if result.broken else "nothing is broken")
    return "\n".join(lines)
