"""Real time for the thread that records: had where it is permitted, else refused in words."""

from __future__ import annotations

import os
import threading

from auricle.compute.realtime import PRIORITY, become_realtime

NOBODY = 65534


def test_one_thread_becomes_real_time_or_is_told_why_not() -> None:
    found: list[tuple[str, int, int]] = []

    def ask() -> None:
        refused = become_realtime()
        found.append((refused, os.sched_getscheduler(0), os.sched_getparam(0).sched_priority))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    (refused, policy, priority) = found[0]
    if refused:
        assert policy == os.SCHED_OTHER
    else:
        assert (policy, priority) == (os.SCHED_RR, PRIORITY)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER  # this thread is what it was


def test_without_the_permission_the_remedy_is_told() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setuid(NOBODY)
        os.write(writing, become_realtime().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        told = answer.read()
    assert "arbiter.realtime: true: the system does not permit it (Operation not permitted)" in told
    assert "REAL TIME of auricle(1)" in told
