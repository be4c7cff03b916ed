"""The privacy LED: a kernel LED that is lit while lattices may leave the device.

It writes the brightness in sysfs. After a kill the LED keeps its state until the next daemon sets
it. Writing does not block: the kernel sets a slow LED later.
"""

from __future__ import annotations

import os
from pathlib import Path

LEDS = Path("/sys/class/leds")
FULL = 1  # brightness if the LED has no max_brightness


class Led:
    """Controls one LED at a time."""

    def __init__(
        self,
        folder: Path,
        key: str = "privacy.led",
        effect: str = "it does not show whether lattices may leave",
    ) -> None:
        """Start without an LED.

        Args:
            folder: the LED folder of sysfs.
            key: the key of the configuration that names the LED, for messages.
            effect: what it means that the LED cannot be written.
        """
        self._folder = folder
        self._key = key
        self._effect = effect
        self._name: str | None = None
        self._last_fault = ""

    def show(self, name: str | None, *, lit: bool) -> str:
        """Switch an LED on or off, and switch off the LED that was named before.

        Returns:
            A sentence on why that failed; empty on success or if it is the same as last time.
        """
        fault = ""
        if self._name not in (None, name):
            fault = self._set(str(self._name), lit=False)
        self._name = name
        if name is not None:
            fault = self._set(name, lit=lit) or fault
        news = fault if fault != self._last_fault else ""
        self._last_fault = fault
        return news

    def _set(self, name: str, *, lit: bool) -> str:
        led = self._folder / name
        try:
            # Writing 0 first ends a trigger such as a heartbeat.
            _write(led / "brightness", 0)
            if lit:
                _write(led / "brightness", _full(led))
        except OSError as error:
            return (
                f"{self._key}: {led / 'brightness'} cannot be written ({error.strerror}), so "
                f"{self._effect}; name an existing LED and let Auricle write to it"
            )
        return ""


def _full(led: Path) -> int:
    try:
        return int((led / "max_brightness").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return FULL


def _write(file: Path, brightness: int) -> None:
    # Without O_CREAT and O_TRUNC: an LED that does not exist must be an error.
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, f"{brightness}\n".encode("ascii"))
    finally:
        os.close(descriptor)
