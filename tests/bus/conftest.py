"""A daemon on a private bus with the real session machine and no microphone."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from auricle.assistant import Activity, ListenOptions, Status
from auricle.bus.clients import Authorise, same_group_or_root
from auricle.bus.server import BusServer
from auricle.compute.governor import Governor
from auricle.config.schema import PrivacySettings, RerankerSettings
from auricle.context.entries import Context
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.events import CancelReason
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Hypothesis, Result, Word
from auricle.privacy.guard import Guard, Places
from auricle.session import (
    CancelRequested,
    ListenRequested,
    MuteChanged,
    SessionMachine,
    Signal,
    WakeHeard,
    numbered,
)
from testbed.private_bus import PrivateBus

PRIVACY = PrivacySettings(reranker=RerankerSettings(url="https://reranker.example/rerank"))


class MachineAssistant:
    """A daemon without a microphone: the test feeds signals to the real session machine."""

    def __init__(self, folder: Path) -> None:
        self.contexts = ContextRegistry(Store(folder), self._take_context, self._told)
        self.privacy = Guard(
            PRIVACY,
            Places(folder.parent / "privacy", folder.parent / "relay" / "lattices", {os.getuid()}),
            "en",
            self._privacy_changed,
            self._told,
            self.contexts.erase,
        )
        self.compute = Governor("auto", lambda level, why: self._server().show_arbiter())
        self.music = Ducker(
            (),
            Policy(DuckingMode.DUCK, 20.0),
            0.0,
            SavedVolumes(folder.parent / "music" / "ducked.json"),
            self._told,
            self._music_changed,
        )
        self.handed_over: list[Context] = []
        self.sentences: list[str] = []
        self.machine = SessionMachine(numbered("s"))
        self.state = self.machine.initial_state()
        self.known = Status(Activity.IDLE, False, ("alexa", "okay_nabu"), "en")
        self.options: ListenOptions | None = None
        self.reasons: list[CancelReason] = []
        self.server: BusServer | None = None

    def hear(self, signal: Signal) -> None:
        """Feed a signal to the machine and send the resulting events."""
        self.state, events = self.machine.step(self.state, signal)
        for event in events:
            self._server().emit(event)
        self._server().refresh()

    def wake(self, time: float = 1.0, wake_word: str = "alexa") -> str:
        """Simulate a wake word and return the id of its session."""
        self.hear(WakeHeard(time=time, wake_word=wake_word, score=0.9, start=time - 0.6, end=time))
        assert self.state.running is not None
        return self.state.running.session

    def status(self) -> Status:
        if self.state.muted:
            return replace(self.known, activity=Activity.MUTED, muted=True)
        if self.state.running is not None:
            return replace(self.known, activity=Activity.LISTENING)
        return self.known

    async def listen(self, owner: str, options: ListenOptions) -> str:
        self.options = options
        self.hear(ListenRequested(time=self.state.time, owner=owner))
        assert self.state.running is not None
        return self.state.running.session

    def play_recording(self) -> None:
        """Do nothing: it has no recording."""

    async def cancel(self, session: str, reason: CancelReason) -> None:
        self.reasons.append(reason)
        self.hear(CancelRequested(time=self.state.time, session=session, reason=reason))

    async def _take_context(self, context: Context) -> None:
        if self.server is not None:
            self.server.show_contexts()
        self.handed_over.append(context)

    def _privacy_changed(self) -> None:
        if self.server is not None:
            self.server.show_privacy()

    def _music_changed(self) -> None:
        if self.server is not None:
            self.server.show_arbiter()

    def _told(self, sentence: str) -> None:
        self.sentences.append(sentence)

    async def set_muted(self, muted: bool) -> None:
        self.hear(MuteChanged(time=self.state.time, muted=muted))

    def _server(self) -> BusServer:
        assert self.server is not None
        return self.server


Serve = Callable[..., AbstractAsyncContextManager[MachineAssistant]]


@pytest_asyncio.fixture(autouse=True)
async def complaints_of_asyncio() -> AsyncIterator[None]:
    """Fail a test if its event loop reports an error, e.g. an exception never retrieved."""
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    gc.freeze()  # skip objects that already exist
    yield
    gc.collect()  # unretrieved errors are reported on collection
    gc.unfreeze()
    await asyncio.sleep(0)
    assert not complaints


@pytest.fixture
def address(bus: PrivateBus) -> str:
    """Return the address of a private D-Bus daemon."""
    return bus.address


@pytest.fixture
def serve(address: str, tmp_path: Path) -> Serve:
    """Return a context manager that serves a daemon on the private bus or on another one."""

    @asynccontextmanager
    async def serving(
        on: str = address, authorise: Authorise = same_group_or_root, *, ready: bool = True
    ) -> AsyncIterator[MachineAssistant]:
        assistant = MachineAssistant(tmp_path / "context")
        await assistant.contexts.load()
        await assistant.privacy.load()
        await assistant.music.start()
        assistant.server = await BusServer.start(assistant, on, authorise, ready=ready)
        try:
            yield assistant
        finally:
            await assistant.music.close()
            await assistant.privacy.close()
            await assistant.contexts.close()
            await assistant.server.stop()

    return serving


@pytest.fixture
def heard() -> Callable[..., Result]:
    """Return a maker of results from hypotheses, best first."""

    def make(*readings: str) -> Result:
        lattice = lattice_of(readings)
        best = lattice.best_path()
        sure = dict(zip(lattice.arcs, lattice.posteriors().tolist(), strict=True))
        return Result(
            text=best.text,
            nbest=tuple(Hypothesis(path.text, path.score) for path in lattice.nbest(10)),
            words=tuple(Word(arc.word, arc.start, arc.end, sure[arc]) for arc in best.arcs),
            lattice=lattice,
        )

    return make


def lattice_of(readings: tuple[str, ...]) -> Lattice:
    """Return a lattice with one path per hypothesis, each one nat worse than the one before."""
    states = 2 + sum(len(reading.split()) - 1 for reading in readings)
    arcs = []
    inner = 1
    for rank, reading in enumerate(readings):
        words = reading.split()
        chain = [0, *range(inner, inner + len(words) - 1), states - 1]
        inner += len(words) - 1
        for index, word in enumerate(words):
            score = -1.0 - rank / len(words)
            start = 0.5 + 0.25 * index
            arcs.append(Arc(chain[index], chain[index + 1], word, score, 0.0, start, start + 0.25))
    return Lattice(states, tuple(sorted(arcs, key=lambda arc: arc.source)))
