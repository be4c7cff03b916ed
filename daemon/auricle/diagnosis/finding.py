"""What a look at one part of the machine has shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auricle.errors import AuricleError


class FindingStatus(StrEnum):
    """How well a part is."""

    OK = "ok"
    WARNING = "warning"  # Auricle works, but perhaps not as well as it could
    PROBLEM = "problem"  # Auricle cannot work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    check: str  # what was looked at
    status: FindingStatus
    found: str  # in words; with a warning or problem: what is wrong
    remedy: str = ""  # how to mend it; empty when nothing can be done


def problem(check: str, error: AuricleError) -> Finding:
    """Return the finding that an error stands for: its sentence tells what is wrong; the remedy."""
    found, _, remedy = str(error).partition("; ")
    return Finding(check, FindingStatus.PROBLEM, found, remedy)
