"""The interface org.auricle.Session1: one object per session, for its audience only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from auricle.client.signals import SESSION_SIGNALS
from auricle.dbus.interface import Changes, Interface, Method, Property
from auricle.dbus.names import SESSION_INTERFACE
from auricle.dbus.sealed_memory import sealed_text
from auricle.errors import ArgumentError, NoResultError, NotAuthorizedError
from auricle.events import (
    Cancelled,
    Event,
    Failed,
    Final,
    Partial,
    Revised,
    Settled,
    Speculative,
    Wake,
)
from auricle.lattice.formats import to_dot, to_json, to_openfst, to_slf
from auricle.lattice.lattice import Lattice
from auricle.lattice.result import Result
from auricle.recognizer.written_form import written_form

_SIGNAL_NAMES: dict[type[Event], str] = {
    Wake: "Wake",
    Partial: "Partial",
    Settled: "Settled",
    Speculative: "Speculative",
    Revised: "Revised",
    Final: "Final",
    Cancelled: "Cancelled",
    Failed: "Error",
}

# Format -> function of a lattice and its session id.
LATTICE_FORMATS: dict[str, Callable[[Lattice, str], str]] = {
    "json": lambda lattice, _: to_json(lattice),
    "slf": to_slf,
    "openfst": lambda lattice, _: to_openfst(lattice).acceptor,
    "openfst-symbols": lambda lattice, _: to_openfst(lattice).symbols,
    "dot": lambda lattice, _: to_dot(lattice),
}


class Phase(StrEnum):
    """The state of a session; the D-Bus property `State`."""

    LISTENING = "listening"
    SPECULATIVE = "speculative"  # the command is probably complete
    FINAL = "final"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the session has ended."""
        return self in (Phase.FINAL, Phase.CANCELLED, Phase.FAILED)


@dataclass(slots=True)
class SessionRecord:
    """State of a session, collected from its events, and its audience."""

    wake: Wake
    audience: set[str]  # unique names of the owner, or of the subscribers when it began
    phase: Phase = Phase.LISTENING
    text: str = ""  # best text so far; empty after an end without a result
    result: Result | None = field(default=None, repr=False)  # speculative or final

    def follow(self, event: Event) -> None:
        """Update the record with an event of the session."""
        match event:
            case Partial(text=text):
                self.text = text
            case Speculative(result=result):
                self.phase, self.result, self.text = Phase.SPECULATIVE, result, result.text
            case Final(result=result):
                self.phase, self.result, self.text = Phase.FINAL, result, result.text
            case Revised():
                self.phase, self.result = Phase.LISTENING, None
            case Cancelled():
                self.phase, self.result, self.text = Phase.CANCELLED, None, ""
            case Failed():
                self.phase, self.result, self.text = Phase.FAILED, None, ""


def signal_of(event: Event) -> tuple[str, list[object]]:
    """Return the name and the body of the signal for an event."""
    name = _SIGNAL_NAMES[type(event)]
    return name, [_value(event, argument) for argument in SESSION_SIGNALS[name]]


def _value(event: Event, argument: str) -> object:
    if argument == "text" and isinstance(event, Speculative | Final):
        return event.result.text
    if argument == "characters" and isinstance(event, Settled):
        return len(event.text)
    return getattr(event, argument)


class Session1:
    """Implements org.auricle.Session1 for one session."""

    def __init__(
        self,
        record: SessionRecord,
        cancel: Callable[[str], Awaitable[None]],
    ) -> None:
        """`cancel` cancels the session with an id."""
        self._record = record
        self._cancel = cancel

    def interface(self) -> Interface:
        """Return the interface to export."""
        record = self._record
        return Interface(
            name=SESSION_INTERFACE,
            methods=(
                Method("NBest", self._nbest, {"count": "u"}, {"hypotheses": "a(sd)"}),
                Method("Words", self._words, {}, {"words": "a(sddd)"}),
                Method("Written", self._written, {}, {"text": "s"}),
                Method("Names", self._names, {}, {"names": "a(sssdd)"}),
                Method("Lattice", self._lattice, {"format": "s"}, {"lattice": "h"}),
                Method("Cancel", self._cancel_session),
            ),
            properties=(
                Property("State", "s", lambda: record.phase.value, Changes.FALSE),
                Property("Text", "s", lambda: record.text, Changes.FALSE),
                Property("WakeWord", "s", lambda: record.wake.wake_word, Changes.CONST),
                Property("Started", "d", lambda: record.wake.time, Changes.CONST),
            ),
            signals=SESSION_SIGNALS,
            authorise=self._authorise,
        )

    def _authorise(self, caller: str) -> None:
        if caller not in self._record.audience:
            raise NotAuthorizedError(
                f"session {self._record.wake.session!r} is open only to the client that began it, "
                "or to the subscribers at its wake word"
            )

    def _result(self) -> Result:
        if self._record.result is None:
            remedy = (
                "it has ended without one"
                if self._record.phase.ended
                else "wait for the signal Speculative or Final"
            )
            raise NoResultError(f"session {self._record.wake.session!r} has no result; {remedy}")
        return self._record.result

    async def _nbest(self, caller: str, count: int) -> list[list[object]]:
        return [[entry.text, entry.score] for entry in self._result().nbest[:count]]

    async def _words(self, caller: str) -> list[list[object]]:
        return [[word.word, word.start, word.end, word.confidence] for word in self._result().words]

    async def _written(self, caller: str) -> str:
        return written_form(self._result())

    async def _names(self, caller: str) -> list[list[object]]:
        return [
            [name.kind, name.written, name.id, name.start, name.end]
            for name in self._result().names
        ]

    async def _lattice(self, caller: str, form: str) -> int:
        if form not in LATTICE_FORMATS:
            raise ArgumentError(
                f"there is no lattice format {form!r}; use one of: {', '.join(LATTICE_FORMATS)}"
            )
        text = LATTICE_FORMATS[form](self._result().lattice, self._record.wake.session)
        return sealed_text("auricle-lattice", text)

    async def _cancel_session(self, caller: str) -> None:
        await self._cancel(self._record.wake.session)
