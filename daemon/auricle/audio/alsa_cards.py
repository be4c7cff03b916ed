"""What the kernel tells of the sound cards that record, in /proc/asound.

PortAudio leaves out every device that it cannot open when it starts: to it a microphone that is
in use looks like one that is missing. The kernel knows the difference, and who uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC_ASOUND = Path("/proc/asound")


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """One recording device of a sound card."""

    name: str  # as the card calls itself
    address: str  # ALSA's name for it, such as hw:1,0
    owner: int | None  # id of the process that has it open; None when it is free


def capture_devices(root: Path = PROC_ASOUND) -> tuple[CaptureDevice, ...]:
    """Return the recording devices that the kernel knows; none where it has no ALSA."""
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
    """Read lines such as ' 1 [Device         ]: USB-Audio - USB PnP Sound Device'."""
    try:
        text = (root / "cards").read_text(errors="replace")
    except OSError:
        return {}
    return dict(re.findall(r"^\s*(\d+) \[.*?\]: .*? - (.+?)\s*$", text, re.MULTILINE))


def _owner(folder: Path) -> int | None:
    """Read the status of each sub-stream: 'closed', or lines with the owner's process id."""
    for status in sorted(folder.glob("sub*/status")):
        try:
            text = status.read_text(errors="replace")
        except OSError:
            continue  # the card was pulled out just now
        if match := re.search(r"^owner_pid\s*:\s*(\d+)", text, re.MULTILINE):
            return int(match.group(1))
    return None
