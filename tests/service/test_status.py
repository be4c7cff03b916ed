"""The state of the daemon and its status line."""

from __future__ import annotations

from auricle.assistant import Activity
from auricle.engine.capture_thread import MicrophoneLost, MicrophoneReady
from auricle.events import Cancelled, CancelReason, Wake
from auricle.service.status import StatusTracker

WAKE = Wake(session="1", time=1.0, wake_word="alexa", score=0.9, start=0.5, end=1.0)
END = Cancelled(session="1", time=2.0, reason=CancelReason.NO_SPEECH)


def test_state_follows_start_session_and_end() -> None:
    tracker = StatusTracker(("alexa", "okay_nabu"), "en")
    assert tracker.status.activity is Activity.STARTING
    assert tracker.sentence(0, 0, 0) == "Starting"
    tracker.follow(MicrophoneReady())
    assert tracker.sentence(0, 0, 0) == "Waiting for alexa, okay_nabu"
    tracker.follow(WAKE)
    assert tracker.status.activity is Activity.LISTENING
    tracker.follow(END)
    assert tracker.status.activity is Activity.IDLE


def test_muted_state_takes_priority_over_a_missing_microphone() -> None:
    tracker = StatusTracker((), "en")
    tracker.follow(MicrophoneLost("it is\nunplugged"))
    assert tracker.status.activity is Activity.UNAVAILABLE
    assert tracker.sentence(0, 0, 0) == "No microphone: it is unplugged"
    tracker.muted = True
    assert (tracker.status.activity, tracker.status.muted) == (Activity.MUTED, True)


def test_status_line_includes_losses() -> None:
    tracker = StatusTracker((), "en")
    tracker.follow(MicrophoneReady())
    sentence = "Waiting for a client; device overruns: 2; frames dropped: 30"
    assert tracker.sentence(2, 30, 0) == sentence
    assert tracker.sentence(0, 0, 7) == "Waiting for a client; levels dropped: 7"
