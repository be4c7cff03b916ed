"""Ducks other sounds during sessions and leases, and restores them afterwards.

In: session events and client leases. Out: volume changes through the back ends. Everything runs on
the event loop, in the steps of `policy.step`: read the streams, save what must be restored, change
the volumes, read again. A back end that does not answer does not delay the others for long, and no
error reaches a session.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from auricle.ducking.backend import PLAYERS, STREAMS, Backend, Look, StreamKey
from auricle.ducking.leases import Leases, check_seconds
from auricle.ducking.policy import (
    BackendView,
    Change,
    DuckingMode,
    DuckingState,
    Held,
    Mend,
    Policy,
    Steps,
    step,
)
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.errors import SoundError, StorageError
from auricle.events import Cancelled, Failed, Final, Wake
from auricle.fault_reports import place_of
from auricle.tasks import raise_fault

T = TypeVar("T")

SYNC_SECONDS = 0.04  # time-out of fsync before ducking; after it, a power cut can lose the file
ANSWER_SECONDS = 0.5  # time-out of a back end; then it is asked again later
CLOSE_SECONDS = 2.0
MOST_ROUNDS = 4  # some players apply a change only after a moment
FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 30.0


class Ducker:
    """Ducks other sounds while a session runs or a client holds a lease.

    Call `start` first and `close` at the end.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        policy: Policy,
        linger_seconds: float,
        record: SavedVolumes,
        tell: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        """Store the parts; `start` connects the back ends.

        Args:
            backends: the back ends that control other sounds.
            policy: the ducking mode and depth.
            linger_seconds: delay between the end of the last session or lease and the restore.
            record: the file of saved volumes.
            tell: called with one sentence for each problem.
            on_change: called after `ducked` has changed.
        """
        self._backends = tuple(backends)
        self._policy = policy
        self._linger_seconds = linger_seconds
        self._record = record
        self._tell = tell
        self._on_change = on_change
        self._claims = Leases()
        self._expiries: dict[int, asyncio.TimerHandle] = {}
        self._lingering: asyncio.TimerHandle | None = None
        self._shown = False
        self._state = DuckingState()
        self._written: Mapping[StreamKey, Held] = {}
        self._reported: set[str] = set()  # back ends with a reported problem, until they answer
        self._unanswered = False  # a back end exceeded the time-out in this round
        self._dirty = asyncio.Event()
        self._settled = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    @property
    def ducked(self) -> bool:
        """Whether other sounds should be ducked now."""
        wanted = self._claims.any or self._lingering is not None
        return wanted and self._policy.mode is not DuckingMode.OFF

    async def start(self) -> None:
        """Connect the back ends, and restore what a killed daemon left ducked."""
        try:
            left = await asyncio.to_thread(self._record.read)
        except StorageError as error:
            left = []
            self._tell(str(error))
        self._state = DuckingState({held.key: held for held in left})
        self._written = self._state.held
        await self._open()

    async def close(self) -> None:
        """Restore all sounds and disconnect the back ends."""
        self._claims = Leases()
        for expiry in self._expiries.values():
            expiry.cancel()
        self._claims_changed(linger=False)
        await self._close_backends()

    async def reconfigure(
        self, backends: Sequence[Backend] | None, policy: Policy, linger_seconds: float
    ) -> None:
        """Change the settings.

        Args:
            backends: new back ends; sounds of the old ones are restored first. None: keep them.
            policy: the ducking mode and depth.
            linger_seconds: delay before the restore.
        """
        if backends is not None:
            before, self._policy = self._policy, Policy(DuckingMode.OFF, policy.decibels)
            self._touch()
            await self._close_backends()
            self._policy = before
            self._backends = tuple(backends)
        self._policy = policy
        self._linger_seconds = linger_seconds
        if backends is not None:
            await self._open()
        self._claims_changed()

    def follow(self, report: object) -> None:
        """Process a session event; other reports are ignored."""
        match report:
            case Wake(session=session):
                self._claims.begin(session)
            case Final(session=session) | Cancelled(session=session) | Failed(session=session):
                self._claims.end(session)
            case _:
                return
        self._claims_changed()

    def duck(self, client: str, seconds: float | None = None) -> int:
        """Return a new lease; other sounds are ducked while the client holds it.

        Args:
            client: unique name of the client on the bus.
            seconds: the lease ends after this time; None: it has no time limit.

        Raises:
            ArgumentError: `seconds` is out of range.
            TooManyLeasesError: this client, or all clients together, hold too many leases.
        """
        if seconds is not None:
            check_seconds(seconds)
        lease = self._claims.take(client)
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._expiries[lease] = loop.call_later(seconds, self._expire, lease)
        self._claims_changed()
        return lease

    def release(self, client: str, lease: int) -> None:
        """End a lease.

        Raises:
            NoSuchLeaseError: the client does not hold the lease.
        """
        self._claims.release(client, lease)
        if (expiry := self._expiries.pop(lease, None)) is not None:
            expiry.cancel()
        self._claims_changed()

    def leave(self, client: str) -> None:
        """End all leases of a client that has disconnected."""
        if self._claims.leave(client):
            self._claims_changed()

    async def settled(self) -> None:
        """Wait until all pending changes are made."""
        await self._settled.wait()

    def _expire(self, lease: int) -> None:
        self._expiries.pop(lease, None)
        self._claims.expire(lease)
        self._claims_changed()

    def _claims_changed(self, *, linger: bool = True) -> None:
        if self._claims.any or not linger:
            self._stop_lingering()
        elif self._shown and self._lingering is None and self._linger_seconds > 0:
            loop = asyncio.get_running_loop()
            self._lingering = loop.call_later(self._linger_seconds, self._linger_no_longer)
        self._show()

    def _linger_no_longer(self) -> None:
        self._stop_lingering()
        self._show()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _show(self) -> None:
        if self.ducked != self._shown:
            self._shown = self.ducked
            self._touch()
            self._on_change()

    def _touch(self) -> None:
        self._settled.clear()
        self._dirty.set()

    async def _open(self) -> None:
        for backend in self._backends:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await backend.start(self._sounds_changed)
            except SoundError as error:
                self._complain(backend, error)
            except TimeoutError:
                self._complain(backend, _silence_of(backend))
        self._touch()
        self._work = asyncio.ensure_future(self._run())
        self._work.add_done_callback(raise_fault)

    async def _close_backends(self) -> None:
        if self._work is not None and not self._work.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.settled()
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._work = None
        for backend in self._backends:
            with contextlib.suppress(SoundError):
                await backend.close()

    def _sounds_changed(self) -> None:
        """Schedule a new round if a stream is ducked, should be ducked, or must be restored."""
        if self.ducked or self._state.undoable:
            self._touch()

    async def _run(self) -> None:
        retry = FIRST_RETRY_SECONDS
        await self._look()  # connects the back ends and reports problems before the first session
        while True:
            self._dirty.clear()
            self._unanswered = False
            if self.ducked or self._state.undoable:
                await self._settle()
            if not self._dirty.is_set():
                self._settled.set()
            waiting = self._unanswered or (not self.ducked and not self._state.at_rest)
            try:
                async with asyncio.timeout(retry if waiting else None):
                    await self._dirty.wait()
                retry = FIRST_RETRY_SECONDS
            except TimeoutError:
                retry = min(2 * retry, LAST_RETRY_SECONDS)

    async def _settle(self) -> None:
        """Take steps until there is nothing to change, or a change fails."""
        if self.ducked and not self._state.held and not self._state.spared:
            await self._step(await self._look_at_first_rank())
        for _ in range(MOST_ROUNDS):
            if not await self._step(await self._look()):
                return

    async def _step(self, view: BackendView) -> bool:
        """Take the next steps; return whether the streams should be read again."""
        state, steps = step(self._state, self._policy, self.ducked, view)
        if not await self._keep(state):
            return False
        self._state = state
        return bool(steps) and await self._take(steps)

    async def _look_at_first_rank(self) -> BackendView:
        """Read only the back end that is ducked first, so that it does not wait for the others."""
        name = PLAYERS if self._policy.mode is DuckingMode.PAUSE else STREAMS
        return _view(await self._look_at([one for one in self._backends if one.name == name]))

    async def _look(self) -> BackendView:
        first = [one for one in self._backends if not one.last_resort]
        looks = await self._look_at(first)
        hears_all = any(one.hears_all and looks[one.name] is not None for one in first)
        held = {key.backend for key in self._state.held}
        last = [one for one in self._backends if one.last_resort]
        looks |= await self._look_at([one for one in last if not hears_all or one.name in held])
        return _view(looks)

    async def _look_at(self, backends: Sequence[Backend]) -> dict[str, Look | None]:
        looks = await asyncio.gather(*(self._ask(one, one.look()) for one in backends))
        return {one.name: look for one, look in zip(backends, looks, strict=True)}

    async def _ask(self, backend: Backend, question: Coroutine[Any, Any, T]) -> T | None:
        """Return the answer of a back end; None on failure, which is reported once."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await question
        except TimeoutError:
            self._complain(backend, _silence_of(backend))
            self._unanswered = True
            return None
        except SoundError as error:
            self._complain(backend, error)
            return None
        except Exception as error:  # a fault of one back end must stop neither sessions nor others
            self._complain(backend, SoundError(f"{backend.name} has failed: {place_of(error)}"))
            return None
        self._reported.discard(backend.name)
        return answer

    def _complain(self, backend: Backend, error: SoundError) -> None:
        if self._policy.mode is DuckingMode.OFF and not self._state.held:
            return  # there is nothing to duck or to restore
        if backend.name not in self._reported:
            self._reported.add(backend.name)
            self._tell(str(error))

    async def _keep(self, state: DuckingState) -> bool:
        """Save the volumes to restore; return whether ducking is allowed now."""
        undoable = {held.key: held for held in state.undoable}
        written = self._written
        covered = all(key in written and written[key].covers(undoable[key]) for key in undoable)
        if covered and len(written) == len(undoable):
            return True
        try:
            await asyncio.to_thread(self._record.write, undoable.values())
        except StorageError as error:
            if "record" not in self._reported:
                self._reported.add("record")
                self._tell(str(error))
            return covered
        self._reported.discard("record")
        self._written = undoable
        if undoable:
            sync = asyncio.ensure_future(asyncio.to_thread(self._record.sync))
            await asyncio.wait([sync], timeout=SYNC_SECONDS)
        return True

    async def _take(self, steps: Steps) -> bool:
        """Make all changes concurrently; return whether all succeeded."""
        done = await asyncio.gather(*(self._make(one) for one in steps))
        return all(done)

    async def _make(self, one: Change | Mend) -> bool:
        key = one.held.key if isinstance(one, Mend) else one.key
        backend = next((able for able in self._backends if able.name == key.backend), None)
        if backend is None:
            return False
        if isinstance(one, Mend):
            held = one.held
            mending = backend.mend(held.memory, held.before, held.after)
            found = await self._ask(backend, mending)
            if found is None:
                return False
            self._state = self._state.mended(one, found)
            return True
        now = await self._ask(backend, backend.change(one.key, one.setting))
        if now is None:
            return False
        self._state = self._state.confirmed(one, now)
        return True


def _silence_of(backend: Backend) -> SoundError:
    return SoundError(f"{backend.name} does not answer; restart the sound server or player")


def _view(looks: Mapping[str, Look | None]) -> BackendView:
    """Combine the answers of the back ends; None means that a back end did not answer."""
    seen = {name: look for name, look in looks.items() if look is not None}
    return BackendView(
        frozenset(seen),
        tuple(sound for look in seen.values() for sound in look.sounds),
        frozenset().union(*(look.present for look in seen.values())),
    )
