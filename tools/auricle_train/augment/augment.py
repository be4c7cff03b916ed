"""Makes utterances harder: other voices, rooms, noise, music, babble, poor microphones, codecs.

In: float32 samples of clean speech and a random generator. Out: samples, or features, of the same
time axis (but for `change_speed`), so that the clean version can teach. All of it is seeded: the
same generator makes the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from auricle.features import SAMPLE_RATE, SILENCE, mel_filters
from auricle_train.augment.channel import add_hum, clip_peaks, colour, limit_band, pass_codec
from auricle_train.augment.pitch import shift_pitch

Samples = NDArray[np.float32]
Range = tuple[float, float]


@dataclass(frozen=True)
class Disturbance:
    """How often, 0 to 1 of the utterances, and how much they are disturbed."""

    speed: float = 0.4  # of each clip; pitch moves with it
    speed_factors: Range = (0.88, 1.14)
    pitch: float = 0.1  # formants move with it
    pitch_factors: Range = (0.84, 1.19)  # three semitones
    formants: float = 0.2
    formant_factors: Range = (0.9, 1.1)  # of their frequency
    room: float = 0.3
    background: float = 0.5  # noise or music
    background_ratio: Range = (3.0, 28.0)  # dB, speech to noise
    babble: float = 0.08
    babble_ratio: Range = (5.0, 25.0)  # dB
    talkers: tuple[int, int] = (3, 7)  # voices in the babble, the last number excluded
    band: float = 0.1  # what a small microphone or a telephone does not hear
    colour: float = 0.1
    colour_decibels: float = 8.0  # the most that a band is raised or lowered
    hum: float = 0.05
    hum_level: Range = (-60.0, -35.0)  # dB of full scale
    clipped: float = 0.04
    clipped_at: Range = (0.2, 0.8)  # of the peak
    codec: float = 0.05
    gain: Range = (-14.0, 8.0)  # dB, always
    masked_bands: tuple[int, int] = (2, 12)  # how many masks, and the width below which they stay
    masked_frames: tuple[int, int] = (300, 20)  # a mask in so many frames, and the same


USUAL = Disturbance()


@dataclass(frozen=True)
class Sounds:
    """What utterances are mixed with."""

    backgrounds: Sequence[Samples]  # noise and music
    talkers: Sequence[NDArray[np.int16]] = ()  # speech, for babble; without it there is none
    rooms: Sequence[Samples] = ()  # impulse responses, see `rooms`; without them decaying noise


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play faster (factor > 1) or slower; pitch moves with it, as on a tape."""
    count = int(len(samples) / factor)
    where = np.arange(count) * factor
    return np.interp(where, np.arange(len(samples)), samples).astype(np.float32)


