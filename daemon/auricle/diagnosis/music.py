"""What plays beside Auricle, and by what it can be ducked.

It is looked at as the user who asks; the daemon may be another one, who reaches other servers.
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
    PLAYERS: "players on the bus",
    STREAMS: "streams of PulseAudio or PipeWire",
    MIXER: "the mixer of the sound card",
}


def examine_music(settings: MusicSettings, bus: str) -> Iterator[Finding]:
    """Yield by what music is ducked, and which players are seen.

    Args:
        settings: how it is to be done.
        bus: "session", "system" or a D-Bus address, on which players are looked for.
    """
    if settings.mode == "off":
        yield Finding("music", FindingStatus.OK, "it is not ducked (music.mode is off)")
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
            f"no sound server and no mixer is there to duck it by: {found or 'none may be used'}",
            remedy or "name pulse or alsa in music.backends",
        )
    for name, look in reached.items():
        yield Finding("music", FindingStatus.OK, f"by {KINDS[name]}: {_named(look)}")


def _named(look: Look) -> str:
    names = sorted({f"{one.name}{'' if one.playing else ' (silent)'}" for one in look.sounds})
    if not names:
        return "none plays"
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
