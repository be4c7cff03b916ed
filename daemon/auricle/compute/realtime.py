"""Real time for one thread, where the owner asks for it and the system allows it."""

from __future__ import annotations

import os

PRIORITY = 4  # of 1 to 99: above all that is not real-time, below PulseAudio's 5


def become_realtime() -> str:
    """Schedule the calling thread by SCHED_RR; return why that cannot be, or nothing.

    The others wait while it runs, which it does for well below a millisecond at a time. Threads
    that it starts are real-time too: those of the library through which it hears.
    """
    try:
        # 0 is the calling thread, and not the process, on Linux.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError as error:
        return (
            f"arbiter.realtime: true: the system does not permit it ({error.strerror}); see the "
            "section REAL TIME of auricle(1), or set it to false"
        )
    return ""
