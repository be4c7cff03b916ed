"""Errors of the testbed."""

from __future__ import annotations


class StageError(Exception):
    """A server of the testbed failed, or a recording could not be played."""
