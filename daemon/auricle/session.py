"""The state machine of a session: pure, with time as an input.

In: signals, which say what the microphone, the wake word, the end-pointers and the clients did.
Out: the next state and the events of events.py that follow. It uses no thread, clock or audio,
so that every race of the real world can be replayed in a test.

What holds for any order of signals:

- one session runs at a time, and it ends with exactly one `Final`, `Cancelled` or `Failed`;
- no event of a session comes before its `Wake` or after its end;
- a `Speculative` is confirmed by a `Final` of the same text, which follows it at once, or
  withdrawn by `Revised`, which comes before anything else;
- `Revised` comes only with what replaces the `Speculative`, which follows it at once: a `Partial`
  with more words, a `Speculative` or `Final` with another text, or an end without a result;
- `Partial` comes only when its text differs from that of the last `Partial` or `Speculative`;
- between two `Speculative` every `Partial` begins with all text settled before it, and no `Settled`
  has fewer words than the one before;
- after a `Speculative` was withdrawn, `Partial` continues from its text as far as the words of the
  first pass have not changed there;
- the times of events never run backwards: a late signal gets the time of the last event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from auricle.errors import BusyError, MutedError, NoSuchSessionError
from auricle.events import (
    Cancelled,
    CancelReason,
    EndReason,
    Event,
    Failed,
    Final,
    Partial,
    Revised,
    Settled,
    Speculative,
    Wake,
)
from auricle.lattice.result import Result
from auricle.recognizer.partial_text import PartialText

Events = tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Common to all that can happen to a session."""

    time: float  # seconds on the audio clock


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeHeard(Signal):
    """A wake word was heard. Ignored while a session runs and while muted."""

    wake_word: str
    score: float  # 0 to 1
    start: float  # seconds: where the wake word began
    end: float  # seconds: where it ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRequested(Signal):
    """A client asks for a session. Refused while a session runs and while muted."""

    owner: str = ""  # who asks, e.g. the unique name on the bus


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChanged(Signal):
    """The best hypothesis of the first pass so far.

    It withdraws an open speculative result if it adds words to it. The speculative end-pointer
    looks ahead of the stream: text that only catches up with it changes nothing. Nor does other
    text without more words: the next pause or the end decides.
    """

    text: str
    firm: tuple[str, ...] = ()  # its first words, which the first pass no longer changes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPaused(Signal):
    """The speculative end-pointer fired. Ignored when nothing was said."""

    result: Result
    first: str | None = None  # first-pass text at this moment; None: the text of the result
    shown: str | None = None  # text that a TextChanged would carry now; None: that of the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Signal):
    """The final end-pointer fired. Without words it cancels the session: nothing was said."""

    result: Result
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSpeech(Signal):
    """Nothing was said before the time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioEnded(Signal):
    """No more audio will come. An open speculative result is confirmed: it seemed complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Signal):
    """Somebody wants the session to end without a result."""

    session: str | None  # None: the running session, if there is one
    reason: CancelReason = CancelReason.REQUESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteChanged(Signal):
    """The microphone was muted, which cancels the session that runs, or unmuted."""

    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Signal):
    """A part has failed; the session cannot go on."""

    error: str  # `name` of a class in errors.py
    message: str


@dataclass(frozen=True, slots=True)
class Running:
    """The session that runs."""

    session: str
    text: str = ""  # text of the last Partial or Speculative
    settled: int = 0  # number of its first words that a Settled has announced
    partial: PartialText = PartialText()  # text that a Partial would carry now
    heard: TextChanged | None = None  # the last one; one comes with every audio frame
    reread: str | None = None  # first-pass text that the last Speculative has replaced
    speculative: Result | None = None  # open: neither confirmed nor withdrawn


@dataclass(frozen=True, slots=True)
class SessionState:
    """State of the machine; never changed in place."""

    begun: int = 0  # number of sessions so far
    time: float = 0.0  # seconds on the audio clock: time of the latest signal
    muted: bool = False
    running: Running | None = None


def numbered(prefix: str = "") -> Callable[[int], str]:
    """Return a factory of session ids `<prefix>1`, `<prefix>2`, ...; letters and digits only.

    A prefix drawn at the start of the daemon keeps ids apart across restarts.
    """
    return lambda number: f"{prefix}{number}"


class SessionMachine:
    """Signals in, events out; follows `auricle.streaming.Streaming`."""

    def __init__(self, identify: Callable[[int], str]) -> None:
        """Name the n-th session, counted from 1, by `identify(n)`; all names must differ."""
        self._identify = identify

    def initial_state(self) -> SessionState:
        """Return the state before anything has happened."""
        return SessionState()

    def step(self, state: SessionState, chunk: Signal) -> tuple[SessionState, Events]:
        """Return the state after the signal `chunk` and the events it causes.

        Raises:
            BusyError: a client requests a session while one is running.
            MutedError: a client requests a session while the microphone is muted.
            NoSuchSessionError: a client cancels a session that is not running.

        After an error the given state remains valid.
        """
        state = replace(state, time=max(state.time, chunk.time))
        if isinstance(chunk, MuteChanged):
            state = replace(state, muted=chunk.muted)
        if state.running is None:
            return self._begin(state, chunk)
        running, events = _continue(state.running, chunk, state.time)
        return replace(state, running=running), events

    def _begin(self, state: SessionState, signal: Signal) -> tuple[SessionState, Events]:
        """Answer a signal while no session runs; what the last one left behind is ignored."""
        if isinstance(signal, CancelRequested) and signal.session is not None:
            raise NoSuchSessionError(_no_such_session(signal.session))
        if isinstance(signal, ListenRequested) and state.muted:
            raise MutedError("the microphone is muted; unmute it before asking to listen")
        if state.muted or not isinstance(signal, WakeHeard | ListenRequested):
            return state, ()
        session = self._identify(state.begun + 1)
        state = replace(state, begun=state.begun + 1, running=Running(session))
        return state, (_wake(session, signal, state.time),)


