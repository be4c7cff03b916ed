"""The chime that says that the wake word was heard.

In: the setting feedback.chime. Out: samples, (n,) int16 at 16 kHz. The builtin chime is two short
rising sine tones. It has no noise and no formants, so that the recognizer does not take it for
speech when the microphone hears it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.errors import AudioError

OFF, BUILTIN = "off", "builtin"
TONES = (784.0, 1046.5)  # Hz: G5 and C6
TONE_SECONDS = 0.09
EDGE_SECONDS = 0.012  # rise of a tone, so that it does not click
DECAY_SECONDS = 0.05  # time constant of its fall
LONGEST_SECONDS = 2.0


def make_chime(setting: str, volume: float) -> Samples:
    """Return the chime of a setting; empty if it is off.

    Args:
        setting: "off", "builtin" or the path of a recording.
        volume: 0 to 1; the peak of the builtin chime, or a factor for a recording.

    Raises:
        AudioError: the recording cannot be read, or is too long.
    """
    if setting == OFF:
        return np.zeros(0, np.int16)
    if setting == BUILTIN:
        return _to_int16(np.concatenate([_tone(frequency) for frequency in TONES]) * volume)
    samples = read_recording(Path(setting))
    if len(samples) > LONGEST_SECONDS * SAMPLE_RATE:
        raise AudioError(
            f"feedback.chime: {setting} is {len(samples) / SAMPLE_RATE:.1f} s long; give a "
            f"recording of at most {LONGEST_SECONDS:g} s"
        )
    return _to_int16(samples / 32768.0 * volume)


def _tone(frequency: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a tone with a peak of 1 or less, (n,) float64."""
    times = np.arange(round(TONE_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    rise = np.clip(times / EDGE_SECONDS, 0.0, 1.0)
    fall = np.clip((TONE_SECONDS - times) / EDGE_SECONDS, 0.0, 1.0)
    decay = np.exp(-np.maximum(0.0, times - EDGE_SECONDS) / DECAY_SECONDS)
    tone: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        np.sin(2 * np.pi * frequency * times) * rise * fall * decay
    )
    return tone


def _to_int16(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Samples:
    rounded: Samples = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)
    return rounded
