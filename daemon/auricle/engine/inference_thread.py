"""The inference thread: it alone touches the pipeline, and through it the networks.

In, through its inbox: frames and notes from the audio thread, calls from the event loop. Out, to
the event loop: the events of sessions, levels for meters, and what became of the microphone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from auricle.assistant import InputLevel, ListenOptions
from auricle.audio.format import FRAME_SECONDS, Frame
from auricle.audio.level import level_dbfs
from auricle.compute.governor import Pace
from auricle.context.entries import Context
from auricle.engine.capture_thread import (
    CaptureThread,
    Heartbeat,
    MakeSource,
    MicrophoneLost,
    MicrophoneReady,
    Note,
)
from auricle.engine.pipeline import Pipeline
from auricle.engine.queues import Call, Inbox
from auricle.errors import BusyError, DeviceError
from auricle.events import CancelReason, Event
from auricle.recognizer.recognizer import Recognizer

LEVEL_FRAMES = round(0.1 / FRAME_SECONDS)  # ten levels a second
OPEN_SECONDS = 10.0  # so long a device may take to open before others hear that it does
STOP_SECONDS = 3.0  # so long a device may take to be let go
# A sound server that hangs keeps each call of its library waiting for a minute, and opening a
# device takes several. Starting anew would not help.
AWAY_SECONDS = 300.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ThreadFailed:
    """A thread came to an end that nobody foresaw: nothing is heard any more."""

    error: Exception


Report: TypeAlias = Event | InputLevel | MicrophoneLost | MicrophoneReady | ThreadFailed
MakePipeline: TypeAlias = Callable[[], Pipeline]


class Meter:
    """Gathers sound and wake scores for a tenth of a second."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._frames: list[Frame] = []
        self._scores: dict[str, float] = {}

    def step(self, frame: Frame, scores: dict[str, float], seconds: float) -> InputLevel | None:
        """Add a frame, (160,) int16, heard up to `seconds`; return a level once there is enough."""
        self._frames.append(frame)
        for wake_word, score in scores.items():
            self._scores[wake_word] = max(score, self._scores.get(wake_word, 0.0))
        if len(self._frames) < LEVEL_FRAMES:
            return None
        level = InputLevel(seconds, level_dbfs(np.concatenate(self._frames)), self._scores)
        self._frames, self._scores = [], {}
        return level


