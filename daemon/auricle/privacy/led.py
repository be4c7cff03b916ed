"""A light that tells whether lattices may leave: one of the kernel's LEDs, lit while they may.

In: the name of the LED and whether it shall be lit. Out: its brightness, in sysfs; a sentence where
it cannot be written, once. A daemon that is killed leaves it as it is, and the next one sets it
anew. Nothing is waited for: the kernel takes the number, and lets a slow driver follow later.
"""

from __future__ import annotations

import os
from pathlib import Path

LEDS = Path("/sys/class/leds")
FULL = 1  # brightness of an LED that does not tell how bright it can be


class Led:
    """One LED at a time."""

    def __init__(self, folder: Path) -> None:
        """Begin without one; `folder` holds the kernel's LEDs."""
        self._folder = folder
        self._name: str | None = None
        self._told = ""

    def show(self, name: str | None, *, lit: bool) -> str:
        """Light an LED or put it out; one that was named before and is no longer is put out.

        Returns:
            A sentence on why it cannot be; empty if it can, or if it was said the last time.
        """
        fault = ""
        if self._name not in (None, name):
            fault = self._set(str(self._name), lit=False)
        self._name = name
        if name is not None:
            fault = self._set(name, lit=lit) or fault
        news = fault if fault != self._told else ""
        self._told = fault
        return news

    def _set(self, name: str, *, lit: bool) -> str:
        led = self._folder / name
        try:
            # 0 first: that also ends a trigger, such as a heartbeat, which would go on else.
            _write(led / "brightness", 0)
            if lit:
                _write(led / "brightness", _full(led))
        except OSError as error:
            return (
                f"privacy.led: {led / 'brightness'} cannot be written ({error.strerror}): it does "
                "not show whether lattices may leave; name an LED that is there and let Auricle "
                "write to it"
            )
        return ""


def _full(led: Path) -> int:
    try:
        return int((led / "max_brightness").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return FULL


def _write(file: Path, brightness: int) -> None:
    # Neither made nor emptied: in sysfs a file is there, or there is no such LED.
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, f"{brightness}\n".encode("ascii"))
    finally:
        os.close(descriptor)
