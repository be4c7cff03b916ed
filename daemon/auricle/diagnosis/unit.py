"""Checks which systemd service suits this machine: the system service or the user service.

In: the sockets of the user's sound server, and the sound cards of the kernel. Out: a finding with
the command that enables the suitable service. The sound server of a user owns the microphone, and a
system service cannot use it. Without such a server, the system service opens the sound card itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from auricle.audio.alsa_cards import PROC_ASOUND, capture_devices
from auricle.diagnosis.bus import Owner
from auricle.diagnosis.finding import Finding, FindingStatus

SERVERS = {"PipeWire": "pipewire-0", "PulseAudio": "pulse/native"}  # below XDG_RUNTIME_DIR
SYSTEM_SERVER = Path("/run/pulse/native")  # PulseAudio in system mode
ENABLE = {
    "system": "sudo systemctl enable --now auricle",
    "user": "systemctl --user enable --now auricle",
}


def examine_home(
    daemon: Owner | None,
    bus: str,
    environment: Mapping[str, str] = os.environ,
    cards: Path = PROC_ASOUND,
    system_server: Path = SYSTEM_SERVER,
) -> Finding:
    """Return a finding that says which service suits, and whether it is running.

    Args:
        daemon: the running daemon; None: it is not running.
        bus: the bus of the daemon: "session", "system" or a D-Bus address.
        environment: environment variables; XDG_RUNTIME_DIR has the sockets of the sound server.
        cards: /proc/asound, with the sound cards.
        system_server: the socket of a system-wide sound server.
    """
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent")
    own = next((name for name, place in SERVERS.items() if (runtime / place).exists()), None)
    if own is not None:
        fits, reason = "user", f"this user's {own} owns the microphone"
    elif system_server.exists():
        fits, reason = "system", "PulseAudio runs for the whole system"
    elif capture_devices(cards):
        fits, reason = "system", "this user has no sound server, so the sound card is free"
    else:
        return Finding(
            "home", FindingStatus.OK, "there is no sound card: either service can be used"
        )
    runs = {"system": "system", "session": "user"}.get(bus) if daemon else None
    found = f"use the {fits} service: {reason}"
    if runs == fits:
        return Finding("home", FindingStatus.OK, f"{found}; it is running")
    if runs is None:
        return Finding("home", FindingStatus.OK, f"{found}; `{ENABLE[fits]}` starts it")
    stop = ENABLE[runs].replace("enable", "disable")
    return Finding("home", FindingStatus.WARNING, f"{found}, but the {runs} service is running",
                   f"`{stop}`, then `{ENABLE[fits]}`")  # fmt: skip
