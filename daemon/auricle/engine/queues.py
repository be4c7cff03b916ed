"""Bounded queues between the threads; they count what they drop.

`Inbox` carries frames and notes of the capture thread, and calls of the event loop, to the
inference thread. It holds half a minute of audio: a busy machine delays recognition, and only a
machine that is too slow loses audio. `Outbox` carries reports to the event loop.
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

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.errors import BusyError, NotRunningError

AUDIO_SECONDS = 30.0  # of audio that wait before any is dropped: 960 kB
FRAMES = round(AUDIO_SECONDS / FRAME_SECONDS)
CALLS = 32
NOTES = 64
REPORTS = 1024  # over half a minute of events and levels

Note = TypeVar("Note")
Report = TypeVar("Report")
Value = TypeVar("Value")


class Call(Generic[Value]):
    """A function to run in another thread; the future `outcome` holds its result."""

    def __init__(self, work: Callable[[], Value]) -> None:
        """Prepare to run `work`."""
        self.outcome: Future[Value] = Future()
        self._work = work

    def run(self) -> None:
        """Run the function, unless the outcome was cancelled."""
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            value = self._work()
        except Exception as error:  # raised again where the outcome is awaited
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(value)


class Inbox(Generic[Note]):
    """Queue to the inference thread: frames, notes and ordered calls in order; calls overtake them.

    The frames wait in a ring of fixed size, so that late recognition loses no audio before the ring
    is full.
    """

    def __init__(self, frames: int = FRAMES, calls: int = CALLS, notes: int = NOTES) -> None:
        """Hold at most `frames` frames, `calls` calls and `notes` notes."""
        self.dropped = 0  # frames that arrived when it was full
        self._peak = 0  # most waiting frames since the last `peak`
        self._ring = np.zeros((frames, FRAME_SAMPLES), np.int16)
        self._begin = 0  # number of frames taken so far
        self._end = 0  # number of frames put so far
        self._max_calls, self._max_notes = calls, notes
        # What comes between the frames, with the number of frames put before it.
        self._marks: deque[tuple[int, Note | Call[Any]]] = deque()
        self._calls: deque[Call[Any]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of waiting frames."""
        return self._end - self._begin

    def put(self, frame: Frame) -> None:
        """Append a copy of an audio frame, (160,) int16; drop it if the queue is full."""
        with self._changed:
            if self.waiting >= len(self._ring):
                self.dropped += 1
                return
            self._ring[self._end % len(self._ring)] = frame
            self._end += 1
            self._peak = max(self._peak, self.waiting)
            self._changed.notify()

    def peak(self) -> int:
        """Return the highest number of waiting frames since the last call."""
        with self._changed:
            peak, self._peak = self._peak, self.waiting
        return peak

    def put_note(self, note: Note) -> None:
        """Append a note, unless it repeats the last item.

        If there are too many, it replaces the newest one: a note reports a state, and the last one
        must arrive.
        """
        with self._changed:
            if self._marks and self._marks[-1] == (self._end, note):
                return
            notes = [index for index, (_, mark) in enumerate(self._marks) if not _is_call(mark)]
            if len(notes) >= self._max_notes:
                del self._marks[notes[-1]]
            self._marks.append((self._end, note))
            self._changed.notify()

    def call(self, work: Callable[[], Value], *, in_order: bool = False) -> Future[Value]:
        """Run `work` in the inference thread.

        Args:
            work: what to run.
            in_order: whether it runs after the frames and notes that wait now. Otherwise it runs
                before them.

        Raises:
            BusyError: too many calls are waiting.
            NotRunningError: the inbox is closed.
        """
        call = Call(work)
        with self._changed:
            if self._closed:
                raise NotRunningError("Auricle is stopping; start it again")
            ordered = sum(_is_call(mark) for _, mark in self._marks)
            if len(self._calls) + ordered >= self._max_calls:
                raise BusyError(f"{self._max_calls} calls are waiting already; try again later")
            if in_order:
                self._marks.append((self._end, call))
            else:
                self._calls.append(call)
            self._changed.notify()
        return call.outcome

    def take(self) -> Frame | Note | Call[Any] | None:
        """Wait for the next item; return None when the inbox is closed."""
        with self._changed:
            while not (self._closed or self._calls or self._marks or self.waiting):
                self._changed.wait()
            if self._closed:
                return None
            if self._calls:
                return self._calls.popleft()
            if self._marks and self._marks[0][0] <= self._begin:
                return self._marks.popleft()[1]
            frame: Frame = self._ring[self._begin % len(self._ring)].copy()
            self._begin += 1
            return frame

    def clear_audio(self) -> None:
        """Erase the waiting frames and notes."""
        with self._changed:
            self._begin = self._end
            self._ring[:] = 0
            self._marks = deque(mark for mark in self._marks if _is_call(mark[1]))

    def close(self) -> None:
        """Drop the waiting frames and notes, cancel the waiting calls, and end `take`."""
        with self._changed:
            self._closed = True
            self._begin = self._end
            for call in (*self._calls, *(mark for _, mark in self._marks)):
                if isinstance(call, Call):
                    call.outcome.cancel()
            self._calls.clear()
            self._marks.clear()
            self._changed.notify()


def _is_call(mark: object) -> bool:
    return isinstance(mark, Call)


def _keep_all(report: object) -> bool:
    """Never allow a report to be dropped."""
    return False


class Outbox(Generic[Report]):
    """Queue to the event loop.

    When it is full, the oldest report that may be lost is dropped. Other reports are always kept:
    they are few, and a client would wait for ever for the lost end of a session.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Report], None],
        reports: int = REPORTS,
        may_be_lost: Callable[[Report], bool] = _keep_all,
    ) -> None:
        """Deliver each report on `loop`, in order.

        Args:
            loop: the event loop.
            deliver: takes a report.
            reports: the length above which reports are dropped.
            may_be_lost: whether a report may be dropped.
        """
        self.dropped = 0  # reports dropped because the queue was full
        self._loop = loop
        self._deliver = deliver
        self._may_be_lost = may_be_lost
        self._limit = reports
        self._reports: deque[Report] = deque()
        self._lock = threading.Lock()
        self._woken = False  # a call of `_drain` is scheduled

    def post(self, report: Report) -> None:
        """Append a report; may be called from any thread."""
        with self._lock:
            self._reports.append(report)
            if len(self._reports) > self._limit:
                self._make_room()
            if not self._woken:
                self._woken = True
                # The loop may be closed already.
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
            with self._lock:  # not empty: a report is dropped only when another was added
                report = self._reports.popleft()
            try:
                self._deliver(report)
            except Exception:
                if left > 1:  # deliver the others in spite of the error
                    self._loop.call_soon(self._drain)
                raise
