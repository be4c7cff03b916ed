"""Applies changes to the running daemon: a reloaded configuration, or another compute level.

Both may replace the pipeline. A lock makes sure that only one change is applied at a time. A
session that is running keeps its pipeline; the change takes effect afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from auricle.compute.governor import Governor
from auricle.config.schema import Config
from auricle.ducking.ducker import Ducker
from auricle.engine.inference_thread import InferenceThread
from auricle.errors import AuricleError, BusyError, ModelError
from auricle.privacy.guard import Guard
from auricle.service import references
from auricle.service.assembly import (
    Models,
    RunOptions,
    budget_of,
    build_pipeline,
    limited,
    load_models,
    make_backends,
    policy_of,
    source_maker,
    source_settings,
    wake_words_of,
)
from auricle.service.journal import FAULT, RELOAD_REFUSED, RELOADED, Journal
from auricle.service.notify import Notifier
from auricle.service.status import StatusTracker
from auricle.tasks import in_daemon_thread

BUSY_SECONDS = 1.0  # before retrying when the inference thread has too many waiting calls


@dataclass(frozen=True, slots=True)
class RunningParts:
    """The parts of the daemon that a change affects."""

    inference: InferenceThread
    compute: Governor
    privacy: Guard
    music: Ducker
    tracker: StatusTracker
    journal: Journal
    notifier: Notifier


class Reconfiguration:
    """Request changes from the event loop; run `follow_level` and `reload_on_request` as tasks."""

    def __init__(
        self,
        options: RunOptions,
        config: Config,
        models: Models,
        parts: RunningParts,
        sentence: Callable[[], str],
        refresh: Callable[[], None],
    ) -> None:
        """Start with the configuration and the models that the daemon was built from.

        Args:
            options: the command line.
            config: the current configuration.
            models: the loaded models.
            parts: the parts to change.
            sentence: returns the status line for systemd.
            refresh: publishes the state of the daemon after a change.
        """
        self._options = options
        self._config = config
        self._models = models
        self._parts = parts
        self._sentence = sentence
        self._refresh = refresh
        self._level_due = asyncio.Event()  # the pipeline does not have the governor's level yet
        self._reload_due = asyncio.Event()
        self._lock = asyncio.Lock()

    def request_level(self) -> None:
        """Apply the governor's level from the next session on."""
        self._level_due.set()

    def request_reload(self) -> None:
        """Read the configuration again."""
        self._reload_due.set()

    async def follow_level(self) -> None:
        """Apply every requested level; runs until cancelled."""
        while True:
            await self._level_due.wait()
            self._level_due.clear()
            try:
                async with self._lock:
                    await self._apply_level()
            except BusyError:
                await asyncio.sleep(BUSY_SECONDS)
                self._level_due.set()
            except ModelError as error:
                message = f"cannot change the number of threads: {error}"
                self._parts.journal.write(FAULT, message)

    async def reload_on_request(self) -> None:
        """Reload the configuration on every request; runs until cancelled."""
        while True:
            await self._reload_due.wait()
            self._reload_due.clear()
            await self._reload()

    async def _reload(self) -> None:
        parts = self._parts
        parts.notifier.reloading()
        try:
            config = await asyncio.to_thread(references.reload, self._config, self._options.config)
            models = await self._load_models(config)
        except AuricleError as error:
            message = f"the new configuration is invalid, the old one stays:\n{error}"
            parts.journal.write(RELOAD_REFUSED, message)
            parts.notifier.ready(self._sentence())
            return
        # Report ready now: a running session may delay the change for a minute.
        parts.notifier.ready(self._sentence())
        async with self._lock:
            await self._apply(config, models)
        parts.journal.write(RELOADED, "the new configuration is active")

    async def _apply_level(self) -> None:
        config, level = self._config, self._parts.compute.level
        budget = budget_of(config, level)
        if budget.threads == self._models.threads:
            recognizer = limited(self._models.recognizer, budget)
            await self._parts.inference.set_recognizer(recognizer)
            return
        # Load with the beam and the second pass of the full level; lower levels derive from it.
        full = replace(budget_of(config), threads=budget.threads)
        models = await in_daemon_thread(lambda: load_models(config, full), "loading")
        self._models = models
        await self._parts.inference.replace(lambda: build_pipeline(config, models, level))

    async def _load_models(self, config: Config) -> Models:
        """Load the models of a new configuration; return the current ones if nothing differs."""
        old = self._config
        before = (old.wake, old.recognizer, old.arbiter)
        if before == (config.wake, config.recognizer, config.arbiter):
            return self._models
        return await in_daemon_thread(lambda: load_models(config, budget_of(config)), "loading")

    async def _apply(self, config: Config, models: Models) -> None:
        """Apply a new configuration; return after the running session has ended."""
        parts = self._parts
        old, self._config, self._models = self._config, config, models
        parts.journal.set_level(config.log.level, transcripts=config.log.transcripts)
        if old.privacy != config.privacy or old.recognizer != config.recognizer:
            await parts.privacy.reconfigure(config.privacy, models.bundle.language)
        if old.music != config.music:
            await self._apply_music(old, config)
        if replace(old, log=config.log, privacy=config.privacy, music=config.music) == config:
            return
        parts.compute.choose(config.arbiter.level)
        self._level_due.set()  # the level may need another number of threads
        await parts.inference.replace(lambda: build_pipeline(config, models, parts.compute.level))
        if source_settings(old) != source_settings(config) and self._options.recording is None:
            await parts.inference.replace_source(source_maker(config))
        parts.tracker.wake_words = wake_words_of(models)
        parts.tracker.language = models.bundle.language
        self._refresh()

    async def _apply_music(self, old: Config, config: Config) -> None:
        before, settings = old.music, config.music
        same = replace(
            before, mode=settings.mode, decibels=settings.decibels, linger_ms=settings.linger_ms
        )
        bus = self._options.bus or config.bus.kind
        backends = None if same == settings else make_backends(settings, bus)
        linger = settings.linger_ms / 1000
        await self._parts.music.reconfigure(backends, policy_of(settings), linger)
