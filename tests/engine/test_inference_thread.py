"""The inference thread with a real pipeline, fed by the capture thread."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.assistant import InputLevel, ListenOptions
from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.level import FLOOR_DBFS
from auricle.audio.source import OpenedByWith
from auricle.biasing.biasing import Biasing
from auricle.compute.budget import Budget
from auricle.config.schema import Config
from auricle.context.entries import Context, Entry
from auricle.engine.capture_thread import MicrophoneLost, MicrophoneReady
from auricle.engine.inference_thread import InferenceThread, Report, ThreadFailed
from auricle.engine.pipeline import Pipeline
from auricle.engine.queues import FRAMES, Outbox
from auricle.errors import AuricleError, BusyError, DeviceError, MutedError, NoSuchSessionError
from auricle.events import Cancelled, CancelReason, Event, Final, Speculative, Wake
from auricle.service.assembly import Models, load_models, make_pipeline
from auricle.service.notify import Watchdog
from testbed.patience import patience
from testbed.recordings import Recording

CONFIG = Config()
SECONDS = 20.0
NO_OPTIONS = ListenOptions()


class Room(OpenedByWith):
    """A microphone that delivers the audio of the test in real time, and otherwise silence."""

    def __init__(self) -> None:
        self.overruns = 0
        self.there = True
        self.pace = 0.01
        self.heard = 0  # frames
        self._said: queue.Queue[Frame] = queue.Queue()

    def say(self, samples: NDArray[np.int16]) -> None:
        for first in range(0, len(samples) - FRAME_SAMPLES, FRAME_SAMPLES):
            self._said.put(samples[first : first + FRAME_SAMPLES])

    def open(self) -> None:
        if not self.there:
            raise DeviceError("audio.device: unplugged; plug it in")

    def read(self) -> Frame | None:
        time.sleep(self.pace)
        if not self.there:
            raise DeviceError("audio.device: it went away; plug it in")
        self.heard += 1
        try:
            return self._said.get_nowait()
        except queue.Empty:
            return np.zeros(FRAME_SAMPLES, np.int16)

    def close(self) -> None:
        pass


class Rig:
    """An inference thread with a microphone, and its reports."""

    def __init__(self, make_pipeline: Callable[[], Pipeline]) -> None:
        self.room = Room()
        self.metered = False
        self.reports: asyncio.Queue[Report] = asyncio.Queue()
        outbox = Outbox[Report](asyncio.get_running_loop(), self.reports.put_nowait)
        self.inference = InferenceThread(
            make_pipeline, lambda _: self.room, outbox.post, lambda: self.metered
        )

    @asynccontextmanager
    async def stuck(self, build: Callable[[], Pipeline]) -> AsyncIterator[None]:
        """Keep the inference thread from working, as a slow network does."""
        begun, release = threading.Event(), threading.Event()

        def hang() -> Pipeline:
            begun.set()
            release.wait(SECONDS)
            return build()

        change = asyncio.ensure_future(self.inference.replace(hang))
        await asyncio.to_thread(begun.wait, SECONDS)
        try:
            yield
        finally:
            release.set()
            await change

    async def hear(self, frames: int) -> None:
        """Record audio frames faster than real time."""
        wanted, self.room.pace = self.room.heard + frames, 0.0
        while self.room.heard < wanted:
            await asyncio.sleep(0.001)
        self.room.pace = 0.01

    async def next(self, *kinds: type[Report]) -> Report:
        """Return the next report of one of these kinds."""
        async with asyncio.timeout(patience(SECONDS)):
            while not isinstance(report := await self.reports.get(), kinds):
                pass
        return report


Listening = Callable[[], AbstractAsyncContextManager[Rig]]


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(CONFIG, Budget(threads=1, beam=4), wake=False)


@pytest.fixture
def build(models: Models) -> Callable[[], Pipeline]:
    return lambda: make_pipeline(CONFIG, models)


@pytest.fixture
def listening(build: Callable[[], Pipeline]) -> Listening:
    @asynccontextmanager
    async def run() -> AsyncIterator[Rig]:
        rig = Rig(build)
        await rig.inference.start()
        yield rig
        assert await rig.inference.stop()

    return run


@pytest.mark.asyncio
async def test_lag_is_reported_since_the_previous_call(
    listening: Listening, recordings: dict[str, Recording]
) -> None:
    async with listening() as rig:
        await rig.inference.listen(":1.5", NO_OPTIONS)
        rig.room.say(read_recording(recordings["must_sleep"].path))
        await rig.next(Speculative)
        pace = rig.inference.pace()
        assert pace.load > 0
        assert pace.lag > 0
        await rig.next(Final)


@pytest.mark.asyncio
async def test_session_of_a_client_lasts_until_its_command_ends(
    listening: Listening, recordings: dict[str, Recording]
) -> None:
    async with listening() as rig:
        session = await rig.inference.listen(":1.5", NO_OPTIONS)
        wake = await rig.next(Wake)
        assert isinstance(wake, Wake)
        assert (wake.session, wake.owner) == (session, ":1.5")
        with pytest.raises(BusyError):
            await rig.inference.listen(":1.6", NO_OPTIONS)
        rig.room.say(read_recording(recordings["must_sleep"].path))
        end = await rig.next(Final, Cancelled)
        assert isinstance(end, Final)
        assert end.result.text
        with pytest.raises(NoSuchSessionError):
            await rig.inference.cancel(session, CancelReason.REQUESTED)


@pytest.mark.asyncio
async def test_options_of_a_client_apply_to_its_session(listening: Listening) -> None:
    async with listening() as rig:
        await rig.inference.listen("", ListenOptions(no_speech_seconds=0.1))
        end = await rig.next(Cancelled)
        assert isinstance(end, Cancelled)
        assert end.reason is CancelReason.NO_SPEECH


@pytest.mark.asyncio
async def test_muting_ends_the_session_and_stops_the_audio_clock(listening: Listening) -> None:
    async with listening() as rig:
        await rig.inference.listen("", NO_OPTIONS)
        closed: list[bool] = []
        await rig.inference.mute(lambda: closed.append(True))
        end = await rig.next(Cancelled)
        assert isinstance(end, Cancelled)
        assert (end.reason, closed) == (CancelReason.MUTED, [True])
        with pytest.raises(MutedError):
            await rig.inference.listen("", NO_OPTIONS)
        before, heard = rig.inference.progress_at, rig.room.heard
        while rig.inference.progress_at == before:  # a heartbeat shows that the threads are alive
            await asyncio.sleep(0.01)
        assert rig.room.heard == heard
        await rig.inference.unmute()
        await rig.inference.listen("", NO_OPTIONS)
        wake = await rig.next(Wake)
        assert wake.time <= (rig.room.heard + 0.5) * FRAME_SECONDS  # the clock counts only audio


@pytest.mark.asyncio
async def test_lost_microphone_ends_the_session_with_a_result(
    listening: Listening, recordings: dict[str, Recording]
) -> None:
    async with listening() as rig:
        await rig.next(MicrophoneReady)
        await rig.inference.listen("", ListenOptions(no_speech_seconds=60))
        rig.room.there = False
        lost = await rig.next(MicrophoneLost)
        assert lost == MicrophoneLost("audio.device: it went away; plug it in")
        end = await rig.next(Final, Cancelled)
        assert isinstance(end, Cancelled)
        assert end.reason is CancelReason.AUDIO_ENDED
        with pytest.raises(DeviceError, match="there is no microphone: audio.device: it went"):
            await rig.inference.listen("", NO_OPTIONS)


@pytest.mark.asyncio
async def test_levels_are_sent_only_to_a_monitor(
    listening: Listening, recordings: dict[str, Recording]
) -> None:
    async with listening() as rig:
        await asyncio.sleep(0.3)
        assert isinstance(rig.reports.get_nowait(), MicrophoneReady)
        assert rig.reports.empty()
        rig.metered = True
        first, second = await rig.next(InputLevel), await rig.next(InputLevel)
        assert isinstance(first, InputLevel)
        assert isinstance(second, InputLevel)
        assert second.time - first.time == pytest.approx(0.1)
        assert first.decibels == FLOOR_DBFS
        rig.room.say(read_recording(recordings["must_sleep"].path))
        levels = [await rig.next(InputLevel) for _ in range(10)]
        assert max(level.decibels for level in levels if isinstance(level, InputLevel)) > -50


@pytest.mark.asyncio
async def test_pipeline_is_replaced_only_between_sessions(
    listening: Listening, models: Models
) -> None:
    async with listening() as rig:
        first = await rig.inference.listen("", NO_OPTIONS)
        change = asyncio.ensure_future(
            rig.inference.replace(lambda: make_pipeline(CONFIG, models, prefix="second_"))
        )
        await asyncio.sleep(0.2)
        assert not change.done()
        await rig.inference.cancel(first, CancelReason.REQUESTED)
        await asyncio.wait_for(change, patience(SECONDS))
        assert await rig.inference.listen("", NO_OPTIONS) == "second_1"


@pytest.mark.asyncio
async def test_stuck_network_starves_the_watchdog_and_lost_frames_are_counted(
    listening: Listening, build: Callable[[], Pipeline]
) -> None:
    async with listening() as rig:
        now = time.monotonic()
        watchdog = Watchdog(20.0, lambda: rig.inference.progress_at, lambda: None, lambda: now)
        assert watchdog.check()
        async with rig.stuck(build):
            before = rig.inference.progress_at
            await rig.hear(FRAMES + 100)
            assert rig.inference.dropped >= 100
            assert rig.inference.progress_at == before
            now = before + 11.0
            assert not watchdog.check()
        while rig.inference.progress_at == before:
            await asyncio.sleep(0.01)
        now = rig.inference.progress_at
        assert watchdog.check()


@pytest.mark.asyncio
async def test_audio_that_waits_for_half_a_minute_is_recognised_and_none_is_lost(
    listening: Listening, build: Callable[[], Pipeline], recordings: dict[str, Recording]
) -> None:
    sentence = read_recording(recordings["must_sleep"].path)
    texts: list[str] = []
    async with listening() as rig:
        for before, during in ((0, 0), (2200, 700)):  # audio frames, 29 s in all
            async with rig.stuck(build):
                await rig.hear(before)
                session = asyncio.ensure_future(rig.inference.listen(":1.5", NO_OPTIONS))
                await asyncio.sleep(0)  # makes the call
                rig.room.say(sentence)
                await rig.hear(during)
            await session
            final = await rig.next(Final, Cancelled)
            assert isinstance(final, Final)
            texts.append(final.result.text)
        assert texts[0] == texts[1] != ""
        assert rig.inference.dropped == 0


@pytest.mark.asyncio
async def test_names_reach_the_pipeline_and_its_replacement(
    build: Callable[[], Pipeline],
) -> None:
    made: list[tuple[bool, Context]] = []
    taken: list[str] = []

    class Favouring(Pipeline):
        def prepare_biasing(self, context: Context) -> Iterator[Biasing | None]:
            for biasing in super().prepare_biasing(context):
                thread = threading.current_thread().name
                made.append((thread in ("inference", "MainThread"), context))
                yield biasing

        def set_biasing(self, biasing: Biasing | None) -> None:
            assert biasing is not None
            taken.append(threading.current_thread().name)
            super().set_biasing(biasing)

    def favouring() -> Pipeline:
        whole = build()
        whole.__class__ = Favouring
        return whole

    rig = Rig(favouring)
    await rig.inference.start()
    await rig.inference.replace(favouring)
    assert taken == []
    context = Context((Entry("contacts", "Ann"),))
    await rig.inference.set_context(context)
    await rig.inference.replace(favouring)
    assert made[0] == (False, context)
    assert {thread for thread, _ in made} == {False}
    assert len(taken) >= 2
    assert {*taken} == {"inference"}
    assert await rig.inference.stop()


@pytest.mark.asyncio
async def test_stopping_cancels_the_session(build: Callable[[], Pipeline]) -> None:
    rig = Rig(build)
    await rig.inference.start()
    await rig.inference.listen("", NO_OPTIONS)
    assert await rig.inference.stop()
    end = await rig.next(Cancelled)
    assert isinstance(end, Cancelled)
    assert end.reason is CancelReason.SHUTDOWN


@pytest.mark.asyncio
async def test_failure_of_the_thread_is_reported(build: Callable[[], Pipeline]) -> None:
    class Broken(Pipeline):
        def process(self, frame: Frame, *, late: bool = False) -> tuple[Event, ...]:
            raise AuricleError("the memory of the network is damaged")

    def broken() -> Pipeline:
        whole = build()
        whole.__class__ = Broken
        return whole

    rig = Rig(broken)
    await rig.inference.start()
    died = await rig.next(ThreadFailed)
    assert isinstance(died, ThreadFailed)
    assert str(died.error) == "the memory of the network is damaged"
    assert await rig.inference.stop()
