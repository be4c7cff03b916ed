"""Lists the capture devices of the sound cards from /proc/asound.

PortAudio does not list a device that it cannot open, so a microphone in use looks like a missing
one. The kernel knows the difference, and which process uses the device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC_ASOUND = Path("/proc/asound")


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """One recording device of a sound card."""

    name: str  # of the card
    address: str  # ALSA name, such as hw:1,0
    owner: int | None  # id of the process that has it open; None: it is free


def capture_devices(root: Path = PROC_ASOUND) -> tuple[CaptureDevice, ...]:
    """Return the capture devices that the kernel knows; an empty tuple without ALSA."""
    names = _card_names(root)
    found = []
    for folder in sorted(root.glob("card[0-9]*/pcm[0-9]*c")):
        card = folder.parent.name.removeprefix("card")
        device = folder.name.removeprefix("pcm").removesuffix("c")
        found.append(
            CaptureDevice(names.get(card, f"card {card}"), f"hw:{card},{device}", _owner(folder))
        )
    return tuple(found)


def _card_names(root: Path) -> dict[str, str]:
    """Map card numbers to names.

    The lines look like ' 1 [Device         ]: USB-Audio - USB PnP Sound Device'.
    """
    try:
        text = (root / "cards").read_text(errors="replace")
    except OSError:
        return {}
    return dict(re.findall(r"^\s*(\d+) \[.*?\]: .*? - (.+?)\s*$", text, re.MULTILINE))


def _owner(folder: Path) -> int | None:
    """Return the process that has a device open: each sub-stream's status names it or 'closed'."""
    for status in sorted(folder.glob("sub*/status")):
        try:
            text = status.read_text(errors="replace")
        except OSError:
            continue  # the card was unplugged meanwhile
        if match := re.search(r"^owner_pid\s*:\s*(\d+)", text, re.MULTILINE):
            return int(match.group(1))
    return None
