"""The process of `auricle feedback`: a chime and a light when a wake word was heard.

In: the events of sessions that a wake word has begun, from D-Bus. Out: a sound and an LED. An
output that fails is told once per cause; the other one goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from auricle.audio.format import Samples
from auricle.client.client import AssistantClient
from auricle.errors import AuricleError
from auricle.feedback.light import WakeLight

ENDS = ("final", "cancelled", "error")


class Feedback:
    """Follows a daemon."""

    def __init__(
        self,
        chime: Samples,
        play: Callable[[Samples], None],
        light: WakeLight,
        tell: Callable[[str], None],
    ) -> None:
        """Set up.

        Args:
            chime: the sound, (n,) int16 at 16 kHz; empty: no sound.
            play: plays it and returns at its end; called in a thread.
            light: the LED.
            tell: takes a sentence for the journal.
        """
        self._chime = chime
        self._play = play
        self._light = light
        self._tell = tell
        self._playing: asyncio.Task[None] | None = None
        self._fault = ""

    async def serve(self, bus: str) -> None:
        """Follow the daemon on a bus until it stops.

        Raises:
            AuricleError: the daemon has stopped or refuses this user.
        """
        try:
            async with AssistantClient(bus) as client:
                await client.subscribe()
                async for name, _ in client.events():
                    self._follow(name)
        finally:
            self._light.end()
            if self._playing is not None:
                await asyncio.gather(self._playing, return_exceptions=True)

    def _follow(self, name: str) -> None:
        if name == "wake":
            self._light.begin()
            if len(self._chime) and (self._playing is None or self._playing.done()):
                self._playing = asyncio.ensure_future(self._sound())
        elif name in ENDS:
            self._light.end()

    async def _sound(self) -> None:
        try:
            await asyncio.to_thread(self._play, self._chime)
        except AuricleError as error:
            if str(error) != self._fault:
                self._tell(str(error))
            self._fault = str(error)
        else:
            self._fault = ""
