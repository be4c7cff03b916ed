"""The interface between the D-Bus server and the daemon.

The service implements `Assistant`. The server in `bus/` knows nothing else of the daemon, and the
engine and the recogniser know nothing of D-Bus. Every method is called on the event-loop thread.
"""

from __future__ import annotations

from typing import Protocol

from auricle.assistant import ListenOptions, Status
from auricle.compute.governor import Governor
from auricle.context.registry import ContextRegistry
from auricle.ducking.ducker import Ducker
from auricle.events import CancelReason
from auricle.privacy.guard import Guard


class Assistant(Protocol):
    """The daemon, as the D-Bus server uses it."""

    @property
    def contexts(self) -> ContextRegistry:
        """Stores the context entries of clients."""
        ...

    @property
    def privacy(self) -> Guard:
        """Decides what may leave the device."""
        ...

    @property
    def compute(self) -> Governor:
        """Sets the compute level."""
        ...

    @property
    def music(self) -> Ducker:
        """Ducks other sounds."""
        ...

    def status(self) -> Status:
        """Return the current state without blocking."""
        ...

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session for the client `owner` and return its id.

        The `Wake` event of the session must carry `owner`.

        Raises:
            BusyError: another session is running.
            MutedError: the microphone is muted.
            DeviceError: there is no microphone.
        """
        ...

    def play_recording(self) -> None:
        """Play the recording that replaces the microphone, if any, for a client."""
        ...

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """End a session with `Cancelled(reason)`.

        Raises:
            NoSuchSessionError: the session is not running.
        """
        ...

    async def set_muted(self, muted: bool) -> None:
        """Mute or unmute the microphone; muting cancels the running session."""
        ...
