"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auricle.errors import AuricleError


class FindingStatus(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"  # Auricle works, but possibly with lower quality
    PROBLEM = "problem"  # Auricle does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the output of `auricle doctor`."""

    check: str  # name of the check
    status: FindingStatus
    found: str  # the result, or what is wrong
    remedy: str = ""  # how to fix it; may be empty


def problem(check: str, error: AuricleError) -> Finding:
    """Return the finding for an error with a text of the form `what is wrong; remedy`."""
    found, _, remedy = str(error).partition("; ")
    return Finding(check, FindingStatus.PROBLEM, found, remedy)
