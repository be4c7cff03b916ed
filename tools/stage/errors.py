"""What can go wrong on the stage."""

from __future__ import annotations


class StageError(Exception):
    """A server of the stage does not start, or a recording cannot be played."""
