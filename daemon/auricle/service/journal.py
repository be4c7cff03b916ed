"""Writes journal entries; each kind of entry has its own message id.

`journalctl MESSAGE_ID=...` finds all entries of a kind, `journalctl AURICLE_SESSION=...` all of a
session. Transcripts are written only with the option `log.transcripts`. An entry has these fields
beside those of systemd.journal-fields(7):

    AURICLE_EVENT        name of the kind
    AURICLE_SESSION      id of the session
    AURICLE_TIME         seconds on the audio clock
    AURICLE_WAKE_WORD    name of the wake word; absent if a client began the session
    AURICLE_SCORE        of the wake word, 0 to 1
    AURICLE_WORDS        number of words in the result, or of settled words
    AURICLE_LATENCY_MS   milliseconds from the end of the last word to the event
    AURICLE_REASON       why the session ended
    AURICLE_ERROR        name of the error, as on D-Bus
    AURICLE_MODE         privacy mode: local or lattice
    AURICLE_LEVEL        compute level: full, saver or minimal
    AURICLE_RERANKED     1 on a final result that was reranked
    AURICLE_OVERRUNS     how often the device lost audio since the start
    AURICLE_DROPPED      audio frames of 10 ms dropped since the start
    AURICLE_LEVELS       input levels dropped since the start
    AURICLE_TRANSCRIPT   the transcript; only with log.transcripts
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import RawIOBase
from typing import TypeAlias

from systemd import journal

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
from auricle.lattice.result import Result
from auricle.origin import origin
from auricle.service.journal_limit import JournalLimit

# Option log.level -> priority of syslog(3).
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of journal entry."""

    name: str  # AURICLE_EVENT
    level: str  # one of PRIORITIES
    message_id: str  # MESSAGE_ID; must never change


READY = Kind("ready", "info", "9091f9bd0272411d8bd0ee34f3a81600")
RECORDING = Kind("recording", "info", "863aba2c3c9d46be953a27dd52c8aaa7")
STOPPING = Kind("stopping", "info", "1b3120abbb984ddcb91fcdaf56f70277")
RELOADED = Kind("reloaded", "info", "cbd0ca7d29b64b348012cc60be5a090f")
RELOAD_REFUSED = Kind("reload-refused", "error", "6b6fbd35da60435598f424e3ae71c31b")
MICROPHONE_LOST = Kind("microphone-lost", "warning", "f9bac2b9dbf043fa8fe2f8a0f605f9dc")
MICROPHONE_FOUND = Kind("microphone-found", "info", "ec79e64dc28141feadbc43a08901098b")
MUTED = Kind("muted", "info", "ab9ca70a50184796801f9a2644e445c8")
UNMUTED = Kind("unmuted", "info", "89594025db1e402a8d6cac3426ee6e9e")
SOUND_LOST = Kind("sound-lost", "warning", "f4850563c11d44389a8c520ba9602cf4")
SOUND_DROPPED = Kind("sound-dropped", "warning", "8c1fc854b56c4c91bc9038a3c227a2ec")
LEVELS_DROPPED = Kind("levels-dropped", "warning", "de1e0b4b30c8f3789e4e7e79944605b2")
STUCK = Kind("stuck", "error", "2af9a54ecd414f64948c0a2a792526bf")
FAULT = Kind("fault", "error", "97472a00726fb81a7fd5df896d20df48")
UNTOLD = Kind("untold", "warning", "972cc24cf781438a9d3cd38fe9d9ff0f")
CONTEXT_DAMAGED = Kind("context-damaged", "warning", "3e560af4c9a45b820d6c8c06f1909f27")
STATE_DAMAGED = Kind("state-damaged", "warning", "7b082f04fc9c4e109ad04218d754a0db")
PRIVACY = Kind("privacy", "info", "0231a52091044c75b3f039d128a320c9")
PRIVACY_LED = Kind("privacy-led", "warning", "84e1ffd45db748a6a99097916be8fdc2")
NOT_RERANKED = Kind("not-reranked", "info", "f6e9356e01654216b88f67272b2a5ad1")
LEVEL = Kind("level", "info", "16a2e86dcb884d88aaf714c5ea22b23b")
NO_REALTIME = Kind("no-realtime", "warning", "eedd88caa12d468caff0e0592f8ae143")
NOT_DUCKED = Kind("not-ducked", "info", "5dec05124dd9431f87ffe5e773bc875b")
SUPPRESSED = Kind("suppressed", "warning", "8e47278791094882a7b875933ce2af9a")
WAKE = Kind("wake", "info", "db2b03f4ac1e41638c558d6811107b01")
PARTIAL = Kind("partial", "debug", "0d9da2b71bfe484b8d41be5964d4d323")
SETTLED = Kind("settled", "debug", "d85b1a65276c40d5ac62673659bf589e")
SPECULATIVE = Kind("speculative", "info", "9ecaeab1677b40cd88ee832c3dbac790")
REVISED = Kind("revised", "info", "60f99df945a542d5916a0efaaf6d64f3")
FINAL = Kind("final", "info", "10940cfc39aa44158b4bba80da200f3e")
CANCELLED = Kind("cancelled", "info", "f8bd882dcc074e3bbead776c5cc9e891")
FAILED = Kind("failed", "error", "b21088667ec74e2a8595129d65fbb386")

