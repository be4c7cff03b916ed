"""The guard of the way out: the mode, the names to hide, the record, and the question to the relay.

In: the configuration, the mode that is switched to, names, and final results. Out: those results,
read again by the reranker where that is allowed and in time, else as they were. Everything here
is called on the event loop; the disk is waited for in a thread.
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
from auricle.privacy.audit_log import AuditLog, Told
from auricle.privacy.led import LEDS, Led
from auricle.privacy.mode import ModeFile, PrivacyMode, Switch, effective
from auricle.privacy.outgoing import pack, reordered, unpack
from auricle.privacy.redaction import Names, names_of
from auricle.privacy.relay_server import RelayServer
from auricle.wire.rate_limit import RateLimit

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the guard keeps what it keeps, and where it meets the relay."""

    folder: Path  # of the mode and the record
    socket: Path
    relay_users: Collection[int]  # whose processes may be the relay
    leds: Path = LEDS  # of the kernel


class Guard:
    """Use `await load()` once; at the end `await close()`."""

    def __init__(
        self,
        settings: PrivacySettings,
        places: Places,
        language: str,
        changed: Callable[[], None],
        tell: Callable[[str], None],
        wipe: Callable[[], Awaitable[None]],
        tell_of_lamp: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin in the mode `local`.

        Args:
            settings: of the configuration.
            places: on this device.
            language: BCP 47 tag of the recogniser.
            changed: called when the mode or the reranker has changed.
            tell: takes a sentence on why a result was not read again; it holds no word of it.
            wipe: forgets what else is kept of people, when the owner erases all; StorageError.
            tell_of_lamp: takes a sentence on why an LED does not show whether anything may leave.
        """
        self._settings = settings
        self._language = language
        self._changed = changed
        self._tell = tell
        self._wipe = wipe
        self._mode = self._wanted = PrivacyMode.LOCAL
        self._switching = asyncio.Lock()
        self._file = ModeFile(places.folder / "mode")
        self._record = AuditLog(places.folder / "record")
        self._disk = ThreadPoolExecutor(1, "privacy")  # one thread, so that lines follow each other
        self._lamp, self._tell_of_lamp = Led(places.leds), tell_of_lamp
        self._desk = RelayServer(places.socket, places.relay_users, tell)
        self._allowance = RateLimit(time=time.monotonic())
        self._context = Context()
        self._named: tuple[Context, Names] = (self._context, names_of(self._context))

    @property
    def mode(self) -> PrivacyMode:
        """What may leave now."""
        return self._mode

    @property
    def host(self) -> str:
        """Where lattices go, or would go in the mode lattice; empty if there is no reranker."""
        reranker = self._settings.reranker
        return "" if reranker is None else reranker.host

    @property
    def asks(self) -> bool:
        """Whether final results are read again."""
        return self._mode is PrivacyMode.LATTICE and self._desk.connected

    async def load(self) -> None:
        """Take up the mode of before; see `mode.effective`."""
        try:
            await self._desk.close()  # of a daemon that was killed in the mode lattice
        except OSError as error:
            self._tell(f"an old socket of the relay cannot be removed: {error}; remove it")
        await self._become(await self._chosen())

    async def set_mode(self, mode: PrivacyMode) -> None:
        """Switch; what is on its way to the relay is dropped at once. Raises StorageError.

        A stricter mode holds even when it cannot be kept, a looser one only when it is.
        """
        self._wanted = mode
        if mode is PrivacyMode.LOCAL:
            await self._become(mode)
        async with self._switching:
            switch = Switch(mode, PrivacyMode(self._settings.mode))
            await self._in_thread(lambda: self._file.save(switch))
            if mode is self._wanted:  # else somebody has switched again meanwhile
                await self._become(mode)

    async def reconfigure(self, settings: PrivacySettings, language: str) -> None:
        """Let a new configuration hold; a looser mode in it does not undo a switch to local."""
        old, self._settings, self._language = self._settings, settings, language
        mode = self._mode if settings.mode == old.mode else await self._chosen()
        if settings.reranker != old.reranker:
            await self._desk.close()  # the relay ends, and the next one reads the new settings
        await self._become(mode)

    async def set_context(self, context: Context) -> None:
        """Let these be the names that are hidden; ten thousand take a second to be made ready."""
        self._context = context
        if self._mode is PrivacyMode.LATTICE:  # so that no result has to wait for that
            await self._in_thread(self._names)

    async def improve(self, final: Final) -> Final:
        """Return a final result as the reranker reads it; as it is, later, if that fails."""
        reranker, began = self._settings.reranker, time.monotonic()
        if reranker is None or not self.asks or not final.result.text:
            return final
        result = None
        try:
            async with asyncio.timeout(reranker.budget_ms / 1000):
                result = await self._ask(final.result, reranker.host)
        except TimeoutError:
            self._tell(f"{reranker.host}: no answer within {reranker.budget_ms} ms")
        except (RefusedError, StorageError) as error:
            self._tell(str(error))
        known = final.time + time.monotonic() - began
        if result is None:
            return replace(final, time=known)
        return replace(final, time=known, result=result, reranked=True)

    async def read_record(self) -> Told:
        """Return the record of what left. Raises StorageError."""
        return await self._in_thread(self._record.read)

    async def erase(self) -> None:
        """Forget the record, and all names that are kept for anybody. Raises StorageError."""
        await self._in_thread(self._record.erase)
        await self._wipe()

    async def close(self) -> None:
        """Let nothing leave any more."""
        self._mode = PrivacyMode.LOCAL
        await self._desk.close()
        self._show()

    async def _chosen(self) -> PrivacyMode:
        """Return the mode that the owner has chosen, by a switch or in the configuration."""
        return effective(PrivacyMode(self._settings.mode), await self._in_thread(self._file.load))

    async def _become(self, mode: PrivacyMode) -> None:
        """Let a mode hold: the socket is there only if something may leave, and has where to."""
        self._mode = mode
        if mode is PrivacyMode.LATTICE and self._settings.reranker is not None:
            try:
                self._desk.open()
            except OSError as error:
                self._tell(f"the relay has no place to come to: {error}; make that folder")
        else:
            await self._desk.close()
        self._changed()
        self._show()
        await self.set_context(self._context)

    async def _ask(self, result: Result, host: str) -> Result | None:
        """Return a result with the readings in the order of the reranker; None without answer."""
        left = self._allowance.spend(time.monotonic())
        if left is None:
            raise RefusedError("rate: too many commands in a short time; this one does not leave")
        self._allowance = left
        names, settings = await self._in_thread(self._names), self._settings
        outgoing = await self._in_thread(
            lambda: pack(result.lattice, self._language, names, redact=settings.redact)
        )
        if not self.asks:  # switched meanwhile
            return None
        # Each wait is one where the budget may end: what is over by then is not recorded either.
        await self._in_thread(
            lambda: self._record.add(host, outgoing.data, keep=settings.keep_lattices)
        )
        if not self.asks:
            return None
        answer = await self._desk.ask(outgoing.question.session, outgoing.data)
        if answer is None:
            return None
        if answer.fault:
            self._tell(f"{host}: {answer.fault}")
        paths = unpack(outgoing, answer)
        return reordered(result, outgoing, paths, names) if paths else None

    def _show(self) -> None:
        """Let the lamp show whether anything may leave."""
        may_leave = self._mode is PrivacyMode.LATTICE and self._settings.reranker is not None
        fault = self._lamp.show(self._settings.led, lit=may_leave)
        if fault:
            self._tell_of_lamp(fault)

    def _names(self) -> Names:
        """Return the names that are hidden; many of them take a while the first time."""
        context, names = self._named
        if context is not self._context:
            context = self._context
            names = names_of(context)
            self._named = (context, names)
        return names

    async def _in_thread(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)
