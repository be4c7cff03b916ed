"""Gives free memory of the heap back to the system.

The C library keeps what is freed for later. After a long list of names was prepared or removed,
that is tens of MB which nobody uses again.
"""

from __future__ import annotations

import ctypes


def trim_heap() -> None:
    """Return free pages to the system, which takes some milliseconds; only glibc can do it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
