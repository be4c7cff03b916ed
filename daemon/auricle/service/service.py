"""The daemon process: builds all parts from the configuration and runs them until it is stopped.

It starts with what is cheap and may fail: the configuration, the recording, the bus and its name.
Then it loads the models, and opens the microphone last. Meanwhile clients can read the properties,
and their calls wait (see `bus/readiness.py`).

It has three threads. The event loop runs this module, D-Bus, timers and signals. The capture thread
reads the microphone. The inference thread runs the networks. A fourth thread loads models. SIGTERM
and SIGINT stop the daemon at any time. SIGHUP reloads the configuration, or stops the daemon if its
terminal was closed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from auricle.assistant import InputLevel, ListenOptions, Status
from auricle.audio.file import FileSource
from auricle.audio.recorded_microphone import RecordedMicrophone
from auricle.bus.server import BusServer
from auricle.compute.budget import ComputeLevel
from auricle.compute.governor import Governor
from auricle.compute.heap import limit_heap
from auricle.compute.realtime import become_realtime
from auricle.config.locations import relay_socket, state_folder
from auricle.config.schema import Config
from auricle.context.entries import Context
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.ducking.ducker import Ducker
from auricle.engine.capture_thread import MicrophoneLost, MicrophoneReady
from auricle.engine.inference_thread import InferenceThread, Report, ThreadFailed
from auricle.engine.queues import Outbox
from auricle.errors import AuricleError, BusError, StartingError
from auricle.events import CancelReason, Event
from auricle.fault_reports import faults_told, place_of
from auricle.privacy.guard import Guard, Places
from auricle.privacy.mode import PrivacyMode
from auricle.service import references
from auricle.service.assembly import (
    Models,
    RunOptions,
    budget_of,
    build_pipeline,
    load_models,
    make_music,
    source_maker,
    wake_words_of,
)
from auricle.service.journal import (
    CONTEXT_DAMAGED,
    FAULT,
    LEVEL,
    MICROPHONE_FOUND,
    MICROPHONE_LOST,
    MUTED,
    NO_REALTIME,
    NOT_DUCKED,
    NOT_RERANKED,
    PRIVACY,
    PRIVACY_LED,
    READY,
    RECORDING,
    STATE_DAMAGED,
    STOPPING,
    STUCK,
    UNMUTED,
    UNTOLD,
    Journal,
    Losses,
    open_writer,
)
from auricle.service.notify import Notifier, Watchdog, watchdog_seconds
from auricle.service.reconfigure import Reconfiguration, RunningParts
from auricle.service.result_gate import ResultGate
from auricle.service.status import StatusTracker
from auricle.tasks import in_daemon_thread
from auricle.wire.sockets import users_of

# A thread that waits for Python's global lock gets it after this time. The capture and inference
# threads wait at each call of a library, while clients may keep the event loop busy.
SWITCH_SECONDS = 0.0005
LOSS_CHECK_SECONDS = 1.0  # between two checks for lost audio


def run(options: RunOptions) -> None:
    """Run the daemon until a signal stops it.

    Raises:
        ConfigError: the configuration is invalid.
        ModelError: a model is missing or damaged.
        AudioError: the recording cannot be played.
        BusError: the bus cannot be reached, the connection was lost, or another daemon is running.
    """
    limit_heap()
    config = references.load(options.config)
    if options.recording is not None:
        with FileSource(options.recording):  # raises if the file cannot be played
            pass
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(_serve(options, config))


async def _serve(options: RunOptions, config: Config) -> None:
    with open_writer() as write:
        log = config.log
        journal = Journal(write, log.level, transcripts=log.transcripts)
        loop = asyncio.get_running_loop()
        with faults_told(loop, lambda sentence: journal.write(FAULT, sentence)):
            try:
                await Service(options, config, journal).run()
            except (AuricleError, OSError):
                raise
            except Exception as error:  # the traceback is not logged: it may contain a transcript
                place = place_of(error)
                journal.write(FAULT, f"Auricle cannot go on: {place}")
                raise AuricleError(f"a fault ended Auricle ({place}); start it again") from error


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that need the models."""

    inference: InferenceThread
    reconfiguration: Reconfiguration


