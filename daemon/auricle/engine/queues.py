"""The bounded queues between the threads: what they cannot hold is counted, never kept in silence.

`Inbox` leads from the audio thread, and with calls from the event loop, to the inference thread;
`Outbox` from there to the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import numpy as np

from auricle.audio.format import Frame
from auricle.errors import BusyError, NotRunningError

FRAMES = 300  # 3 s of sound
CALLS = 32
REPORTS = 1024  # more than half a minute of events and levels

Note = TypeVar("Note")
Report = TypeVar("Report")
Value = TypeVar("Value")


class Call(Generic[Value]):
    """Work for another thread; the future tells what came of it."""

    def __init__(self, work: Callable[[], Value]) -> None:
        """Keep `work` until a thread runs it."""
        self.outcome: Future[Value] = Future()
        self._work = work

    def run(self) -> None:
        """Do the work, unless nobody waits for it any more."""
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            value = self._work()
        except Exception as error:  # whoever waits for the outcome gets it
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(value)


class Inbox(Generic[Note]):
    """What waits for the inference thread: frames and notes in their order; calls overtake them."""

    def __init__(self, frames: int = FRAMES, calls: int = CALLS) -> None:
        """Hold at most so many frames and notes, and so many calls."""
        self.dropped = 0  # frames that came while it was full
        self._most_waited = 0
        self._frames = frames
        self._most_calls = calls
        self._sound: deque[Frame | Note] = deque()
        self._calls: deque[Call[Any]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Append a frame, (160,) int16; when it is full, count the frame as dropped."""
        with self._changed:
            if len(self._sound) >= self._frames:
                self.dropped += 1
                return
            self._sound.append(frame)
            self._most_waited = max(self._most_waited, len(self._sound))
            self._changed.notify()

    def most_waited(self) -> int:
        """Return how many frames and notes waited at most since this was asked before."""
        with self._changed:
            most, self._most_waited = self._most_waited, len(self._sound)
        return most

    def put_note(self, note: Note) -> None:
        """Append a note; when it is full, the newest frame or note in it makes room.

        Notes tell states, so that the newest one matters most.
        """
        with self._changed:
            if len(self._sound) >= self._frames:
                self.dropped += isinstance(self._sound.pop(), np.ndarray)
            self._sound.append(note)
            self._changed.notify()

    def call(self, work: Callable[[], Value]) -> Future[Value]:
        """Let the inference thread do `work` next; raises BusyError when too much is waiting.

        Raises NotRunningError once it is closed.
        """
        call = Call(work)
        with self._changed:
            if self._closed:
                raise NotRunningError("Auricle is stopping; start it again")
            if len(self._calls) >= self._most_calls:
                raise BusyError(f"{self._most_calls} calls are waiting already; try again later")
            self._calls.append(call)
            self._changed.notify()
        return call.outcome

    def take(self) -> Frame | Note | Call[Any] | None:
        """Wait for what is next; None once it is closed."""
        with self._changed:
            while not (self._closed or self._calls or self._sound):
                self._changed.wait()
            if self._closed:
                return None
            return self._calls.popleft() if self._calls else self._sound.popleft()

    def forget_sound(self) -> None:
        """Throw away the frames and notes that wait."""
        with self._changed:
            self._sound.clear()

    def close(self) -> None:
        """Throw away all that waits and let `take` return None; calls that wait are cancelled."""
        with self._changed:
            self._closed = True
            self._sound.clear()
            for call in self._calls:
                call.outcome.cancel()
            self._calls.clear()
            self._changed.notify()


def _keep_all(report: object) -> bool:
    """Say of every report that it must not be lost."""
    return False


class Outbox(Generic[Report]):
    """What waits for the event loop.

    Only reports that may be lost count against its length; the others are few, and whoever waits
    for the end of a session would wait for ever.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Report], None],
        reports: int = REPORTS,
        may_be_lost: Callable[[Report], bool] = _keep_all,
    ) -> None:
        """Call `deliver` on `loop` with each report, in order.

        Args:
            loop: where reports are delivered.
            deliver: takes a report.
            reports: so many are held before those that may be lost are dropped.
            may_be_lost: whether a report may be dropped.
        """
        self.dropped = 0  # reports lost because too many waited
        self._loop = loop
        self._deliver = deliver
        self._may_be_lost = may_be_lost
        self._most = reports
        self._reports: deque[Report] = deque()
        self._lock = threading.Lock()
        self._woken = False  # the loop will come for what is here

    def post(self, report: Report) -> None:
        """Append a report; from any thread. When it is full, the oldest that may be lost goes."""
        with self._lock:
            self._reports.append(report)
            if len(self._reports) > self._most:
                self._make_room()
            if not self._woken:
                self._woken = True
                # A loop that is closed delivers nothing more.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._drain)

    def _make_room(self) -> None:
        for index, report in enumerate(self._reports):
            if self._may_be_lost(report):
                del self._reports[index]
                self.dropped += 1
                return

    def _drain(self) -> None:
        with self._lock:
            self._woken = False
            waiting = len(self._reports)
        for left in range(waiting, 0, -1):
            with self._lock:  # there are as many still: one is dropped only for one that came
                report = self._reports.popleft()
            try:
                self._deliver(report)
            except Exception:
                if left > 1:  # one report that cannot be delivered must not hold up the others
                    self._loop.call_soon(self._drain)
                raise