def _wake(session: str, signal: WakeHeard | ListenRequested, time: float) -> Wake:
    if isinstance(signal, ListenRequested):
        return Wake(
            session=session,
            time=time,
            wake_word="",
            score=1.0,
            start=time,
            end=time,
            owner=signal.owner,
        )
    return Wake(
        session=session,
        time=time,
        wake_word=signal.wake_word,
        score=signal.score,
        start=signal.start,
        end=signal.end,
    )


def _no_such_session(session: str) -> str:
    return f"session {session!r} has ended or never was; only the running one can be cancelled"


def _continue(running: Running, signal: Signal, time: float) -> tuple[Running | None, Events]:
    """Answer a signal while a session runs."""
    match signal:
        case TextChanged():
            return _hear(running, signal, time)
        case SpeechPaused():
            return _speculate(running, signal, time)
        case ListenRequested():
            raise BusyError(
                f"session {running.session!r} is running; wait for its end or cancel it first"
            )
        case CancelRequested(session=session) if session not in (None, running.session):
            raise NoSuchSessionError(_no_such_session(str(session)))
        case _:
            return _end(running, signal, time)


def _hear(running: Running, signal: TextChanged, time: float) -> tuple[Running, Events]:
    if running.heard is not None and _says_the_same(running.heard, signal):
        return running, ()
    running = replace(running, heard=signal)
    if signal.text == running.reread:
        return running, ()  # the first pass has not advanced since the Speculative
    partial = running.partial.follow(signal.text.split(), signal.firm)
    running = replace(running, partial=partial, reread=None)
    if running.speculative is not None and not _adds_words(partial, running.speculative):
        return running, ()
    events: Events = ()
    if partial.text != running.text:
        running, events = _withdraw(running, time)
        told = Partial(
            session=running.session, time=time, text=partial.text, settled=partial.settled
        )
        running, events = replace(running, text=partial.text), (*events, told)
    if running.speculative is not None or partial.settled == running.settled:
        return running, events
    settled = Settled(
        session=running.session, time=time, text=partial.settled_text, words=partial.settled
    )
    return replace(running, settled=partial.settled), (*events, settled)


def _adds_words(partial: PartialText, speculative: Result) -> bool:
    return len(partial.words) > len(speculative.text.split())


def _says_the_same(one: TextChanged, other: TextChanged) -> bool:
    return one.text == other.text and one.firm == other.firm


def _speculate(running: Running, signal: SpeechPaused, time: float) -> tuple[Running, Events]:
    result = signal.result
    if not result.text:
        return running, ()
    first = result.text if signal.first is None else signal.first
    partial = running.partial.reread(first.split(), result.text.split())
    shown = signal.shown
    if shown is None:
        shown = running.heard.text if running.heard else ""
    running = replace(running, partial=partial, reread=shown, settled=0)
    if running.speculative is not None and running.speculative.text == result.text:
        return replace(running, speculative=result), ()
    running, events = _withdraw(running, time)
    speculative = Speculative(session=running.session, time=time, result=result)
    running = replace(running, speculative=result, text=result.text)
    return running, (*events, speculative)


def _withdraw(running: Running, time: float) -> tuple[Running, Events]:
    if running.speculative is None:
        return running, ()
    return replace(running, speculative=None), (Revised(session=running.session, time=time),)


def _end(running: Running, signal: Signal, time: float) -> tuple[Running | None, Events]:
    """End the session if the signal says so; a wake word or an unmuting is ignored."""
    end = _end_event(running, signal, time)
    if end is None:
        return running, ()
    if isinstance(end, Final) and running.speculative is not None:
        confirmed = running.speculative.text == end.result.text
        return None, (end,) if confirmed else (*_withdraw(running, time)[1], end)
    return None, (*_withdraw(running, time)[1], end)


def _end_event(running: Running, signal: Signal, time: float) -> Event | None:
    session = running.session
    match signal:
        case SpeechEnded(result=result, reason=end_reason) if result.text:
            return Final(session=session, time=time, result=result, reason=end_reason)
        case AudioEnded() if running.speculative is not None:
            return Final(
                session=session,
                time=time,
                result=running.speculative,
                reason=EndReason.AUDIO_ENDED,
            )
        case AudioEnded() | SpeechEnded(reason=EndReason.AUDIO_ENDED):
            reason = CancelReason.AUDIO_ENDED
        case SpeechEnded() | NoSpeech():
            reason = CancelReason.NO_SPEECH
        case MuteChanged(muted=True):
            reason = CancelReason.MUTED
        case CancelRequested(reason=requested):
            reason = requested
        case Broken(error=error, message=message):
            return Failed(session=session, time=time, error=error, message=message)
        case _:
            return None
    return Cancelled(session=session, time=time, reason=reason)
