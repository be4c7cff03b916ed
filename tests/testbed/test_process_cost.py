"""The cost of a process, compared with what a process does on purpose."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from testbed.process_cost import process_cost

GROWS = """
import sys, threading, time
print("ready", flush=True); sys.stdin.readline()
kept = bytearray(64_000_000)
files = [open("/dev/null") for _ in range(7)]
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("grown", flush=True); sys.stdin.readline()
"""


def test_memory_descriptors_and_threads_are_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GROWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = process_cost(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        after = process_cost(process.pid)
        process.stdin.close()
    assert after.rss - before.rss == pytest.approx(64, abs=4)
    assert after.pss - before.pss == pytest.approx(64, abs=4)
    assert after.peak >= after.rss
    assert after.descriptors - before.descriptors == 7
    assert after.threads - before.threads == 3


def test_processor_time_is_that_of_the_process() -> None:
    before, own = process_cost(os.getpid()).cpu_seconds, os.times()
    while os.times().user - own.user < 0.2:
        sum(range(10_000))
    assert process_cost(os.getpid()).cpu_seconds - before >= 0.15


def test_process_that_has_ended_is_an_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        process_cost(process.pid)
