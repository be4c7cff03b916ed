"""Journal entries, and that they contain no transcript by default."""

from __future__ import annotations

import os
import sys
from contextvars import copy_context
from pathlib import Path

import pytest
from systemd import journal as systemd_journal

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
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Hypothesis, Result, Word
from auricle.origin import working_for
from auricle.service import journal
from auricle.service.journal import (
    Journal,
    JournalEntry,
    JournalWriter,
    Kind,
    LineWriter,
    entry_of,
    open_writer,
)
from auricle.service.journal_limit import CLIENT_BURST, CLIENT_RATE, KIND_BURST

SECRET = "call mother"
LATTICE = Lattice(3, (Arc(0, 1, "call", -1, 0, 1.0, 1.2), Arc(1, 2, "mother", -1, 0, 1.2, 1.75)))
RESULT = Result(
    text=SECRET,
    nbest=(Hypothesis(SECRET, -2.0),),
    words=(Word("call", 1.0, 1.2, 0.9), Word("mother", 1.2, 1.75, 0.8)),
    lattice=LATTICE,
)
EVENTS: tuple[Event, ...] = (
    Wake(session="a_1", time=0.9, wake_word="alexa", score=0.98765, start=0.2, end=0.8),
    Wake(session="a_1", time=0.9, wake_word="", score=1.0, start=0.9, end=0.9, owner=":1.7"),
    Partial(session="a_1", time=1.5, text=SECRET),
    Speculative(session="a_1", time=2.0, result=RESULT),
    Revised(session="a_1", time=2.1),
    Final(session="a_1", time=2.25, result=RESULT, reason=EndReason.SILENCE),
    Cancelled(session="a_1", time=2.3, reason=CancelReason.NO_SPEECH),
    Failed(session="a_1", time=2.4, error="InvalidModel", message="the joint is damaged"),
    Settled(session="a_1", time=1.5, text="call", words=1),
)


def written(entry: JournalEntry) -> str:
    return " ".join((entry.message, *entry.fields, *entry.fields.values()))


def test_no_entry_contains_a_transcript() -> None:
    for event in EVENTS:
        text = written(entry_of(event))
        assert not any(word in text for word in SECRET.split())


def test_transcripts_are_logged_on_request_of_the_owner() -> None:
    for event in EVENTS:
        entry = entry_of(event, transcripts=True)
        has_text = isinstance(event, Partial | Speculative | Final)
        assert entry.fields.get("AURICLE_TRANSCRIPT") == (SECRET if has_text else None)
        assert (SECRET in entry.message) == has_text


def test_entry_has_fields_for_session_time_latency_and_reason() -> None:
    final = entry_of(EVENTS[5])
    assert final.kind is journal.FINAL
    assert final.message == "the command is complete (silence): 2 words"
    assert dict(final.fields) == {
        "AURICLE_SESSION": "a_1",
        "AURICLE_TIME": "2.250",
        "AURICLE_WORDS": "2",
        "AURICLE_LATENCY_MS": "500",
        "AURICLE_REASON": "silence",
    }
    wake = entry_of(EVENTS[0])
    assert (wake.fields["AURICLE_WAKE_WORD"], wake.fields["AURICLE_SCORE"]) == ("alexa", "0.988")


def test_every_kind_has_its_own_message_id() -> None:
    kinds = [kind for kind in vars(journal).values() if isinstance(kind, Kind)]
    identities = {kind.message_id for kind in kinds}
    assert len(identities) == len(kinds) == len({kind.name for kind in kinds})
    assert all(len(bytes.fromhex(identity)) == 16 for identity in identities)


def test_entries_below_the_log_level_are_dropped() -> None:
    entries: list[JournalEntry] = []
    writer = Journal(entries.append, "warning")
    for event in EVENTS:
        writer.write_event(event)
    assert [entry.kind for entry in entries] == [journal.FAILED]
    writer.set_level("debug", transcripts=False)
    writer.write_event(EVENTS[2])
    assert entries[-1].kind is journal.PARTIAL


def test_the_journal_gets_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(systemd_journal, "sendv", lambda *fields: sent.extend(fields))
    JournalWriter()(entry_of(EVENTS[5]))
    assert {
        "MESSAGE=the command is complete (silence): 2 words",
        f"MESSAGE_ID={journal.FINAL.message_id}",
        "PRIORITY=6",
        "SYSLOG_IDENTIFIER=auricle",
        "AURICLE_EVENT=final",
        "AURICLE_SESSION=a_1",
        "AURICLE_LATENCY_MS=500",
    } <= set(sent)


