"""Assembles what ducks other sounds, by the configuration.

In: the section `music`, and the bus that Auricle is on. Out: back ends, and the conductor of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auricle.config.schema import MusicSettings
from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, Backend
from auricle.ducking.backends.alsa import AlsaMixer
from auricle.ducking.backends.mpris import MprisPlayers
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes


def make_music(
    settings: MusicSettings,
    bus: str,
    folder: Path,
    tell: Callable[[str], None],
    on_change: Callable[[], None],
) -> Ducker:
    """Return what ducks other sounds.

    Args:
        settings: how it is to be done.
        bus: "session", "system" or a D-Bus address, on which players are looked for.
        folder: keeps what is ducked.
        tell: takes a sentence on what cannot be done.
        on_change: is called when other sounds are to be quiet, and when no longer.
    """
    record = SavedVolumes(folder / "ducked.json")
    backends = make_backends(settings, bus)
    linger = settings.linger_ms / 1000
    return Ducker(backends, policy_of(settings), linger, record, tell, on_change)


def make_backends(settings: MusicSettings, bus: str) -> tuple[Backend, ...]:
    """Return the back ends that may be used."""
    makers: dict[str, Callable[[], Backend]] = {
        PLAYERS: lambda: MprisPlayers(bus),
        STREAMS: lambda: PulseStreams(settings.pulse_server, settings.spared_roles),
        MIXER: lambda: AlsaMixer(settings.alsa_card, settings.alsa_control),
    }
    return tuple(makers[name]() for name in dict.fromkeys(settings.backends))


def policy_of(settings: MusicSettings) -> Policy:
    """Return how other sounds are ducked."""
    return Policy(DuckingMode(settings.mode), settings.decibels)
