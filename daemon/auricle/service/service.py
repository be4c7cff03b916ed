"""The daemon: assembles all parts by the configuration, and runs them until it is told to stop.

Three threads: this module runs on the event loop, with D-Bus, timers and signals; `recorder` reads
the microphone; `hearing` runs the networks. SIGTERM and SIGINT stop it, SIGHUP lets it read its
configuration again, or stops it when its terminal was closed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from auricle.assistant import InputLevel, ListenOptions, Status
from auricle.audio.convert import Channel
from auricle.audio.file import FileSource
from auricle.audio.microphone import Microphone
from auricle.audio.reconnecting import ReconnectingSource
from auricle.audio.source import AudioSource
from auricle.bus.server import BusServer
from auricle.compute.budget import ComputeLevel
from auricle.compute.governor import Governor
from auricle.compute.realtime import become_realtime
from auricle.config import loading
from auricle.config.locations import relay_socket, state_folder
from auricle.config.schema import Config
from auricle.context.entries import Context
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.ducking.ducker import Ducker
from auricle.engine.capture_thread import MakeSource, MicrophoneLost, MicrophoneReady, OnState
from auricle.engine.inference_thread import InferenceThread, Report, ThreadFailed
from auricle.engine.pipeline import Pipeline
from auricle.engine.queues import Outbox
from auricle.errors import AuricleError, BusError, BusyError, ModelError
from auricle.events import CancelReason, Event
from auricle.fault_reports import faults_told, place_of
from auricle.privacy.guard import Guard, Places
from auricle.privacy.mode import PrivacyMode
from auricle.service.assembly import (
    Models,
    budget_of,
    limited,
    load_models,
    make_backends,
    make_music,
    make_pipeline,
    policy_of,
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
    RELOAD_REFUSED,
    RELOADED,
    STOPPING,
    STUCK,
    UNMUTED,
    UNTOLD,
    Journal,
    Losses,
    open_writer,
)
from auricle.service.notify import Notifier, Watchdog, watchdog_seconds
from auricle.service.result_gate import ResultGate
from auricle.service.status import StatusTracker
from auricle.wire.sockets import users_of

RELAY_ACCOUNT = "auricle-relay"  # in the system service
LOOK_SECONDS = 1.0  # between two looks at what was lost
BUSY_SECONDS = 1.0  # before what too much else waited for is tried again


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says."""

    config: Path  # the main file
    bus: str | None = None  # "session", "system" or an address; None: what the config says
    recording: Path | None = None  # is played in place of the microphone


def run(options: RunOptions) -> None:
    """Run the daemon until a signal stops it.

    Raises:
        ConfigError: the configuration has mistakes.
        ModelError: a model is missing or damaged.
        AudioError: the recording cannot be played.
        BusError: the bus cannot be reached, goes away, or has such a daemon already.
    """
    config = loading.load(options.config)
    if options.recording is not None:
        with FileSource(options.recording):  # tells at once what is wrong with it
            pass
    models = load_models(config, budget_of(config))
    asyncio.run(_serve(options, config, models))


async def _serve(options: RunOptions, config: Config, models: Models) -> None:
    with open_writer() as write:
        log = config.log
        journal = Journal(write, log.level, transcripts=log.transcripts)
        loop = asyncio.get_running_loop()
        with faults_told(loop, lambda sentence: journal.tell(FAULT, sentence)):
            try:
                await Service(options, config, models, journal).run()
            except (AuricleError, OSError):
                raise
            except Exception as error:  # its traceback, on standard error, may hold what was said
                place = place_of(error)
                journal.tell(FAULT, f"Auricle cannot go on: {place}")
                raise AuricleError(f"a fault ended Auricle ({place}); start it again") from error


