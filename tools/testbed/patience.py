"""Time limits of tests, which grow with the load of the machine.

In: the seconds that something takes at most on an idle machine. Out: the seconds to wait for it
now. A limit distinguishes a failure from a delay. A test that passes does not wait for it.
"""

from __future__ import annotations

import os
from pathlib import Path

LOAD = Path("/proc/loadavg")  # proc_loadavg(5)


def patience(seconds: float) -> float:
    """Return a time limit for something that takes at most `seconds` on an idle machine."""
    return seconds * slowness(LOAD.read_text(encoding="ascii"), os.cpu_count() or 1)


def slowness(load: str, processors: int) -> float:
    """Return how much longer work may take than on an idle machine: at least 1.

    Args:
        load: content of /proc/loadavg. The average of a minute is late, and the number of threads
            that are running or ready now varies, so the larger one counts.
        processors: the number of processors that these threads share.
    """
    average, _, _, threads, *_ = load.split()
    ready = int(threads.partition("/")[0])
    return 1.0 + max(float(average), ready) / processors
