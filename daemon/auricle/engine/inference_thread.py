"""The inference thread: the only thread that uses the pipeline and its networks.

Its inbox receives audio frames and notes from the capture thread, and calls from the event loop. It
reports the events of sessions, input levels and the state of the microphone to the event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from auricle.assistant import InputLevel, ListenOptions
from auricle.audio.format import FRAME_SECONDS, Frame
from auricle.audio.level import level_dbfs
from auricle.biasing.biasing import Biasing
from auricle.compute.governor import Pace
from auricle.compute.heap import trim_heap
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
from auricle.tasks import raise_fault

LATE_FRAMES = round(0.5 / FRAME_SECONDS)  # waiting frames from which previews are skipped
LEVEL_FRAMES = round(0.1 / FRAME_SECONDS)  # audio frames per level: ten levels a second
OPEN_SECONDS = 10.0  # after this long, a device that does not open is reported as lost
STOP_SECONDS = 3.0  # for ending the session, and for closing the device
# Grace period of the watchdog while there is no microphone. When a sound server hangs, each library
# call blocks for a minute, and opening a device takes several calls. A restart would not help.
AWAY_SECONDS = 300.0
MANY_ENTRIES = 1000  # entries that come or go, after which free memory goes back to the system
BUSY_SECONDS = 0.1  # between checks whether a session still runs or calls still wait

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ThreadFailed:
    """The capture or inference thread failed; audio processing has stopped."""

    error: Exception


Report: TypeAlias = Event | InputLevel | MicrophoneLost | MicrophoneReady | ThreadFailed
MakePipeline: TypeAlias = Callable[[], Pipeline]


class Meter:
    """Measures the input level and the highest wake-word scores of each tenth of a second."""

    def __init__(self) -> None:
        """Start without frames."""
        self._frames: list[Frame] = []
        self._scores: dict[str, float] = {}

    def step(self, frame: Frame, scores: dict[str, float], seconds: float) -> InputLevel | None:
        """Add an audio frame, (160,) int16, that ends at `seconds`; return a level if due."""
        self._frames.append(frame)
        for wake_word, score in scores.items():
            self._scores[wake_word] = max(score, self._scores.get(wake_word, 0.0))
        if len(self._frames) < LEVEL_FRAMES:
            return None
        level = InputLevel(seconds, level_dbfs(np.concatenate(self._frames)), self._scores)
        self._frames, self._scores = [], {}
        return level


class InferenceThread:
    """Event-loop handle of the inference thread and of its capture thread."""

    def __init__(
        self,
        make_pipeline: MakePipeline,
        make_source: MakeSource,
        post: Callable[[Report], None],
        metered: Callable[[], bool],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Make the pipeline and the source; `start` starts the threads.

        Args:
            make_pipeline: returns the first pipeline; called here.
            make_source: see `CaptureThread`.
            post: takes the reports; called in both threads.
            metered: whether a client wants levels; called in the inference thread.
            prepare: called first in the capture thread.
        """
        self._progress_at = time.monotonic()  # when the last frame, note or call was handled
        self._post = post
        self._metered = metered
        self._inbox: Inbox[Note] = Inbox()
        self._capture = CaptureThread(
            make_source, self._inbox, lambda error: post(ThreadFailed(error)), prepare
        )
        self._pipeline = make_pipeline()
        self._meter = Meter()
        self._context = Context()
        self._improving: asyncio.Task[None] | None = None
        self._muted = False
        self._frames_processed = 0  # since the last `pace`
        self._busy_seconds = 0.0
        self._away: str | None = "the microphone is not open yet"  # why there is no microphone
        self._settled: Future[None] = Future()  # done once it is open or known to be missing
        self._next: Call[None] | None = None  # installs the next pipeline
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    @property
    def progress_at(self) -> float:
        """Time of the last progress on time.monotonic, plus a grace period without a microphone."""
        return self._progress_at + (0.0 if self._away is None else AWAY_SECONDS)

    @property
    def overruns(self) -> int:
        """How often the device lost audio because it was not read in time."""
        return self._capture.overruns

    @property
    def dropped(self) -> int:
        """Audio frames dropped because recognition was too slow."""
        return self._inbox.dropped

    def pace(self) -> Pace:
        """Return how well recognition has kept up since the last call."""
        # The thread may count between these lines; one frame more or less does not matter.
        frames, self._frames_processed = self._frames_processed, 0
        busy, self._busy_seconds = self._busy_seconds, 0.0
        load = busy / (frames * FRAME_SECONDS) if frames else 0.0
        return Pace(self._inbox.peak() * FRAME_SECONDS, load)

    async def start(self) -> None:
        """Start the threads; return when the microphone is open or known to be missing."""
        self._thread.start()
        opened = self._capture.start()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await asyncio.wrap_future(opened)
                await asyncio.wrap_future(self._settled)
        except TimeoutError:
            self._post(MicrophoneLost("the microphone does not open; does its sound server hang?"))

    async def stop(self) -> bool:
        """Cancel the running session and close the microphone; return False if that timed out."""
        await self._stop_improving()
        ended = await self._end_session()
        self._inbox.close()
        closed = await asyncio.to_thread(self._capture.stop, STOP_SECONDS)
        return ended and closed

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session with the audio of this moment and return its id.

        When recognition is late, the audio before this moment is processed first.

        Raises:
            BusyError: a session is running, or too many calls are waiting.
            MutedError: the microphone is muted.
            DeviceError: there is no microphone.
        """
        begun = self._inbox.call(lambda: self._listen(owner, options), in_order=True)
        return await asyncio.wrap_future(begun)

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """Cancel a session; raises NoSuchSessionError if it is not running."""
        await self._call(lambda: self._post_all(self._pipeline.cancel(session, reason)))

    async def mute(self, when_closed: Callable[[], None]) -> None:
        """Close the microphone, call `when_closed`, and cancel the running session."""
        await asyncio.wrap_future(self._capture.set_muted(True))
        when_closed()
        await self._call(lambda: self._set_muted(True))

    async def unmute(self) -> None:
        """Open the microphone; return when it is open or known to be missing."""
        await self._call(lambda: self._set_muted(False))
        await asyncio.wrap_future(self._capture.set_muted(False))

    async def replace(self, make_pipeline: MakePipeline) -> None:
        """Replace the pipeline after the running session; return when that is done."""
        change = Call(lambda: self._install(make_pipeline))
        await self._call(lambda: self._prepare(change))
        await asyncio.wrap_future(change.outcome)
        await asyncio.to_thread(trim_heap)  # of the models before
        if self._context.entries:  # the new pipeline has none
            await self.set_context(self._context)

    async def set_context(self, context: Context) -> None:
        """Bias towards these entries from the next session on.

        Returns when they are used. Compiling ten thousand entries takes about a second and runs in
        a worker thread. The keys of context attention, which take longer, follow afterwards.

        Raises:
            BusyError: too many calls are waiting.
        """
        changed = abs(len(context.entries) - len(self._context.entries))
        self._context, pipeline = context, self._pipeline
        await self._stop_improving()
        stages = pipeline.prepare_biasing(context)
        biasing = await asyncio.to_thread(next, stages, None)
        await self._call(lambda: pipeline.set_biasing(biasing))
        self._improving = asyncio.ensure_future(
            self._improve(pipeline, stages, biasing, trim=changed >= MANY_ENTRIES)
        )
        self._improving.add_done_callback(raise_fault)

    async def _improve(
        self,
        pipeline: Pipeline,
        stages: Iterator[Biasing | None],
        biasing: Biasing | None,
        *,
        trim: bool,
    ) -> None:
        """Use the later stages of a biasing when they are ready; pause during a session."""
        while (better := await asyncio.to_thread(next, stages, None)) is not None:
            if better is not biasing:
                biasing = better
                await self._use(pipeline, biasing)
            while pipeline.running is not None:
                await asyncio.sleep(BUSY_SECONDS)
        if trim:
            await asyncio.to_thread(trim_heap)

    async def _use(self, pipeline: Pipeline, biasing: Biasing) -> None:
        """Pass a better biasing to the pipeline; try again while too many calls are waiting."""
        while True:
            try:
                return await self._call(lambda: pipeline.set_biasing(biasing))
            except BusyError:
                await asyncio.sleep(BUSY_SECONDS)

    async def _stop_improving(self) -> None:
        """Stop computing the later stages of a biasing; the pipeline keeps the latest one."""
        if self._improving is not None:
            self._improving.cancel()
            await asyncio.gather(self._improving, return_exceptions=True)

    async def set_recognizer(self, recognizer: Recognizer) -> None:
        """Use another recogniser from the next session on; raises BusyError like `set_context`."""
        await self._call(lambda: self._pipeline.set_recognizer(recognizer))

    async def replace_source(self, make_source: MakeSource) -> None:
        """Replace the audio source; return when it is open or known to be missing."""
        await asyncio.wrap_future(self._capture.replace(make_source))

    async def _call(self, work: Callable[[], Value]) -> Value:
        return await asyncio.wrap_future(self._inbox.call(work))

    async def _end_session(self) -> bool:
        """Cancel the running session; return False if that timed out."""
        if not self._thread.is_alive():
            return True
        reason = CancelReason.SHUTDOWN
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._call(lambda: self._post_all(self._pipeline.cancel(None, reason)))
        except (TimeoutError, BusyError):
            return False
        return True

    def _run(self) -> None:
        try:
            while (item := self._inbox.take()) is not None:
                self._handle(item)
                if self._next is not None and self._pipeline.running is None:
                    change, self._next = self._next, None
                    change.run()
        except Exception as error:  # the service must learn of it and stop
            self._post(ThreadFailed(error))

    def _handle(self, item: Frame | Note | Call[Any]) -> None:
        match item:
            case Call():
                item.run()
                return
            case MicrophoneLost(reason=reason):
                self._away = reason
                self._post(item)
                self._post_all(self._pipeline.end_audio())
                self._settle()
            case MicrophoneReady():
                self._away = None
                self._post(item)
                self._settle()
            case Heartbeat():
                pass
            case _:
                self._process(item)
        self._progress_at = time.monotonic()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _process(self, frame: Frame) -> None:
        if self._muted:
            return
        began = time.monotonic()
        late = self._inbox.waiting > LATE_FRAMES
        self._post_all(self._pipeline.process(frame, late=late))
        self._busy_seconds += time.monotonic() - began
        self._frames_processed += 1
        if self._metered():
            scores = self._pipeline.wake_scores
            level = self._meter.step(frame, scores, self._pipeline.seconds)
            if level is not None:
                self._post(level)

    def _listen(self, owner: str, options: ListenOptions) -> str:
        if self._away is not None and not self._muted:
            raise DeviceError(f"there is no microphone: {self._away}")
        events = self._pipeline.listen(owner, options.no_speech_seconds, options.maximum_seconds)
        self._post_all(events)
        return events[0].session

    def _set_muted(self, muted: bool) -> None:
        self._muted = muted
        self._post_all(self._pipeline.set_muted(muted))

    def _post_all(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._post(event)

    def _prepare(self, change: Call[None]) -> None:
        """Run `change` when no session is running; cancel an earlier change that still waits."""
        if self._next is not None:
            self._next.outcome.cancel()
        self._next = change

    def _install(self, make_pipeline: MakePipeline) -> None:
        self._pipeline = make_pipeline()
        self._pipeline.set_muted(self._muted)
