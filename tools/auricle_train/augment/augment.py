"""Augments speech: other voices, rooms, noise, music, babble, poor microphones, codecs.

In: float32 samples of clean speech and a random generator. Out: samples, or features, with the same
time axis (except `change_speed`), so that a teacher can read the clean version. Equal generator
states give equal results.
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
    """How often (share of utterances, 0 to 1) and how strongly utterances are augmented."""

    speed: float = 0.4  # share of clips; changes the pitch too
    speed_factors: Range = (0.88, 1.14)
    pitch: float = 0.1  # changes the formants too
    pitch_factors: Range = (0.84, 1.19)  # three semitones
    formants: float = 0.2
    formant_factors: Range = (0.9, 1.1)  # factor of the frequency
    room: float = 0.3
    background: float = 0.5  # noise or music
    background_ratio: Range = (3.0, 28.0)  # dB, speech to noise
    babble: float = 0.08
    babble_ratio: Range = (5.0, 25.0)  # dB
    talkers: tuple[int, int] = (3, 7)  # voices in the babble, upper end excluded
    band: float = 0.1  # limited frequency band of a small microphone or telephone
    colour: float = 0.1
    colour_decibels: float = 8.0  # maximum gain or loss of a band
    hum: float = 0.05
    hum_level: Range = (-60.0, -35.0)  # dB of full scale
    clipped: float = 0.04
    clipped_at: Range = (0.2, 0.8)  # share of the peak
    codec: float = 0.05
    gain: Range = (-14.0, 8.0)  # dB, always
    masked_bands: tuple[int, int] = (2, 12)  # number of masks, and exclusive maximum width
    masked_frames: tuple[int, int] = (300, 20)  # frames per mask, and exclusive maximum width


USUAL = Disturbance()


@dataclass(frozen=True)
class Sounds:
    """Sounds for the augmentation."""

    backgrounds: Sequence[Samples]  # noise and music
    talkers: Sequence[NDArray[np.int16]] = ()  # speech for babble; empty: no babble
    rooms: Sequence[Samples] = ()  # room impulse responses; empty: decaying noise


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play faster (factor > 1) or slower; the pitch changes too, as on a tape."""
    count = int(len(samples) / factor)
    where = np.arange(count) * factor
    return np.interp(where, np.arange(len(samples)), samples).astype(np.float32)


def diffuse_room(generator: np.random.Generator) -> Samples:
    """Return a simple room response: decaying noise after the direct sound."""
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
    """Add a random part of a background at a signal-to-noise ratio in dB."""
    noise = stretch(background, len(samples), generator)
    scale = _loudness(samples) / _loudness(noise) * 10.0 ** (-ratio / 20.0)
    return (samples + noise * np.float32(scale)).astype(np.float32)


def babble(
    speech: Sequence[NDArray[np.int16]], count: int, talkers: int, generator: np.random.Generator
) -> Samples:
    """Return (count,) samples of several equally loud talkers at once."""
    mixed = np.zeros(count, np.float32)
    for number in generator.integers(len(speech), size=talkers):
        voice = stretch(speech[number], count, generator).astype(np.float32) / 32768
        mixed += voice / _loudness(voice)
    return mixed / talkers


def stretch(sound: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return (count,) samples from a random position; short sounds are repeated."""
    start = int(generator.integers(len(sound)))
    if start + count <= len(sound):
        return sound[start : start + count]
    return np.resize(np.roll(sound, -start), count)


def _loudness(samples: Samples) -> np.float32:
    return np.sqrt(np.mean(samples**2) + np.float32(1e-9))


def disturb(
    samples: Samples, sounds: Sounds, generator: np.random.Generator, plan: Disturbance = USUAL
) -> Samples:
    """Apply random augmentations that keep the time axis, in physical order.

    Returns:
        Samples of the same count, -1 to 1.
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
    """Apply the effects of microphone and transmission."""
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
    """Stretch the frequency axis by `factor`, like a vocal tract shorter by `factor`.

    This is vocal tract length perturbation (Jaitly and Hinton, ICML workshop 2013) on features.
    """
    centres = _band_centres()
    bands = np.arange(len(centres))
    source = np.interp(centres / factor, centres, bands)
    low = np.minimum(source.astype(int), len(bands) - 2)
    share = (source - low).astype(np.float32)
    return features[:, low] * (1 - share) + features[:, low + 1] * share


@cache
def _band_centres() -> NDArray[np.float64]:
    """Return the centre of each mel band, (80,), in spectrum bins."""
    filters = mel_filters()  # (bins, 80)
    return np.arange(len(filters)) @ filters / filters.sum(axis=0)


def mask(
    features: NDArray[np.float32], generator: np.random.Generator, plan: Disturbance = USUAL
) -> None:
    """Mask bands and frames of (frames, 80) in place, as in SpecAugment (arXiv:1904.08779)."""
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
