"""The audio thread: it alone opens, reads and closes the source of sound.

In: a source, and orders to mute or to take another one. Out, into the inbox of the inference
thread: frames, and notes of what became of the source. While there is nothing to read, because it
is muted or a recording has ended, a beat comes twice a second, which shows that the thread lives.
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

BEAT_SECONDS = 0.5
ORDERS = 16  # more than can sensibly wait
RECORDING_ENDED = "the recording has ended"

OnState: TypeAlias = Callable[[bool, str], None]  # as auricle.audio.reconnecting has it
MakeSource: TypeAlias = Callable[[OnState], AudioSource]


@dataclass(frozen=True, slots=True)
class MicrophoneLost:
    """No real sound comes from here on."""

    reason: str


@dataclass(frozen=True, slots=True)
class MicrophoneReady:
    """Real sound comes from here on."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """No sound is wanted or to be had, but the audio thread lives."""


Note: TypeAlias = MicrophoneLost | MicrophoneReady | Heartbeat


class CaptureThread:
    """Use `start`, then `set_muted` and `replace` from any thread; at the end `stop`."""

    def __init__(
        self,
        make_source: MakeSource,
        inbox: Inbox[Note],
        died: Callable[[Exception], None],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Record what `make_source` makes; call `died` with an error that nobody foresaw.

        `make_source` is given what the source may call, from its thread, with (False, why) when its
        device is lost and with (True, "") when it is back. `prepare` is called first of all in the
        thread.
        """
        self._inbox = inbox
        self._died = died
        self._prepare = prepare
        self._source = make_source(self._on_state)
        self._past_overruns = 0  # of sources that were replaced
        self._lost = False
        self._muted = False
        self._playing = False  # the source is open, and has not ended
        self._stopping = False
        self._orders: queue.Queue[Call[Any]] = queue.Queue(ORDERS)
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)

    @property
    def overruns(self) -> int:
        """How often sound was lost because this thread came too late."""
        return self._past_overruns + self._source.overruns

    def start(self) -> Future[None]:
        """Start; the future is done once the source is open or known to be missing."""
        opened = self._order(self._open)
        self._thread.start()
        return opened

    def set_muted(self, muted: bool) -> Future[None]:
        """Close the source, and forget what waits to be heard, or open the source again."""
        return self._order(lambda: self._set_muted(muted))

    def replace(self, make_source: MakeSource) -> Future[None]:
        """Record from another source."""
        return self._order(lambda: self._replace(make_source))

    def stop(self, seconds: float) -> bool:
        """Close the source and end the thread; return whether that was done within `seconds`."""
        if not self._thread.is_alive():
            return True
        self._stopping = True
        if not self._orders.full():
            self._order(lambda: None)  # wakes it
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
                    self._obey()
        except Exception as error:  # a thread that ends in silence would leave the daemon deaf
            self._died(error)
        finally:
            self._source.close()

    def _obey(self) -> None:
        try:
            self._orders.get(timeout=BEAT_SECONDS).run()
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
            self._inbox.forget_sound()
        elif not self._playing:
            self._open()

    def _replace(self, make_source: MakeSource) -> None:
        self._source.close()
        self._past_overruns = self.overruns
        self._source = make_source(self._on_state)
        self._playing = False
        if not self._muted:
            self._open()

    def _on_state(self, is_there: bool, reason: str) -> None:
        """Take note of what a source says of its device."""
        self._lost = not is_there
        self._inbox.put_note(MicrophoneReady() if is_there else MicrophoneLost(reason))
