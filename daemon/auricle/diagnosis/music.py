"""Checks which back ends can duck music, and lists the players.

The check runs as the calling user; the daemon may run as another user, with other sound servers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from auricle.config.schema import MusicSettings
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, Backend, Look
from auricle.errors import SoundError
from auricle.service.assembly import make_backends

ANSWER_SECONDS = 2.0
MOST_NAMED = 5
KINDS = {
    PLAYERS: "players on D-Bus",
    STREAMS: "streams of PulseAudio or PipeWire",
    MIXER: "the mixer of the sound card",
}


def examine_music(settings: MusicSettings, bus: str) -> Iterator[Finding]:
    """Yield findings about the ducking back ends and the players that they see.

    Args:
        settings: the ducking settings.
        bus: bus of the players: "session", "system" or a D-Bus address.
    """
    if settings.mode == "off":
        yield Finding("music", FindingStatus.OK, "music is not ducked (music.mode is off)")
        return
    backends = make_backends(settings, bus)
    looks = asyncio.run(_look_at(backends))
    errors = [(one, look) for one, look in zip(backends, looks, strict=True)]
    reached = {one.name: look for one, look in errors if isinstance(look, Look)}
    if any(one.hears_all and not one.last_resort and one.name in reached for one in backends):
        reached.pop(MIXER, None)
    if not any(one.hears_all for one in backends if one.name in reached):
        told = [str(look) for _, look in errors if isinstance(look, SoundError)]
        found, _, remedy = (told[-1] if told else "").partition("; ")
        yield Finding(
            "music",
            FindingStatus.WARNING,
            "music cannot be ducked: there is no sound server and no mixer "
            f"({found or 'the configuration uses none'})",
            remedy or "add pulse or alsa to music.backends",
        )
    for name, look in reached.items():
        yield Finding("music", FindingStatus.OK, f"ducks {KINDS[name]}: {_named(look)}")


def _named(look: Look) -> str:
    names = sorted({f"{one.name}{'' if one.playing else ' (silent)'}" for one in look.sounds})
    if not names:
        return "nothing is playing"
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


async def _look_at(backends: Sequence[Backend]) -> list[Look | SoundError]:
    return await asyncio.gather(*(_look(backend) for backend in backends))


async def _look(backend: Backend) -> Look | SoundError:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await backend.start(lambda: None)
            return await backend.look()
    except SoundError as error:
        return error
    except TimeoutError:
        return SoundError(f"{backend.name} does not answer; restart it")
    finally:
        with contextlib.suppress(SoundError):
            await backend.close()
