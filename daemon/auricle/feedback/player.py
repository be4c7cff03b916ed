"""Plays a short sound on the default output of the system.

It writes blocks to PortAudio and needs no callback, because the unit denies writable+executable
memory. The sound server gets the media role `event`, so that the daemon does not duck the chime.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

import numpy as np

from auricle.audio.devices import start_portaudio
from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.errors import DeviceError

ROLE = "media.role=event"  # see music.spared_roles
LATENCY_SECONDS = 0.05
SILENCE = np.zeros(round(0.1 * SAMPLE_RATE), np.int16)  # some outputs cut the end off


class ChimePlayer:
    """Plays sounds one at a time; use it from one thread."""

    def __init__(self) -> None:
        """Set up; the output is opened for each sound, so that other programs can use it."""
        os.environ.setdefault("PULSE_PROP", ROLE)  # read by libpulse
        self._sounddevice: ModuleType | None = None  # None: PortAudio must look for devices again

    def play(self, samples: Samples) -> None:
        """Play samples, (n,) int16 at 16 kHz; return when they have been played.

        Raises:
            DeviceError: there is no output, or it is in use.
        """
        sounddevice = self._sounddevice = self._sounddevice or start_portaudio()
        try:
            stream: Any = sounddevice.RawOutputStream(
                samplerate=SAMPLE_RATE, channels=1, dtype="int16", latency=LATENCY_SECONDS
            )
            with stream:
                stream.write(np.concatenate([samples, SILENCE]).tobytes())
        except (sounddevice.PortAudioError, ValueError) as error:
            self._sounddevice = None
            raise DeviceError(
                f"feedback.chime: the default output cannot play ({error}); check `pactl info`, or "
                "set feedback.chime to off"
            ) from error