def diffuse_room(generator: np.random.Generator) -> Samples:
    """Return the response of a room without walls: decaying noise after the direct sound."""
    decay = generator.uniform(0.1, 0.5)  # seconds to -60 dB
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(len(time)) * 10.0 ** (-3.0 * time / decay)
    tail[: SAMPLE_RATE // 400] = 0.0
    tail *= 10.0 ** (generator.uniform(-12.0, 0.0) / 20.0) / np.sqrt(np.sum(tail**2) + 1e-9)
    tail[0] = 1.0
    return tail.astype(np.float32)


def add_background(
    samples: Samples, background: Samples, ratio: float, generator: np.random.Generator
) -> Samples:
    """Mix a random stretch of background in, at a signal-to-noise ratio in dB."""
    noise = stretch(background, len(samples), generator)
    scale = _loudness(samples) / _loudness(noise) * 10.0 ** (-ratio / 20.0)
    return (samples + noise * np.float32(scale)).astype(np.float32)


def babble(
    speech: Sequence[NDArray[np.int16]], count: int, talkers: int, generator: np.random.Generator
) -> Samples:
    """Return (count,) samples of so many talkers at once, each equally loud."""
    mixed = np.zeros(count, np.float32)
    for number in generator.integers(len(speech), size=talkers):
        voice = stretch(speech[number], count, generator).astype(np.float32) / 32768
        mixed += voice / _loudness(voice)
    return mixed / talkers


def stretch(sound: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return (count,) samples from a random place on; what is too short is repeated."""
    start = int(generator.integers(len(sound)))
    if start + count <= len(sound):
        return sound[start : start + count]
    return np.resize(np.roll(sound, -start), count)


def _loudness(samples: Samples) -> np.float32:
    return np.sqrt(np.mean(samples**2) + np.float32(1e-9))


def disturb(
    samples: Samples, sounds: Sounds, generator: np.random.Generator, plan: Disturbance = USUAL
) -> Samples:
    """Apply a random choice of all that keeps the time axis, in the order in which it happens.

    Returns:
        As many samples, -1 to 1.
    """

    def happens(share: float) -> bool:
        return bool(generator.random() < share)

    count = len(samples)
    if happens(plan.pitch):
        samples = shift_pitch(samples, generator.uniform(*plan.pitch_factors))
    if happens(plan.room):
        samples = oaconvolve(samples, _room(sounds.rooms, generator))[:count]
    if happens(plan.background) and sounds.backgrounds:
        noise = sounds.backgrounds[int(generator.integers(len(sounds.backgrounds)))]
        ratio = generator.uniform(*plan.background_ratio)
        samples = add_background(samples, noise, ratio, generator)
    if happens(plan.babble) and sounds.talkers:
        voices = babble(sounds.talkers, count, int(generator.integers(*plan.talkers)), generator)
        ratio = generator.uniform(*plan.babble_ratio)
        samples = add_background(samples, voices, ratio, generator)
    samples = _record(samples, happens, generator, plan)
    gain = 10.0 ** (generator.uniform(*plan.gain) / 20.0)
    return np.clip(samples * np.float32(gain), -1.0, 1.0)


def _room(rooms: Sequence[Samples], generator: np.random.Generator) -> Samples:
    return rooms[int(generator.integers(len(rooms)))] if rooms else diffuse_room(generator)


def _record(
    samples: Samples, happens: Callable[[float], bool], generator: np.random.Generator,
    plan: Disturbance,
) -> Samples:  # fmt: skip
    """Apply what the microphone and the line behind it do."""
    if happens(plan.band):
        samples = limit_band(samples, generator)
    if happens(plan.colour):
        samples = colour(samples, plan.colour_decibels, generator)
    if happens(plan.hum):
        samples = add_hum(samples, generator.uniform(*plan.hum_level), generator)
    if happens(plan.clipped):
        samples = clip_peaks(samples, generator.uniform(*plan.clipped_at))
    if happens(plan.codec):
        samples = pass_codec(samples, generator)
    return samples


def disturb_features(
    features: NDArray[np.float32], generator: np.random.Generator, plan: Disturbance = USUAL
) -> None:
    """Shift formants and mask in place, on (frames, 80) log-mel."""
    if generator.random() < plan.formants:
        features[:] = shift_formants(features, generator.uniform(*plan.formant_factors))
    mask(features, generator, plan)


def shift_formants(features: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Stretch the frequency axis, as a vocal tract shorter by `factor` does.

    Vocal tract length perturbation (Jaitly and Hinton, ICML workshop 2013), on finished features.
    """
    centres = _band_centres()
    bands = np.arange(len(centres))
    source = np.interp(centres / factor, centres, bands)
    low = np.minimum(source.astype(int), len(bands) - 2)
    share = (source - low).astype(np.float32)
    return features[:, low] * (1 - share) + features[:, low + 1] * share


@cache
def _band_centres() -> NDArray[np.float64]:
    """Return the middle of each band, (80,), in bins of the spectrum."""
    filters = mel_filters()  # (bins, 80)
    return np.arange(len(filters)) @ filters / filters.sum(axis=0)


def mask(
    features: NDArray[np.float32], generator: np.random.Generator, plan: Disturbance = USUAL
) -> None:
    """SpecAugment (arXiv:1904.08779) in place on (frames, 80): bands and moments go silent."""
    frames, bands = features.shape
    count, widest = plan.masked_bands
    for _ in range(count):
        width = int(generator.integers(widest))
        start = int(generator.integers(bands - width))
        features[:, start : start + width] = SILENCE
    every, longest = plan.masked_frames
    for _ in range(max(1, frames // every)):
        width = int(generator.integers(longest))
        start = int(generator.integers(max(1, frames - width)))
        features[start : start + width] = SILENCE
