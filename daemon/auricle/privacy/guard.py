"""Controls everything that may leave the device: privacy mode, redaction, audit log and relay.

The guard sends the lattice of a final result to the reranker if the mode allows it, and returns the
reranked result. Without an answer in time, the result stays as it was. All methods run on the event
loop; file access runs in a worker thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from auricle.config.schema import PrivacySettings
from auricle.context.entries import Context
from auricle.errors import RefusedError, StorageError
from auricle.events import Final
from auricle.lattice.result import Result
from auricle.privacy.audit_log import AuditLog, AuditLogContents
from auricle.privacy.led import LEDS, Led
from auricle.privacy.mode import ModeFile, PrivacyMode, Switch, effective
from auricle.privacy.outgoing import pack, reordered, unpack
from auricle.privacy.redaction import Names, names_of
from auricle.privacy.relay_server import RelayServer
from auricle.wire.rate_limit import RateLimit

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Places:
    """Paths and users that the guard works with."""

    folder: Path  # of the mode file and the audit log
    socket: Path  # where the relay connects
    relay_users: Collection[int]  # user ids that the relay may run as
    leds: Path = LEDS  # the LED folder of sysfs


class Guard:
    """Call `load` once before all else, and `close` at the end."""

    def __init__(
        self,
        settings: PrivacySettings,
        places: Places,
        language: str,
        changed: Callable[[], None],
        report: Callable[[str], None],
        erase_contexts: Callable[[], Awaitable[None]],
        report_led: Callable[[str], None] = lambda _: None,
        report_damage: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Start in the mode `local`; `load` restores the saved one.

        Args:
            settings: the section `privacy` of the configuration.
            places: paths and users.
            language: BCP 47 tag of the recogniser.
            changed: called when the mode or the reranker has changed.
            report: takes a sentence on why a result was not reranked; it contains no transcript.
            erase_contexts: deletes the stored context entries; may raise StorageError.
            report_led: takes a sentence on why the LED cannot be set.
            report_damage: takes a sentence about a state file that cannot be read.
        """
        self._settings = settings
        self.language = language  # a new recogniser may have another one
        self._changed = changed
        self._report = report
        self._erase_contexts = erase_contexts
        self._mode = self._requested = PrivacyMode.LOCAL
        self._switching = asyncio.Lock()
        self._file = ModeFile(places.folder / "mode")
        self._audit_log = AuditLog(places.folder / "record")
        self._disk = ThreadPoolExecutor(1, "privacy")  # one thread keeps the lines in order
        self._led, self._report_led = Led(places.leds), report_led
        self._report_damage = report_damage
        self._relay = RelayServer(places.socket, places.relay_users, report)
        self._rate_limit = RateLimit(time=time.monotonic())
        self._context = Context()
        self._named: tuple[Context, Names] = (self._context, names_of(self._context))

    @property
    def mode(self) -> PrivacyMode:
        """The active privacy mode."""
        return self._mode

    @property
    def locked(self) -> bool:
        """Whether only the configuration, or a caller whom polkit allows, may loosen the mode."""
        return self._settings.lock

    @property
    def host(self) -> str:
        """Host of the configured reranker; empty without a reranker."""
        reranker = self._settings.reranker
        return "" if reranker is None else reranker.host

    @property
    def asks(self) -> bool:
        """Whether final results are sent to the reranker."""
        return self._mode is PrivacyMode.LATTICE and self._relay.connected

    async def load(self) -> None:
        """Restore the saved mode; see `mode.effective`."""
        try:
            await self._relay.close()  # removes the socket of a killed daemon
        except OSError as error:
            self._report(f"cannot remove the old relay socket: {error}; remove it")
        await self._activate(await self._effective_mode())

    async def set_mode(self, mode: PrivacyMode) -> None:
        """Switch the mode; LOCAL drops a pending question at once.

        LOCAL becomes active even if it cannot be saved; LATTICE only after it was saved.

        Raises:
            StorageError: the mode cannot be saved.
        """
        self._requested = mode
        if mode is PrivacyMode.LOCAL:
            await self._activate(mode)
        async with self._switching:
            switch = Switch(mode, PrivacyMode(self._settings.mode))
            await self._in_thread(lambda: self._file.save(switch))
            if mode is self._requested:  # no later call has switched it again
                await self._activate(mode)

    async def reconfigure(self, settings: PrivacySettings, language: str) -> None:
        """Apply a new configuration; see `mode.effective` for the mode."""
        old, self._settings, self.language = self._settings, settings, language
        same = (settings.mode, settings.lock) == (old.mode, old.lock)
        mode = self._mode if same else await self._effective_mode()
        if settings.reranker != old.reranker:
            await self._relay.close()  # the relay ends; the next one reads the new settings
        await self._activate(mode)

    async def set_context(self, context: Context) -> None:
        """Redact these names from now on; preparing ten thousand takes about a second."""
        self._context = context
        if self._mode is PrivacyMode.LATTICE:  # prepare them before the next result
            await self._in_thread(self._names)

    async def improve(self, final: Final) -> Final:
        """Return the reranked final result, or the same result with a later time if that fails."""
        reranker, began = self._settings.reranker, time.monotonic()
        if reranker is None or not self.asks or not final.result.text:
            return final
        result = None
        try:
            async with asyncio.timeout(reranker.budget_ms / 1000):
                result = await self._ask(final.result, reranker.host)
        except TimeoutError:
            self._report(f"{reranker.host}: no answer within {reranker.budget_ms} ms")
        except (RefusedError, StorageError) as error:
            self._report(str(error))
        known = final.time + time.monotonic() - began
        if result is None:
            return replace(final, time=known)
        return replace(final, time=known, result=result, reranked=True)

    async def read_audit_log(self) -> AuditLogContents:
        """Return the audit log; raises StorageError."""
        return await self._in_thread(self._audit_log.read)

    async def erase(self) -> None:
        """Delete the audit log and all stored context entries; raises StorageError."""
        await self._in_thread(self._audit_log.erase)
        await self._erase_contexts()

    async def close(self) -> None:
        """Close the relay socket; nothing leaves afterwards."""
        self._mode = PrivacyMode.LOCAL
        await self._relay.close()
        self._show_led()

    async def _effective_mode(self) -> PrivacyMode:
        """Return the mode from the configuration and the last switch.

        With a locked mode, a switch of another configured mode is over and is forgotten.
        """
        configured, locked = PrivacyMode(self._settings.mode), self._settings.lock
        switch, damage = await self._in_thread(self._file.load)
        if damage:
            self._report_damage(damage)
        mode = effective(configured, switch, locked=locked)
        if locked and switch is not None and switch.configured is not configured:
            try:
                await self._in_thread(lambda: self._file.save(Switch(mode, configured)))
            except StorageError as error:
                self._report(str(error))
        return mode

    async def _activate(self, mode: PrivacyMode) -> None:
        """Activate a mode; the relay socket exists only in LATTICE and with a reranker."""
        self._mode = mode
        if mode is PrivacyMode.LATTICE and self._settings.reranker is not None:
            try:
                self._relay.open()
            except OSError as error:
                self._report(f"cannot open the relay socket: {error}; create its folder")
        else:
            await self._relay.close()
        self._changed()
        self._show_led()
        await self.set_context(self._context)

    async def _ask(self, result: Result, host: str) -> Result | None:
        """Return the result in the reranker's order, or None without an answer."""
        remaining = self._rate_limit.spend(time.monotonic())
        if remaining is None:
            raise RefusedError("rate: too many commands in a short time; this one was not sent")
        self._rate_limit = remaining
        names, settings = await self._in_thread(self._names), self._settings
        outgoing = await self._in_thread(
            lambda: pack(result.lattice, self.language, names, redact=settings.redact)
        )
        if not self.asks:  # the mode was switched meanwhile
            return None
        # The budget may end at each await. Nothing is logged that would not be sent.
        await self._in_thread(
            lambda: self._audit_log.add(host, outgoing.data, keep=settings.keep_lattices)
        )
        if not self.asks:
            return None
        answer = await self._relay.ask(outgoing.question.session, outgoing.data)
        if answer is None:
            return None
        if answer.fault:
            self._report(f"{host}: {answer.fault}")
        paths = unpack(outgoing, answer)
        return reordered(result, outgoing, paths, names) if paths else None

    def _show_led(self) -> None:
        """Set the LED: lit while lattices may leave."""
        may_leave = self._mode is PrivacyMode.LATTICE and self._settings.reranker is not None
        fault = self._led.show(self._settings.led, lit=may_leave)
        if fault:
            self._report_led(fault)

    def _names(self) -> Names:
        """Return the names to redact; slow on the first call after a change."""
        context, names = self._named
        if context is not self._context:
            context = self._context
            names = names_of(context)
            self._named = (context, names)
        return names

    async def _in_thread(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)
