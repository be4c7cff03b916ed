"""A daemon without microphone and models, with real parts behind the D-Bus server."""

from __future__ import annotations

import os
from pathlib import Path

from auricle.assistant import Activity, ListenOptions, Status
from auricle.compute.governor import Governor
from auricle.config.schema import PrivacySettings
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.events import CancelReason
from auricle.privacy.guard import Guard, Places


class QuietAssistant:
    """Implements `Assistant` (bus/assistant.py) and never hears anything."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`."""
        self.contexts = ContextRegistry(Store(folder / "context"), self._ignore, print)
        self.privacy = Guard(
            PrivacySettings(),
            Places(folder / "privacy", folder / "relay" / "lattices", {os.getuid()}),
            "en",
            lambda: None,
            print,
            self.contexts.erase,
        )
        self.compute = Governor("auto", lambda level, why: None)
        self.music = Ducker(
            (), Policy(DuckingMode.DUCK, 20.0), 0.0, SavedVolumes(folder / "d.json"), print, print
        )

    async def _ignore(self, context: object) -> None:
        pass

    def status(self) -> Status:
        """Return a state that never changes."""
        return Status(Activity.IDLE, False, ("alexa",), "en")

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Return a session that does not exist."""
        return "s1"

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """Do nothing."""

    async def set_muted(self, muted: bool) -> None:
        """Do nothing."""