class InferenceThread:
    """Both threads. Its methods are called on the event loop."""

    def __init__(
        self,
        make_pipeline: MakePipeline,
        make_source: MakeSource,
        post: Callable[[Report], None],
        metered: Callable[[], bool],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Prepare the threads; `start` starts them.

        Args:
            make_pipeline: called in the inference thread, here and by `replace`.
            make_source: see `CaptureThread`.
            post: takes the reports; called in the threads.
            metered: whether anyone wants levels; called in the inference thread.
            prepare: called first of all in the audio thread.
        """
        self._heard_at = time.monotonic()  # when the last frame or note was dealt with
        self._post = post
        self._metered = metered
        self._inbox: Inbox[Note] = Inbox()
        self._recorder = CaptureThread(
            make_source, self._inbox, lambda error: post(ThreadFailed(error)), prepare
        )
        self._pipeline = make_pipeline()
        self._meter = Meter()
        self._context = Context()
        self._muted = False
        self._frames_heard = 0  # since `pace` was asked
        self._busy_seconds = 0.0
        self._away: str | None = "the microphone is not open yet"  # why no real sound comes
        self._settled: Future[None] = Future()  # done once it is open, or known to be missing
        self._next: Call[None] | None = None  # takes the next pipeline
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    @property
    def heard_at(self) -> float:
        """When there was progress, on time.monotonic; in the future while a device is awaited."""
        return self._heard_at + (0.0 if self._away is None else AWAY_SECONDS)

    @property
    def overruns(self) -> int:
        """How often the device lost sound because nobody read in time."""
        return self._recorder.overruns

    @property
    def dropped(self) -> int:
        """How many frames were dropped because recognition came too late."""
        return self._inbox.dropped

    def pace(self) -> Pace:
        """Return how well recognition has kept up since this was asked before."""
        # The thread may add between these lines; a frame more or less does not matter.
        frames, self._frames_heard = self._frames_heard, 0
        busy, self._busy_seconds = self._busy_seconds, 0.0
        load = busy / (frames * FRAME_SECONDS) if frames else 0.0
        return Pace(self._inbox.most_waited() * FRAME_SECONDS, load)

    async def start(self) -> None:
        """Start to hear; return when the microphone is open, or is known to be missing."""
        self._thread.start()
        opened = self._recorder.start()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await asyncio.wrap_future(opened)
                await asyncio.wrap_future(self._settled)
        except TimeoutError:
            self._post(MicrophoneLost("the microphone does not open; does its sound server hang?"))

    async def stop(self) -> bool:
        """Cancel the session that runs, close the microphone; return whether all went in time."""
        ended = await self._end_session()
        self._inbox.close()
        closed = await asyncio.to_thread(self._recorder.stop, STOP_SECONDS)
        return ended and closed

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session and return its id; raises BusyError, MutedError or DeviceError."""
        return await self._call(lambda: self._listen(owner, options))

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """End a session; raises NoSuchSessionError."""
        await self._call(lambda: self._tell(self._pipeline.cancel(session, reason)))

    async def mute(self, when_closed: Callable[[], None]) -> None:
        """Close the microphone, call `when_closed`, and cancel the session that runs."""
        await asyncio.wrap_future(self._recorder.set_muted(True))
        when_closed()
        await self._call(lambda: self._set_muted(True))

    async def unmute(self) -> None:
        """Open the microphone; return when it is open, or is known to be missing."""
        await self._call(lambda: self._set_muted(False))
        await asyncio.wrap_future(self._recorder.set_muted(False))

    async def replace(self, make_pipeline: MakePipeline) -> None:
        """Hear through another pipeline; return when it has taken over, after a running session."""
        change = Call(lambda: self._take_over(make_pipeline))
        await self._call(lambda: self._prepare(change))
        await asyncio.wrap_future(change.outcome)
        if self._context.entries:  # the new one knows no names
            await self.set_context(self._context)

    async def set_context(self, context: Context) -> None:
        """Let these names be favoured, from the next session on; raises BusyError.

        Many names take a second to be made ready, in a thread of their own.
        """
        self._context, pipeline = context, self._pipeline
        biasing = await asyncio.to_thread(pipeline.biasing_of, context)
        await self._call(lambda: pipeline.set_biasing(biasing))

    async def set_recognizer(self, recognizer: Recognizer) -> None:
        """Recognise with another one from the next session on; raises BusyError."""
        await self._call(lambda: self._pipeline.set_recognizer(recognizer))

    async def replace_source(self, make_source: MakeSource) -> None:
        """Hear another source; return when it is open, or is known to be missing."""
        await asyncio.wrap_future(self._recorder.replace(make_source))

    async def _call(self, work: Callable[[], Value]) -> Value:
        return await asyncio.wrap_future(self._inbox.call(work))

    async def _end_session(self) -> bool:
        """Cancel the session that runs; return whether that went in time."""
        if not self._thread.is_alive():
            return True
        reason = CancelReason.SHUTDOWN
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._call(lambda: self._tell(self._pipeline.cancel(None, reason)))
        except (TimeoutError, BusyError):
            return False
        return True

    def _run(self) -> None:
        try:
            while (item := self._inbox.take()) is not None:
                self._deal_with(item)
                if self._next is not None and self._pipeline.running is None:
                    change, self._next = self._next, None
                    change.run()
        except Exception as error:  # a thread that ends in silence would leave the daemon deaf
            self._post(ThreadFailed(error))

    def _deal_with(self, item: Frame | Note | Call[Any]) -> None:
        match item:
            case Call():
                item.run()
                return
            case MicrophoneLost(reason=reason):
                self._away = reason
                self._post(item)
                self._tell(self._pipeline.end_audio())
                self._settle()
            case MicrophoneReady():
                self._away = None
                self._post(item)
                self._settle()
            case Heartbeat():
                pass
            case _:
                self._hear(item)
        self._heard_at = time.monotonic()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _hear(self, frame: Frame) -> None:
        if self._muted:
            return
        began = time.monotonic()
        self._tell(self._pipeline.hear(frame))
        self._busy_seconds += time.monotonic() - began
        self._frames_heard += 1
        if self._metered():
            scores = self._pipeline.wake_scores
            level = self._meter.step(frame, scores, self._pipeline.seconds)
            if level is not None:
                self._post(level)

    def _listen(self, owner: str, options: ListenOptions) -> str:
        if self._away is not None and not self._muted:
            raise DeviceError(f"nothing can be heard now: {self._away}")
        events = self._pipeline.listen(owner, options.no_speech_seconds, options.maximum_seconds)
        self._tell(events)
        return events[0].session

    def _set_muted(self, muted: bool) -> None:
        self._muted = muted
        self._tell(self._pipeline.set_muted(muted))

    def _tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._post(event)

    def _prepare(self, change: Call[None]) -> None:
        """Make `change` once no session runs; it replaces one that still waits."""
        if self._next is not None:
            self._next.outcome.cancel()
        self._next = change

    def _take_over(self, make_pipeline: MakePipeline) -> None:
        self._pipeline = make_pipeline()
        self._pipeline.set_muted(self._muted)
