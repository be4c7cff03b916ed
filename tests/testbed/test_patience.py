"""Time limits grow with the load."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from testbed.patience import patience, slowness


@pytest.mark.parametrize(
    ("load", "processors", "expected"),
    [
        ("0.00 0.00 0.00 0/100 1", 2, 1.0),
        ("12.00 0.00 0.00 1/100 1", 2, 7.0),
        ("0.00 12.00 0.00 8/100 1", 4, 3.0),
    ],
)
def test_slowness_follows_the_average_or_the_threads_that_are_ready(
    load: str, processors: int, expected: float
) -> None:
    assert slowness(load, processors) == expected


def test_limits_grow_as_soon_as_the_machine_is_busy() -> None:
    count = 4 * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        start = time.monotonic()
        while patience(10.0) < 40.0:
            assert time.monotonic() - start < 60
            time.sleep(0.05)
    finally:
        for process in busy:
            process.kill()
            process.wait()
