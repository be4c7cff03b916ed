"""Real-time scheduling of a thread, if the configuration asks for it."""

from __future__ import annotations

import os

PRIORITY = 4  # of 1 to 99: above all threads without real-time scheduling, below PulseAudio's 5


def become_realtime() -> str:
    """Schedule the calling thread with SCHED_RR; return an empty string, or the error.

    Each run of the thread takes well below a millisecond. Threads that it starts inherit the
    scheduling: those of the audio library.
    """
    try:
        # On Linux, 0 means the calling thread, not the process.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError as error:
        return (
            f"arbiter.realtime: true: the system does not permit it ({error.strerror}); see "
            "section REAL TIME of auricle(1), or set it to false"
        )
    return ""