EVENT_KINDS: dict[type[Event], Kind] = {
    Wake: WAKE,
    Partial: PARTIAL,
    Settled: SETTLED,
    Speculative: SPECULATIVE,
    Revised: REVISED,
    Final: FINAL,
    Cancelled: CANCELLED,
    Failed: FAILED,
}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A journal entry: a sentence for people and fields for programs."""

    kind: Kind
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)


Write: TypeAlias = Callable[[JournalEntry], None]


class Journal:
    """Writes entries of at least the configured level, at a limited rate (`journal_limit.py`).

    Entries of the level `debug` are not limited: the owner asks for each of them.
    """

    def __init__(self, write: Write, level: str = "info", *, transcripts: bool = False) -> None:
        """Pass entries of at least `level` to `write`."""
        self._write = write
        self._limit = JournalLimit(time.monotonic())
        self.set_level(level, transcripts=transcripts)

    def set_level(self, level: str, *, transcripts: bool) -> None:
        """Change the level and whether transcripts are written."""
        self._priority = PRIORITIES[level]
        self._transcripts = transcripts

    def write(self, kind: Kind, message: str, **fields: object) -> None:
        """Write an entry; field names are given in lower case without `AURICLE_`."""
        texts = {f"AURICLE_{name.upper()}": str(value) for name, value in fields.items()}
        self._put(JournalEntry(kind, message, texts))

    def write_event(self, event: Event) -> None:
        """Write the entry for an event of a session."""
        self._put(entry_of(event, transcripts=self._transcripts))

    def report_suppressed(self) -> None:
        """Write how many entries were suppressed, from time to time; call it every second."""
        sentence = self._limit.report(time.monotonic())
        if sentence and PRIORITIES[SUPPRESSED.level] <= self._priority:
            self._write(JournalEntry(SUPPRESSED, sentence))

    def _put(self, entry: JournalEntry) -> None:
        kind = entry.kind
        if PRIORITIES[kind.level] > self._priority:
            return
        if kind.level == "debug" or self._limit.allows(kind.name, origin(), time.monotonic()):
            self._write(entry)


class Losses:
    """Writes an entry when losses have increased since the last check."""

    def __init__(self, journal: Journal) -> None:
        """Start without losses."""
        self._journal = journal
        self._overruns = 0
        self._dropped = 0
        self._levels = 0

    def look(self, overruns: int, dropped: int, levels: int) -> None:
        """Compare with the last call; all numbers count from the start of the daemon.

        Args:
            overruns: how often the device lost audio.
            dropped: audio frames of 10 ms dropped because recognition was too slow.
            levels: input levels dropped because the event loop was too slow.
        """
        if overruns > self._overruns:
            message = f"the device has lost audio {overruns} times since the start"
            self._journal.write(SOUND_LOST, message, overruns=overruns)
        if dropped > self._dropped:
            message = f"recognition is too slow, {dropped} frames of 10 ms dropped since the start"
            self._journal.write(SOUND_DROPPED, message, dropped=dropped)
        if levels > self._levels:
            message = f"the event loop is too slow, {levels} input levels dropped since the start"
            self._journal.write(LEVELS_DROPPED, message, levels=levels)
        self._overruns, self._dropped, self._levels = overruns, dropped, levels


def entry_of(event: Event, *, transcripts: bool = False) -> JournalEntry:
    """Return the entry for an event; it contains the transcript only with `transcripts`."""
    kind, message, own = _describe(event)
    fields = {"AURICLE_SESSION": event.session, "AURICLE_TIME": f"{event.time:.3f}", **own}
    text = _text_of(event)
    if transcripts and text is not None:
        fields["AURICLE_TRANSCRIPT"] = text
        message += f": {text!r}"
    return JournalEntry(kind, message, fields)


def _describe(event: Event) -> tuple[Kind, str, dict[str, str]]:
    kind = EVENT_KINDS[type(event)]
    fields: dict[str, str] = {}
    match event:
        case Wake():
            message, fields = _describe_wake(event)
        case Partial():
            message = "the partial text has changed"
        case Settled(words=count):
            message, fields = "more words are settled", {"AURICLE_WORDS": str(count)}
        case Revised():
            message = "the command continues, the speculative result is withdrawn"
        case Speculative(result=result):
            message, fields = f"speculative result: {_size(result)}", _known(event)
        case Final(result=result, reason=reason):
            message = f"the command is complete ({reason.value}): {_size(result)}"
            fields = {"AURICLE_REASON": reason.value, **_known(event)}
            if event.reranked:
                fields["AURICLE_RERANKED"] = "1"
        case Cancelled(reason=why):
            message, fields = f"no result: {why.value}", {"AURICLE_REASON": why.value}
        case Failed(error=error, message=what):
            message, fields = f"the session failed: {what}", {"AURICLE_ERROR": error}
    return kind, message, fields


def _describe_wake(wake: Wake) -> tuple[str, dict[str, str]]:
    if not wake.wake_word:
        return "a client began a session", {}
    fields = {"AURICLE_WAKE_WORD": wake.wake_word, "AURICLE_SCORE": f"{wake.score:.3f}"}
    return f"wake word {wake.wake_word} ({wake.score:.2f})", fields


def _size(result: Result) -> str:
    return "1 word" if len(result.words) == 1 else f"{len(result.words)} words"


def _known(event: Speculative | Final) -> dict[str, str]:
    words = event.result.words
    fields = {"AURICLE_WORDS": str(len(words))}
    if words:
        fields["AURICLE_LATENCY_MS"] = f"{1000 * (event.time - words[-1].end):.0f}"
    return fields


def _text_of(event: Event) -> str | None:
    match event:
        case Partial(text=text):
            return text
        case Speculative(result=result) | Final(result=result):
            return result.text
        case _:
            return None


@contextmanager
def open_writer(environment: Mapping[str, str] = os.environ) -> Iterator[Write]:
    """Yield a journal writer if standard error is connected to the journal, else a line writer."""
    descriptor = sys.stderr.fileno()
    about = os.fstat(descriptor)
    stream = environment.get("JOURNAL_STREAM", "")  # device:inode, set by systemd
    if stream == f"{about.st_dev}:{about.st_ino}":
        yield JournalWriter()
        return
    # A duplicate: sounddevice redirects standard error to /dev/null whenever it starts PortAudio.
    with open(os.dup(descriptor), "wb", buffering=0) as file:
        yield LineWriter(file)


class JournalWriter:
    """Writes entries to systemd's journal."""

    def __init__(self) -> None:
        """Start without lost entries."""
        self._lost = 0

    def __call__(self, entry: JournalEntry) -> None:
        """Send an entry; if that fails, count it and report it with the next one."""
        try:
            if self._lost:
                _send(
                    JournalEntry(
                        UNTOLD, f"{self._lost} entries before this one could not be written"
                    )
                )
                self._lost = 0
            _send(entry)
        except OSError:
            self._lost += 1


def _send(entry: JournalEntry) -> None:
    journal.send(
        entry.message,
        MESSAGE_ID=entry.kind.message_id,
        PRIORITY=str(PRIORITIES[entry.kind.level]),
        SYSLOG_IDENTIFIER="auricle",
        AURICLE_EVENT=entry.kind.name,
        **entry.fields,
    )


class LineWriter:
    """Writes each entry as a line for people."""

    def __init__(self, file: RawIOBase) -> None:
        """Write to `file`, which is unbuffered."""
        self._file = file
        self._lost = 0

    def __call__(self, entry: JournalEntry) -> None:
        """Write a line; if that fails, count it and report it with the next one."""
        session = entry.fields.get("AURICLE_SESSION")
        place = f" [{session}]" if session else ""
        clock = time.strftime("%H:%M:%S")
        line = f"{clock} {entry.kind.level:7} {entry.kind.name}{place}: {entry.message}\n"
        note = f"{self._lost} lines before this one could not be written\n" if self._lost else ""
        try:
            self._file.write((note + line).encode(errors="backslashreplace"))
        except OSError:
            self._lost += 1
        else:
            self._lost = 0
