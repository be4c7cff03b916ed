"""The capture thread: the only thread that opens, reads and closes the audio source.

It puts audio frames, and notes about the source, into the inbox of the inference thread. While it
is muted or a recording has ended, it sends a heartbeat twice a second for the watchdog.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

from auricle.audio.source import AudioSource
from auricle.engine.queues import Call, Inbox
from auricle.errors import AuricleError, BusyError

HEARTBEAT_SECONDS = 0.5
ORDERS = 16  # waiting orders
RECORDING_ENDED = "the recording has ended"

OnState: TypeAlias = Callable[[bool, str], None]  # as auricle.audio.reconnecting has it
MakeSource: TypeAlias = Callable[[OnState], AudioSource]


@dataclass(frozen=True, slots=True)
class MicrophoneLost:
    """From here on there is no microphone audio."""

    reason: str


@dataclass(frozen=True, slots=True)
class MicrophoneReady:
    """From here on there is microphone audio."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """There is no audio to read, and the capture thread is alive."""


Note: TypeAlias = MicrophoneLost | MicrophoneReady | Heartbeat


class CaptureThread:
    """Use `start`, then `set_muted` and `replace` from any thread; at the end `stop`."""

    def __init__(
        self,
        make_source: MakeSource,
        inbox: Inbox[Note],
        failed: Callable[[Exception], None],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Make the source; `start` starts the thread.

        Args:
            make_source: makes the source. Its argument is a callback for the source: it takes
                (False, why) when the device is lost and (True, "") when it is back.
            inbox: receives frames and notes.
            failed: called in the thread with an unexpected exception, after which it ends.
            prepare: called first in the thread.
        """
        self._inbox = inbox
        self._failed = failed
        self._prepare = prepare
        self._source = make_source(self._on_state)
        self._past_overruns = 0  # overruns of replaced sources
        self._lost = False
        self._muted = False
        self._playing = False  # the source is open and has not ended
        self._stopping = False
        self._orders: queue.Queue[Call[Any]] = queue.Queue(ORDERS)
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)

    @property
    def overruns(self) -> int:
        """How often audio was lost because this thread read too late."""
        return self._past_overruns + self._source.overruns

    def start(self) -> Future[None]:
        """Start; the future is done when the source is open or known to be missing."""
        opened = self._order(self._open)
        self._thread.start()
        return opened

    def set_muted(self, muted: bool) -> Future[None]:
        """Close the source and drop the waiting audio, or open the source again."""
        return self._order(lambda: self._set_muted(muted))

    def replace(self, make_source: MakeSource) -> Future[None]:
        """Replace the source."""
        return self._order(lambda: self._replace(make_source))

    def stop(self, seconds: float) -> bool:
        """Close the source and end the thread; return whether it ended within `seconds`."""
        if not self._thread.is_alive():
            return True
        self._stopping = True
        if not self._orders.full():
            self._order(lambda: None)  # wakes the thread
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _order(self, work: Callable[[], None]) -> Future[None]:
        order = Call(work)
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            raise BusyError(f"{ORDERS} orders are waiting already; try again later") from None
        return order.outcome

    def _run(self) -> None:
        try:
            if self._prepare is not None:
                self._prepare()
            while not self._stopping:
                if self._playing and self._orders.empty():
                    self._read()
                else:
                    self._run_order()
        except Exception as error:  # the service must learn of it and stop
            self._failed(error)
        finally:
            self._source.close()

    def _run_order(self) -> None:
        try:
            self._orders.get(timeout=HEARTBEAT_SECONDS).run()
        except queue.Empty:
            self._inbox.put_note(Heartbeat())

    def _read(self) -> None:
        try:
            frame = self._source.read()
        except AuricleError as error:
            self._give_up(str(error))
            return
        if frame is None:
            self._give_up(RECORDING_ENDED)
        else:
            self._inbox.put(frame)

    def _open(self) -> None:
        self._lost = False
        try:
            self._source.open()
        except AuricleError as error:
            self._give_up(str(error))
            return
        self._playing = True
        if not self._lost:
            self._inbox.put_note(MicrophoneReady())

    def _give_up(self, reason: str) -> None:
        self._source.close()
        self._playing = False
        self._inbox.put_note(MicrophoneLost(reason))

    def _set_muted(self, muted: bool) -> None:
        self._muted = muted
        if muted:
            self._source.close()
            self._playing = False
            self._inbox.clear_audio()
        elif not self._playing:
            self._open()

    def _replace(self, make_source: MakeSource) -> None:
        self._source.close()
        self._past_overruns = self.overruns
        self._source = make_source(self._on_state)
        self._playing = False
        if not self._muted:
            self._open()

    def _on_state(self, available: bool, reason: str) -> None:
        """Pass on whether the source has its device."""
        self._lost = not available
        self._inbox.put_note(MicrophoneReady() if available else MicrophoneLost(reason))
