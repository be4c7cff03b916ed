"""Tracks the state of the daemon from the reports of its threads.

It provides the public `Status` for clients and the status line for systemd.
"""

from __future__ import annotations

from auricle.assistant import Activity, Status
from auricle.engine.capture_thread import MicrophoneLost, MicrophoneReady
from auricle.events import Cancelled, Event, Failed, Final, Wake


class StatusTracker:
    """Call `follow` with every report, in order."""

    def __init__(self, wake_words: tuple[str, ...] = (), language: str = "") -> None:
        """Start in the state STARTING; the models name the wake words and the language."""
        self.wake_words = wake_words
        self.language = language  # BCP 47 tag
        self.muted = False
        self._started = False
        self._away: str | None = None  # why there is no microphone
        self._listening = False  # a session is running

    @property
    def status(self) -> Status:
        """The public state."""
        return Status(self._activity, self.muted, self.wake_words, self.language)

    @property
    def _activity(self) -> Activity:
        if self._listening:
            return Activity.LISTENING
        if self.muted:
            return Activity.MUTED
        if self._away is not None:
            return Activity.UNAVAILABLE
        return Activity.IDLE if self._started else Activity.STARTING

    def follow(self, report: Event | MicrophoneLost | MicrophoneReady) -> None:
        """Update the state with a report."""
        match report:
            case MicrophoneLost(reason=reason):
                self._away, self._started = reason, True
            case MicrophoneReady():
                self._away, self._started = None, True
            case Wake():
                self._listening = True
            case Final() | Cancelled() | Failed():
                self._listening = False

    def sentence(self, overruns: int, dropped: int, levels: int) -> str:
        """Return the status line for systemd, with the losses since the start.

        Args:
            overruns: how often the device lost audio.
            dropped: audio frames of 10 ms dropped because recognition was too slow.
            levels: input levels dropped because the event loop was too slow.
        """
        parts = [self._sentence()]
        if overruns:
            parts.append(f"device overruns: {overruns}")
        if dropped:
            parts.append(f"frames dropped: {dropped}")
        if levels:
            parts.append(f"levels dropped: {levels}")
        return " ".join("; ".join(parts).split())

    def _sentence(self) -> str:
        match self._activity:
            case Activity.STARTING:
                return "Starting"
            case Activity.LISTENING:
                return "Listening to a command"
            case Activity.MUTED:
                return "Muted"
            case Activity.UNAVAILABLE:
                return f"No microphone: {self._away}"
            case Activity.IDLE if self.wake_words:
                return f"Waiting for {', '.join(self.wake_words)}"
            case _:
                return "Waiting for a client"
