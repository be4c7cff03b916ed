"""Which home fits this machine: a service of the system, or one of the person who is logged in.

In: the sockets of a person's own sound server, and the sound cards of the kernel. Out: a finding
with the one command that enables what fits. A sound server of a person has the microphone, and no
system service reaches it; where there is none, the system service opens the card itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from auricle.audio.alsa_cards import PROC_ASOUND, capture_devices
from auricle.diagnosis.bus import Owner
from auricle.diagnosis.finding import Finding, FindingStatus

SERVERS = {"PipeWire": "pipewire-0", "PulseAudio": "pulse/native"}  # below XDG_RUNTIME_DIR
SYSTEM_SERVER = Path("/run/pulse/native")  # PulseAudio that serves all
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
    """Return which service fits, and whether it is the one that runs.

    Args:
        daemon: the daemon that runs, if one does.
        bus: where it was looked for: "session", "system" or a D-Bus address.
        environment: tells where the person's own sound server has its sockets.
        cards: where the kernel tells of sound cards.
        system_server: the socket of a sound server for the whole system.
    """
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent")
    own = next((name for name, place in SERVERS.items() if (runtime / place).exists()), None)
    if own is not None:
        fits, reason = "user", f"{own} of this person has the microphone"
    elif system_server.exists():
        fits, reason = "system", "PulseAudio serves the whole system"
    elif capture_devices(cards):
        fits, reason = "system", "no sound server of this person runs, and the card is free"
    else:
        return Finding("home", FindingStatus.OK, "no sound tells which service fits: either does")
    runs = {"system": "system", "session": "user"}.get(bus) if daemon else None
    found = f"the {fits} service fits: {reason}"
    if runs == fits:
        return Finding("home", FindingStatus.OK, f"{found}; it runs")
    if runs is None:
        return Finding("home", FindingStatus.OK, f"{found}; `{ENABLE[fits]}` starts it")
    stop = ENABLE[runs].replace("enable", "disable")
    return Finding("home", FindingStatus.WARNING, f"{found}, but the {runs} service runs",
                   f"`{stop}`, then `{ENABLE[fits]}`")  # fmt: skip