def test_entries_that_the_journal_refuses_are_reported_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*fields: str) -> None:
        raise OSError("no room")

    sent: list[str] = []
    writer = JournalWriter()
    monkeypatch.setattr(systemd_journal, "sendv", refuse)
    writer(entry_of(EVENTS[6]))
    writer(entry_of(EVENTS[6]))
    monkeypatch.setattr(systemd_journal, "sendv", lambda *fields: sent.extend(fields))
    writer(entry_of(EVENTS[6]))
    writer(entry_of(EVENTS[6]))
    messages = [text for text in sent if text.startswith("MESSAGE=")]
    told, result = "2 entries before this one could not be written", "no result: no-speech"
    assert messages == [f"MESSAGE={text}" for text in (told, result, result)]


def test_journal_is_used_only_if_standard_error_is_connected_to_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    about = os.fstat(sys.stderr.fileno())
    with open_writer({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}) as write:
        assert isinstance(write, JournalWriter)
    for environment in ({}, {"JOURNAL_STREAM": "1:1"}):
        with open_writer(environment) as write:
            write(entry_of(EVENTS[6]))
        assert capfd.readouterr().err.endswith(" info    cancelled [a_1]: no result: no-speech\n")


def test_lines_are_written_even_while_a_library_silences_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with open_writer({}) as write:
        before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)  # as sounddevice does
        write(entry_of(EVENTS[6]))
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
    assert "no result: no-speech" in capfd.readouterr().err


def test_lines_that_a_full_disk_refuses_are_reported_later(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as file:
        writer = LineWriter(file)
        writer(entry_of(EVENTS[6]))
        writer(entry_of(EVENTS[6]))
        with open(tmp_path / "log", "wb") as log:
            os.dup2(log.fileno(), file.fileno())
        writer(entry_of(EVENTS[6]))
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first == "2 lines before this one could not be written"
    assert second.endswith("no result: no-speech")


def test_losses_are_reported_when_their_number_grows() -> None:
    entries: list[JournalEntry] = []
    losses = journal.Losses(Journal(entries.append))
    for counts in ((0, 0, 0), (2, 0, 0), (2, 0, 0), (2, 30, 0), (3, 31, 0), (3, 31, 7)):
        losses.look(*counts)
    told = [(entry.kind, dict(entry.fields)) for entry in entries]
    assert told == [
        (journal.SOUND_LOST, {"AURICLE_OVERRUNS": "2"}),
        (journal.SOUND_DROPPED, {"AURICLE_DROPPED": "30"}),
        (journal.SOUND_LOST, {"AURICLE_OVERRUNS": "3"}),
        (journal.SOUND_DROPPED, {"AURICLE_DROPPED": "31"}),
        (journal.LEVELS_DROPPED, {"AURICLE_LEVELS": "7"}),
    ]


def test_entries_that_a_client_causes_are_limited_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(journal.time, "monotonic", lambda: now)
    entries: list[JournalEntry] = []
    writer = Journal(entries.append)

    def cause(client: str, count: int) -> None:
        working_for(client)
        for _ in range(count):
            writer.write(journal.FAULT, "something failed")

    copy_context().run(cause, ":1.7", 1000)
    assert len(entries) == CLIENT_BURST
    copy_context().run(cause, ":1.8", 1)
    writer.write(journal.READY, "listening")  # caused by no client
    assert len(entries) == CLIENT_BURST + 2
    writer.report_suppressed()
    assert entries[-1].kind is journal.SUPPRESSED
    assert f"{1000 - CLIENT_BURST} fault" in entries[-1].message
    writer.report_suppressed()
    assert len(entries) == CLIENT_BURST + 3
    now += 10.0
    copy_context().run(cause, ":1.7", 1000)
    assert len(entries) == CLIENT_BURST + 3 + 10 * CLIENT_RATE


def test_many_clients_together_are_limited_too_and_other_kinds_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal.time, "monotonic", lambda: 100.0)
    entries: list[JournalEntry] = []
    writer = Journal(entries.append)

    def cause(client: str) -> None:
        working_for(client)
        writer.write(journal.MUTED, "the microphone is muted")

    for number in range(1000):
        copy_context().run(cause, f":1.{number}")
    assert len(entries) == KIND_BURST
    writer.write(journal.STOPPING, "Auricle stops")
    assert entries[-1].kind is journal.STOPPING


def test_debug_entries_are_not_limited() -> None:
    entries: list[JournalEntry] = []
    writer = Journal(entries.append, "debug")
    for _ in range(1000):
        writer.write_event(EVENTS[2])
    assert len(entries) == 1000