class Service:
    """Implements `Assistant` for the D-Bus server; everything runs on the event loop."""

    def __init__(self, options: RunOptions, config: Config, journal: Journal) -> None:
        """Build the parts that need no models; `run` starts them and builds the others."""
        self._options = options
        self._config = config
        self._journal = journal
        self._notifier = Notifier(lambda sentence: journal.write(UNTOLD, sentence))
        self._tracker = StatusTracker()
        self._server: BusServer | None = None
        self._engine: Engine | None = None  # None: the models are not loaded yet
        self._recording: RecordedMicrophone | None = None
        if options.recording is not None:
            self._recording = RecordedMicrophone(options.recording, loop=options.loop)
        loop = asyncio.get_running_loop()
        self._outbox = Outbox[Report](
            loop, self._take, may_be_lost=lambda report: isinstance(report, InputLevel)
        )
        self._compute = Governor(config.arbiter.level, self._level_changed)
        self._contexts = ContextRegistry(
            Store(state_folder() / "context"),
            self._set_context,
            lambda sentence: journal.write(CONTEXT_DAMAGED, sentence),
        )
        self._privacy = Guard(
            config.privacy,
            Places(state_folder() / "privacy", relay_socket(), users_of(references.RELAY_ACCOUNT)),
            self._tracker.language,
            self._privacy_changed,
            lambda sentence: journal.write(NOT_RERANKED, sentence),
            self._contexts.erase,
            lambda sentence: journal.write(PRIVACY_LED, sentence),
            lambda sentence: journal.write(STATE_DAMAGED, sentence),
        )
        self._music = make_music(
            config.music,
            options.bus or config.bus.kind,
            state_folder() / "music",
            lambda sentence: journal.write(NOT_DUCKED, sentence),
            self._music_changed,
        )
        self._gate = ResultGate[Event | MicrophoneLost | MicrophoneReady](
            self._pass_on, self._privacy.improve, lambda: self._privacy.asks
        )
        self._reload_early = False  # SIGHUP came before the models were loaded
        self._has_terminal = has_terminal()
        self._mute_lock = asyncio.Lock()
        self._stop = asyncio.Event()
        self._failed: asyncio.Future[None] = loop.create_future()

    async def run(self) -> None:
        """Serve until a signal stops it; raises as the module function `run` does."""
        loop = asyncio.get_running_loop()
        for stop_signal in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(stop_signal, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        work = asyncio.ensure_future(self._work())
        stop = asyncio.ensure_future(self._stop.wait())
        ends = (work, stop, self._failed)
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(work, stop)
            await self._close()
        for end in done:
            end.result()

    @property
    def contexts(self) -> ContextRegistry:
        """Stores the context entries of clients."""
        return self._contexts

    @property
    def privacy(self) -> Guard:
        """Decides what may leave the device."""
        return self._privacy

    @property
    def compute(self) -> Governor:
        """Sets the compute level."""
        return self._compute

    @property
    def music(self) -> Ducker:
        """Ducks other sounds."""
        return self._music

    def status(self) -> Status:
        """Return the current state."""
        return self._tracker.status

    @property
    def _inference(self) -> InferenceThread:
        """The inference thread.

        Raises:
            StartingError: the models are not loaded yet.
        """
        if self._engine is None:
            raise StartingError("Auricle is loading its models; try again in a few seconds")
        return self._engine.inference

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session for a client and return its id."""
        session = await self._inference.listen(owner, options)
        if self._recording is not None:
            self._recording.play(restart=True)
        await self._gate.settled()  # its Wake may wait behind the Final of the session before
        return session

    def play_recording(self) -> None:
        """Play the recording that replaces the microphone, if there is one."""
        if self._recording is not None:
            self._recording.play()

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """End a session."""
        await self._inference.cancel(session, reason)

    async def set_muted(self, muted: bool) -> None:
        """Close or open the microphone and wait until that is done.

        Nothing is recorded while it is muted, and the audio clock stops.
        """
        async with self._mute_lock:
            if muted == self._tracker.muted:
                return
            if muted:
                await self._inference.mute(self._become_muted)
            else:
                await self._inference.unmute()
                self._tracker.muted = False
                self._journal.write(UNMUTED, "the microphone is no longer muted")
            self._refresh()

    def _on_hang_up(self) -> None:
        """Reload, or stop if the terminal was closed: a hidden daemon must not keep listening."""
        if self._has_terminal and not has_terminal():
            self._stop.set()
        elif self._engine is None:
            self._reload_early = True
        else:
            self._engine.reconfiguration.request_reload()

    def _become_muted(self) -> None:
        self._tracker.muted = True
        self._journal.write(MUTED, "the microphone is muted")

    async def _set_context(self, context: Context) -> None:
        """Use changed context entries for biasing and redaction, and publish their counts."""
        if self._server is not None:
            self._server.show_contexts()
        # The first call at once takes the entries for redaction, before any result has them.
        await asyncio.gather(
            self._privacy.set_context(context), self._inference.set_context(context)
        )

    def _privacy_changed(self) -> None:
        mode, host = self._privacy.mode, self._privacy.host
        message = "nothing leaves this device"
        if mode is PrivacyMode.LATTICE:
            message = (
                f"lattices may be sent to {host}"
                if host
                else "lattices may be sent, but no reranker is configured"
            )
        self._journal.write(PRIVACY, message, mode=mode.value)
        if self._server is not None:
            self._server.show_privacy()

    def _level_changed(self, level: ComputeLevel, why: str) -> None:
        message = f"the compute level is {level.value} from the next session on: {why}"
        self._journal.write(LEVEL, message, level=level.value)
        if self._engine is not None:
            self._engine.reconfiguration.request_level()
        if self._server is not None:
            self._server.show_arbiter()

    def _become_realtime(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the calling thread, the capture thread, real-time priority."""
        refused = become_realtime()
        if refused:
            loop.call_soon_threadsafe(self._journal.write, NO_REALTIME, refused)

    def _music_changed(self) -> None:
        if self._server is not None:
            self._server.show_arbiter()

    async def _work(self) -> None:
        bus = self._options.bus or self._config.bus.kind
        server = self._server = await BusServer.start(self, bus, ready=False)
        serving = asyncio.ensure_future(self._start_and_serve(server))
        try:
            await asyncio.gather(self._watch_bus(server), serving)
        finally:
            await _cancel(serving)

    async def _start_and_serve(self, server: BusServer) -> None:
        self._notifier.status(self._sentence())
        await self._music.start()
        await self._privacy.load()
        config = self._config
        # No variable of this frame, which lives as long as the daemon, may hold the models.
        engine = self._engine = self._make_engine(
            await in_daemon_thread(lambda: load_models(config, budget_of(config)), "loading")
        )
        await engine.inference.start()
        await self._contexts.load()
        server.become_ready()
        self._notifier.ready(self._sentence())
        self._journal.write(READY, self._sentence())
        if self._recording is not None and not self._options.loop:
            message = "the recording plays when a client listens, subscribes or monitors"
            self._journal.write(RECORDING, message)
        await asyncio.gather(
            self._feed_watchdog(),
            self._report_losses(),
            self._compute.watch(engine.inference.pace),
            engine.reconfiguration.follow_level(),
            engine.reconfiguration.reload_on_request(),
        )

    def _make_engine(self, models: Models) -> Engine:
        """Build the parts that need the models."""
        options, config = self._options, self._config
        self._tracker.wake_words = wake_words_of(models)
        self._tracker.language = self._privacy.language = models.bundle.language
        loop = asyncio.get_running_loop()
        inference = InferenceThread(
            lambda: build_pipeline(config, models, self._compute.level),
            source_maker(config, self._recording),
            self._outbox.post,
            lambda: self._server is not None and self._server.monitored,
            partial(self._become_realtime, loop) if config.arbiter.realtime else None,
        )
        parts = RunningParts(
            inference=inference,
            compute=self._compute,
            privacy=self._privacy,
            music=self._music,
            tracker=self._tracker,
            journal=self._journal,
            notifier=self._notifier,
        )
        reconfiguration = Reconfiguration(
            options, config, models, parts, self._sentence, self._refresh
        )
        if self._reload_early:
            reconfiguration.request_reload()
        return Engine(inference, reconfiguration)

    async def _close(self) -> None:
        self._notifier.stopping()
        self._journal.write(STOPPING, "Auricle stops")
        if self._server is None:
            return  # nothing else has started; another daemon may use the same files
        await self._music.close()
        await self._privacy.close()
        await self._gate.close()
        await self._contexts.close()
        if self._engine is not None and not await self._engine.inference.stop():
            self._journal.write(STUCK, "a thread did not end in time and was abandoned")
        await self._server.stop()

    def _take(self, report: Report) -> None:
        """Handle a report of the capture or inference thread."""
        match report:
            case InputLevel():
                if self._server is not None:
                    self._server.show_level(report)
                return
            case ThreadFailed(error=error):
                if not self._failed.done():
                    self._failed.set_exception(error)
                return
        self._music.follow(report)  # ducking must not wait for the reranker
        self._gate.take(report)

    def _pass_on(self, report: Event | MicrophoneLost | MicrophoneReady) -> None:
        """Publish a report that the gate has released."""
        self._tracker.follow(report)
        match report:
            case MicrophoneLost(reason=reason):
                self._journal.write(MICROPHONE_LOST, f"no microphone: {reason}")
            case MicrophoneReady():
                self._journal.write(MICROPHONE_FOUND, "the microphone is open")
            case _:
                self._journal.write_event(report)
                if self._server is not None:
                    self._server.emit(report)
        self._refresh()

    def _refresh(self) -> None:
        """Send a changed state to clients and systemd."""
        self._notifier.status(self._sentence())
        if self._server is not None:
            self._server.refresh()

    def _sentence(self) -> str:
        return self._tracker.sentence(*self._losses())

    def _losses(self) -> tuple[int, int, int]:
        """Return the number of device overruns, dropped frames and dropped levels."""
        if self._engine is None:
            return 0, 0, 0
        return self._inference.overruns, self._inference.dropped, self._outbox.dropped

    async def _watch_bus(self, server: BusServer) -> None:
        raise BusError(await server.wait_until_lost())

    async def _feed_watchdog(self) -> None:
        seconds = watchdog_seconds()
        if seconds is None:
            return
        watchdog = Watchdog(
            seconds, lambda: self._inference.progress_at, self._notifier.feed_watchdog
        )
        stuck = False
        while True:
            if watchdog.check():
                stuck = False
            elif not stuck:
                stuck = True
                self._journal.write(STUCK, "audio processing has stopped, a thread is stuck")
            await asyncio.sleep(watchdog.interval)

    async def _report_losses(self) -> None:
        """Report lost and dropped audio, at most once a second."""
        losses = Losses(self._journal)
        while True:
            await asyncio.sleep(LOSS_CHECK_SECONDS)
            losses.look(*self._losses())
            self._journal.report_suppressed()
            self._notifier.status(self._sentence())


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they end; their exceptions are ignored."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
