"""The pattern of the LED: two blinks at the wake word, then on until the session ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from auricle.privacy.led import Led

BLINKS = 2
BLINK_SECONDS = 0.08  # on, and off


class WakeLight:
    """Drives one LED; call it on the event loop."""

    def __init__(self, led: Led, name: str | None, tell: Callable[[str], None]) -> None:
        """Switch the LED off.

        Args:
            led: writes the brightness.
            name: name of the LED; None: there is no LED.
            tell: takes a sentence on why the LED cannot be set.
        """
        self._led = led
        self._name = name
        self._tell = tell
        self._blinking: asyncio.Task[None] | None = None
        self._set(lit=False)

    def begin(self) -> None:
        """Blink, and stay on."""
        self.end()
        self._blinking = asyncio.ensure_future(self._blink())

    def end(self) -> None:
        """Switch off."""
        if self._blinking is not None:
            self._blinking.cancel()
            self._blinking = None
        self._set(lit=False)

    async def _blink(self) -> None:
        for _ in range(BLINKS):
            self._set(lit=True)
            await asyncio.sleep(BLINK_SECONDS)
            self._set(lit=False)
            await asyncio.sleep(BLINK_SECONDS)
        self._set(lit=True)

    def _set(self, *, lit: bool) -> None:
        if fault := self._led.show(self._name, lit=lit):
            self._tell(fault)