class Service:
    """The assistant behind the D-Bus face; all of it happens on the event loop."""

    def __init__(
        self, options: RunOptions, config: Config, models: Models, journal: Journal
    ) -> None:
        """Join the parts; nothing is heard yet."""
        self._options = options
        self._config = config
        self._models = models
        self._journal = journal
        self._notifier = Notifier(lambda sentence: journal.tell(UNTOLD, sentence))
        self._standing = StatusTracker(wake_words_of(models), models.bundle.language)
        self._face: BusServer | None = None
        loop = asyncio.get_running_loop()
        self._outbox = Outbox[Report](
            loop, self._take, may_be_lost=lambda report: isinstance(report, InputLevel)
        )
        self._compute = Governor(config.arbiter.level, self._level_changed)
        self._hearing = InferenceThread(
            lambda: build_pipeline(config, models, self._compute.level),
            source_maker(options, config),
            self._outbox.post,
            lambda: self._face is not None and self._face.monitored,
            partial(self._take_realtime, loop) if config.arbiter.realtime else None,
        )
        self._level_due = asyncio.Event()  # the level that holds is not yet that of the pipeline
        self._changing = asyncio.Lock()  # held while the pipeline becomes another
        self._keeper = ContextRegistry(
            Store(state_folder() / "context"),
            self._take_context,
            lambda sentence: journal.tell(CONTEXT_DAMAGED, sentence),
        )
        self._privacy = Guard(
            config.privacy,
            Places(state_folder() / "privacy", relay_socket(), users_of(RELAY_ACCOUNT)),
            models.bundle.language,
            self._privacy_changed,
            lambda sentence: journal.tell(NOT_RERANKED, sentence),
            self._keeper.erase,
            lambda sentence: journal.tell(PRIVACY_LED, sentence),
        )
        self._music = make_music(
            config.music,
            options.bus or config.bus.kind,
            state_folder() / "music",
            lambda sentence: journal.tell(NOT_DUCKED, sentence),
            self._music_changed,
        )
        self._gate = ResultGate[Event | MicrophoneLost | MicrophoneReady](
            self._pass_on, self._privacy.improve, lambda: self._privacy.asks
        )
        self._has_terminal = has_terminal()
        self._muting = asyncio.Lock()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._died: asyncio.Future[None] = loop.create_future()

    async def run(self) -> None:
        """Hear and answer until a signal comes; see `run` of this module for what is raised."""
        loop = asyncio.get_running_loop()
        for stop_signal in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(stop_signal, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        work = asyncio.ensure_future(self._work())
        stop = asyncio.ensure_future(self._stop.wait())
        ends = (work, stop, self._died)
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(work, stop)
            await self._close()
        for end in done:
            end.result()

    @property
    def contexts(self) -> ContextRegistry:
        """What takes the names that a person may say."""
        return self._keeper

    @property
    def privacy(self) -> Guard:
        """What decides on what may leave."""
        return self._privacy

    @property
    def compute(self) -> Governor:
        """What decides on how much is computed."""
        return self._compute

    @property
    def music(self) -> Ducker:
        """What ducks other sounds."""
        return self._music

    def status(self) -> Status:
        """Return the state of this moment."""
        return self._standing.status

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session for a client and return its id."""
        session = await self._hearing.listen(owner, options)
        await self._gate.settled()  # its beginning may wait behind the end of the one before
        return session

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """End a session."""
        await self._hearing.cancel(session, reason)

    async def set_muted(self, muted: bool) -> None:
        """Close the microphone, or open it again; return when that is done.

        While it is muted nothing is recorded: the audio clock stands still.
        """
        async with self._muting:
            if muted == self._standing.muted:
                return
            if muted:
                await self._hearing.mute(self._become_muted)
            else:
                await self._hearing.unmute()
                self._standing.muted = False
                self._journal.tell(UNMUTED, "the microphone is heard again")
            self._show()

    def _on_hang_up(self) -> None:
        """Reload, or stop if the terminal is gone: nobody would know that it still hears."""
        gone = self._has_terminal and not has_terminal()
        (self._stop if gone else self._reload).set()

    def _become_muted(self) -> None:
        self._standing.muted = True
        self._journal.tell(MUTED, "the microphone is muted")

    async def _take_context(self, context: Context) -> None:
        """Let the names that clients have given be heard, and tell how many there are."""
        if self._face is not None:
            self._face.show_contexts()
        await self._privacy.set_context(context)
        await self._hearing.set_context(context)

    def _privacy_changed(self) -> None:
        mode, host = self._privacy.mode, self._privacy.host
        told = "nothing leaves this device"
        if mode is PrivacyMode.LATTICE:
            told = f"lattices may go to {host}" if host else "lattices may leave, but go nowhere"
        self._journal.tell(PRIVACY, told, mode=mode.value)
        if self._face is not None:
            self._face.show_privacy()

    def _level_changed(self, level: ComputeLevel, why: str) -> None:
        told = f"from the next session on the level is {level.value}: {why}"
        self._journal.tell(LEVEL, told, level=level.value)
        self._level_due.set()
        if self._face is not None:
            self._face.show_arbiter()

    def _take_realtime(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the calling thread, which records, a real-time one."""
        refused = become_realtime()
        if refused:
            loop.call_soon_threadsafe(self._journal.tell, NO_REALTIME, refused)

    async def _follow_level(self) -> None:
        """Let each level hold from the next session on."""
        while True:
            await self._level_due.wait()
            self._level_due.clear()
            try:
                async with self._changing:
                    await self._apply_level()
            except BusyError:
                await asyncio.sleep(BUSY_SECONDS)
                self._level_due.set()
            except ModelError as error:
                self._journal.tell(FAULT, f"the threads stay as many as they are: {error}")

    async def _apply_level(self) -> None:
        config, level = self._config, self._compute.level
        budget = budget_of(config, level)
        if budget.threads == self._models.threads:
            await self._hearing.set_recognizer(limited(self._models.recognizer, budget))
            return
        # Beam and second pass as at the full level, from where any level can be had.
        whole = replace(budget_of(config), threads=budget.threads)
        models = self._models = await asyncio.to_thread(load_models, config, whole)
        await self._hearing.replace(lambda: build_pipeline(config, models, level))

    def _music_changed(self) -> None:
        if self._face is not None:
            self._face.show_arbiter()

    async def _work(self) -> None:
        await self._music.start()
        await self._privacy.load()
        await self._hearing.start()
        await self._keeper.load()
        bus = self._options.bus or self._config.bus.kind
        self._face = await BusServer.start(self, bus)
        self._notifier.ready(self._sentence())
        self._journal.tell(READY, self._sentence())
        await asyncio.gather(
            self._watch_bus(self._face),
            self._feed_watchdog(),
            self._look_for_losses(),
            self._compute.watch(self._hearing.pace),
            self._follow_level(),
            self._reload_on_demand(),
        )

    async def _close(self) -> None:
        self._notifier.stopping()
        self._journal.tell(STOPPING, "Auricle stops")
        await self._music.close()
        await self._privacy.close()
        await self._gate.close()
        await self._keeper.close()
        if not await self._hearing.stop():
            self._journal.tell(STUCK, "a thread did not end in time, it is left behind")
        if self._face is not None:
            await self._face.stop()

    def _take(self, report: Report) -> None:
        """Take in what the threads report, and tell whom it concerns."""
        match report:
            case InputLevel():
                if self._face is not None:
                    self._face.show_level(report)
                return
            case ThreadFailed(error=error):
                if not self._died.done():
                    self._died.set_exception(error)
                return
        self._music.follow(report)  # at once, whatever else waits
        self._gate.take(report)

    def _pass_on(self, report: Event | MicrophoneLost | MicrophoneReady) -> None:
        """Tell what has happened, now that nothing may change it any more."""
        self._standing.follow(report)
        match report:
            case MicrophoneLost(reason=reason):
                self._journal.tell(MICROPHONE_LOST, f"nothing can be heard: {reason}")
            case MicrophoneReady():
                self._journal.tell(MICROPHONE_FOUND, "the microphone is open")
            case _:
                self._journal.tell_event(report)
                if self._face is not None:
                    self._face.emit(report)
        self._show()

    def _show(self) -> None:
        """Tell clients and systemd what has changed of the state."""
        self._notifier.status(self._sentence())
        if self._face is not None:
            self._face.refresh()

    def _sentence(self) -> str:
        return self._standing.sentence(*self._losses())

    def _losses(self) -> tuple[int, int, int]:
        """Return how often the device lost sound, and the frames and levels that were dropped."""
        return self._hearing.overruns, self._hearing.dropped, self._outbox.dropped

    async def _watch_bus(self, face: BusServer) -> None:
        raise BusError(await face.wait_until_lost())

    async def _feed_watchdog(self) -> None:
        seconds = watchdog_seconds()
        if seconds is None:
            return
        watchdog = Watchdog(seconds, lambda: self._hearing.heard_at, self._notifier.feed_watchdog)
        stuck = False
        while True:
            if watchdog.check():
                stuck = False
            elif not stuck:
                stuck = True
                self._journal.tell(STUCK, "nothing is heard any more, a thread is stuck")
            await asyncio.sleep(watchdog.interval)

    async def _look_for_losses(self) -> None:
        """Tell, at most once a second, of what was lost or dropped."""
        losses = Losses(self._journal)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            losses.look(*self._losses())
            self._notifier.status(self._sentence())

    async def _reload_on_demand(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._notifier.reloading()
            try:
                config = loading.reload(self._config, self._options.config)
                models = await self._reload_models(config)
            except AuricleError as error:
                refused = f"the old configuration stays, for the new one is wrong:\n{error}"
                self._journal.tell(RELOAD_REFUSED, refused)
                self._notifier.ready(self._sentence())
            else:
                # Ready at once: a session that runs may keep the change waiting for a minute.
                self._notifier.ready(self._sentence())
                async with self._changing:
                    await self._change(config, models)
                self._journal.tell(RELOADED, "the new configuration holds")

    async def _reload_models(self, config: Config) -> Models:
        """Return the models for a new configuration; those in use if it names no others."""
        old = self._config
        before = (old.wake, old.recognizer, old.arbiter)
        if before == (config.wake, config.recognizer, config.arbiter):
            return self._models
        return await asyncio.to_thread(load_models, config, budget_of(config))

    async def _change(self, config: Config, models: Models) -> None:
        """Let a new configuration hold, from the end of the session that runs."""
        old, self._config, self._models = self._config, config, models
        self._journal.set_level(config.log.level, transcripts=config.log.transcripts)
        if old.privacy != config.privacy or old.recognizer != config.recognizer:
            await self._privacy.reconfigure(config.privacy, models.bundle.language)
        if old.music != config.music:
            await self._reconfigure_music(old, config)
        if replace(old, log=config.log, privacy=config.privacy, music=config.music) == config:
            return
        self._compute.choose(config.arbiter.level)
        self._level_due.set()  # threads may not be those of the level
        await self._hearing.replace(lambda: build_pipeline(config, models, self._compute.level))
        if source_settings(old) != source_settings(config) and self._options.recording is None:
            await self._hearing.replace_source(source_maker(self._options, config))
        self._standing.wake_words = wake_words_of(models)
        self._standing.language = models.bundle.language
        self._show()

    async def _reconfigure_music(self, old: Config, config: Config) -> None:
        before, settings = old.music, config.music
        same = replace(
            before, mode=settings.mode, decibels=settings.decibels, linger_ms=settings.linger_ms
        )
        bus = self._options.bus or config.bus.kind
        backends = None if same == settings else make_backends(settings, bus)
        await self._music.reconfigure(backends, policy_of(settings), settings.linger_ms / 1000)


def wake_words_of(models: Models) -> tuple[str, ...]:
    """Return the names of the wake words that are listened for."""
    return () if models.wake is None else models.wake.names


def build_pipeline(config: Config, models: Models, level: ComputeLevel) -> Pipeline:
    """Return a pipeline that has heard nothing, whose session ids no other pipeline has."""
    if models.wake is not None:
        models.wake.reset()
    pipeline = make_pipeline(config, models, prefix=f"{secrets.token_hex(4)}_")
    pipeline.set_recognizer(limited(models.recognizer, budget_of(config, level)))
    return pipeline


def source_settings(config: Config) -> tuple[object, ...]:
    """Return what the source of sound depends on."""
    return (config.audio.device, config.audio.channel, config.audio.reconnect_seconds)


def source_maker(options: RunOptions, config: Config) -> MakeSource:
    """Return what makes the source: the recording of the command line, or the microphone."""
    recording, audio = options.recording, config.audio
    channel: Channel = "mix" if isinstance(audio.channel, str) else audio.channel

    def make(on_state: OnState) -> AudioSource:
        if recording is not None:
            return FileSource(recording, realtime=True)
        return ReconnectingSource(
            Microphone(audio.device, channel),
            on_state,
            longest_wait=audio.reconnect_seconds,
            required=False,
        )

    return make


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end; how they end is told by those that had ended before."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
