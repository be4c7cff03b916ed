"""The interface org.auricle.Assistant1: state, sessions, muting, subscriptions and monitor.

In: calls of D-Bus clients. Out: calls of the `Assistant` protocol (`bus/assistant.py`), replies and
signals. Signatures are those of `etc/dbus-1/interfaces/org.auricle.Assistant1.xml`; a test compares
the two. Only the owner and the subscribers of a session may read its transcript.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import auricle
from auricle.assistant import InputLevel, ListenOptions, Status
from auricle.bus.assistant import Assistant
from auricle.bus.clients import Audience, Clients
from auricle.bus.sessions import Sessions
from auricle.client.signals import ASSISTANT_SIGNALS
from auricle.dbus.interface import Changes, Interface, Method, Property
from auricle.dbus.names import ASSISTANT_INTERFACE, path_of, session_of
from auricle.errors import ArgumentError
from auricle.events import CancelReason


class Assistant1:
    """Implements org.auricle.Assistant1."""

    def __init__(
        self, assistant: Assistant, clients: Clients, audience: Audience, sessions: Sessions
    ) -> None:
        """`assistant` is the daemon; the others decide who may call it and who receives events."""
        self._assistant = assistant
        self._clients = clients
        self._audience = audience
        self._sessions = sessions

    def interface(self) -> Interface:
        """Return the interface to export."""
        status = self._assistant.status
        return Interface(
            name=ASSISTANT_INTERFACE,
            methods=(
                Method(
                    "Listen",
                    self._listen,
                    {"options": "a{sv}"},
                    {"session": "o"},
                    options={"no_speech_seconds": "d", "maximum_seconds": "d"},
                ),
                Method("Cancel", self._cancel, {"session": "o"}),
                Method(
                    "Subscribe",
                    self._subscribe,
                    {"options": "a{sv}"},
                    options={"wake_words": "as"},
                ),
                Method("Unsubscribe", self._unsubscribe),
                Method("StartMonitor", self._start_monitor),
                Method("StopMonitor", self._stop_monitor),
            ),
            properties=(
                Property("State", "s", lambda: status().activity.value, Changes.TRUE),
                Property("Muted", "b", lambda: status().muted, Changes.TRUE, self._set_muted),
                Property("WakeWords", "as", lambda: list(status().wake_words), Changes.TRUE),
                Property("Language", "s", lambda: status().language, Changes.TRUE),
                Property("Version", "s", lambda: auricle.__version__, Changes.CONST),
            ),
            signals=ASSISTANT_SIGNALS,
        )

    async def _listen(self, caller: str, options: Mapping[str, Any]) -> str:
        listen_options = ListenOptions(**options)
        await self._clients.admit(caller)
        return path_of(await self._assistant.listen(caller, listen_options))

    async def _cancel(self, caller: str, path: str) -> None:
        session = session_of(path)
        self._sessions.check_access(session, caller)
        await self._assistant.cancel(session, CancelReason.REQUESTED)

    async def _subscribe(self, caller: str, options: Mapping[str, Any]) -> None:
        chosen = options.get("wake_words")
        known = self._assistant.status().wake_words
        for word in chosen or ():
            if word not in known:
                raise ArgumentError(
                    f"option 'wake_words' has {word!r}, which is no active wake word; "
                    f"choose from: {', '.join(known)}"
                )
        await self._clients.admit(caller)
        self._play_recording_to(caller)
        self._audience.subscribe(caller, chosen)

    def _play_recording_to(self, caller: str) -> None:
        """Play the recording for a client that joins the audience."""
        if caller not in self._audience:
            self._assistant.play_recording()

    async def _unsubscribe(self, caller: str) -> None:
        self._audience.unsubscribe(caller)
        self._sessions.leave(caller, subscription_only=True)

    async def _start_monitor(self, caller: str) -> None:
        await self._clients.admit(caller)
        self._play_recording_to(caller)
        self._audience.monitors.add(caller)

    async def _stop_monitor(self, caller: str) -> None:
        self._audience.monitors.discard(caller)

    async def _set_muted(self, caller: str, muted: object) -> None:
        if not muted:  # anyone may mute
            await self._clients.admit(caller)
        await self._assistant.set_muted(bool(muted))


def level_body(level: InputLevel) -> list[object]:
    """Return the body of the signal Level."""
    return [level.time, level.decibels, dict(level.wake_scores)]


def changed_properties(before: Status, after: Status) -> list[str]:
    """Return the names of the properties that differ."""
    pairs = {
        "State": (before.activity, after.activity),
        "Muted": (before.muted, after.muted),
        "WakeWords": (before.wake_words, after.wake_words),
        "Language": (before.language, after.language),
    }
    return [name for name, (old, new) in pairs.items() if old != new]
