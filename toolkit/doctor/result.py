"""What `toolkit doctor` found."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"  # works, but the user should know
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the diagnosis.

    Args:
        check: what was looked at.
        state: how it is.
        finding: what was seen.
        remedy: what to do; empty where there is nothing to do.
    """

    check: str
    state: State
    finding: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class DoctorResult:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        """Whether something doesn't work."""
        return any(finding.state is State.BROKEN for finding in self.findings)

    def to_document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"ok": not self.broken, "findings": [asdict(finding) for finding in self.findings]}
