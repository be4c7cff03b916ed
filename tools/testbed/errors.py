"""What can go wrong on the testbed."""

from __future__ import annotations


class StageError(Exception):
    """A server of the testbed does not start, or a recording cannot be played."""
