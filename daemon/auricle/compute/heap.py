"""Keeps the heap of the C library small, and gives free memory back to the system.

By default glibc keeps large freed blocks for later, and has one heap per thread. After a long list
of names was prepared or removed, that is tens of MB which nobody uses again.
"""

from __future__ import annotations

import ctypes

# Of mallopt(3) and <malloc.h>.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
# Bytes from which a block goes back to the system when it is freed. Recognition frees blocks of a
# few MB at each chunk; with 512 KiB here, they were new pages each time, and it was 18 % slower.
LARGE_BLOCK = 16 * 1024 * 1024
HEAPS = 2


def limit_heap() -> None:
    """Return large blocks to the system when they are freed; only glibc can do it.

    Call it once at the start, before other threads run.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, LARGE_BLOCK)
        set_option(_ARENA_MAX, HEAPS)


def trim_heap() -> None:
    """Return free pages to the system, which takes some milliseconds; only glibc can do it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
