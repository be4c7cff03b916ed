"""Adds noise to clips: café, kitchen or music, at given levels, from the dev sets only.

In: a clip and the other dev clips. Out: the clip with noise. The noise of a clip is the same at
every level and in every run, so that levels, bundles and peers are comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle_train.data.corpus import Clip

TALKERS = 6  # number of voices in the babble
MURMUR_DB = 10.0  # level of a café's babble above its other noise
WINDOW = 320  # samples, 20 ms
FULL_SCALE = 32767.0

Sound = NDArray[np.float32]  # (n,) at 16 kHz


class Place(StrEnum):
    """Kinds of noise."""

    CAFE = "café"  # babble of other speakers, and noise
    KITCHEN = "kitchen"  # noises, one after the other
    MUSIC = "music"


@dataclass(frozen=True)
class Condition:
    """A kind of noise and a signal-to-noise ratio."""

    place: Place
    decibels: float

    def __str__(self) -> str:
        """Return the text for a table."""
        return f"{self.place} {self.decibels:g} dB"


CONDITIONS = (
    *(Condition(Place.CAFE, level) for level in (24.0, 18.0, 12.0, 6.0)),
    *(Condition(Place.KITCHEN, level) for level in (24.0, 18.0, 12.0, 6.0)),
    *(Condition(Place.MUSIC, level) for level in (18.0, 12.0, 6.0)),
)


@dataclass(frozen=True)
class Background:
    """Sources of noise."""

    voices: Sequence[Clip]
    noises: Sequence[Clip]
    music: Sequence[Clip]

    def mix(
        self, clip: Clip, samples: NDArray[np.int16], condition: Condition
    ) -> NDArray[np.int16]:
        """Return `samples`, (n,) int16, with the noise of a condition.

        Args:
            clip: clip in the samples; its speaker is not used for the babble.
            samples: the clip, with or without silence after it.
            condition: kind of noise, and ratio of the clip's loud parts to the mean noise level.

        Raises:
            ArgumentError: the dev sets have no material for this noise.
        """
        place = condition.place
        generator = np.random.default_rng(crc32(f"{place} {clip.name}".encode()))
        noise = self._sound(place, clip.speaker, len(samples), generator)
        noise *= voice_level(clip.samples) * 10.0 ** (-condition.decibels / 20.0)
        mixed = samples + noise
        return (mixed * min(1.0, FULL_SCALE / np.abs(mixed).max())).astype(np.int16)

    def _sound(
        self, place: Place, speaker: str, count: int, generator: np.random.Generator
    ) -> Sound:
        """Return (count,) samples of a kind of noise, with a mean square of 1."""
        if place is Place.MUSIC:
            return _level(_stream(_need(self.music, "music"), count, generator))
        noise = _level(_stream(_need(self.noises, "noise"), count, generator))
        if place is Place.KITCHEN:
            return noise
        others = [clip for clip in self.voices if clip.speaker != speaker]
        babble = _babble(_need(others, "voices of other speakers"), count, generator)
        return _level(babble + noise * 10.0 ** (-MURMUR_DB / 20.0))


def voice_level(samples: NDArray[np.int16]) -> float:
    """Return the root of the mean square of the 20 ms windows within 35 dB of the loudest."""
    count = max(1, len(samples) // WINDOW)
    windows = np.resize(samples, count * WINDOW).reshape(count, WINDOW).astype(np.float64)
    power = np.mean(windows**2, axis=1)
    return float(np.sqrt(np.mean(power[power >= power.max() * 10.0**-3.5])))


def _babble(clips: Sequence[Clip], count: int, generator: np.random.Generator) -> Sound:
    """Return the babble of several equally loud talkers, with a mean square of 1."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    speakers = sorted(by_speaker)
    talkers = generator.choice(len(speakers), TALKERS, replace=len(speakers) < TALKERS)
    talk = [_stream(by_speaker[speakers[index]], count, generator) for index in talkers]
    return _level(np.sum([_level(one) for one in talk], axis=0))


def _stream(clips: Sequence[Clip], count: int, generator: np.random.Generator) -> Sound:
    """Return (count,) samples of random clips in sequence, each with the same power."""
    return np.concatenate(list(_pieces(clips, count, generator)))[:count]


def _pieces(clips: Sequence[Clip], count: int, generator: np.random.Generator) -> Iterator[Sound]:
    """Yield clips until they fill `count` samples; the first starts at a random position."""
    first = clips[int(generator.integers(len(clips)))].samples
    piece = _level(first.astype(np.float32))[int(generator.integers(len(first))) :]
    while True:
        yield piece
        count -= len(piece)
        if count <= 0:
            return
        piece = _level(clips[int(generator.integers(len(clips)))].samples.astype(np.float32))


def _level(sound: Sound) -> Sound:
    """Return the sound with a mean square of 1; silence stays silence."""
    return (sound / np.sqrt(np.mean(sound**2) + 1e-9)).astype(np.float32)


def _need(clips: Sequence[Clip], what: str) -> Sequence[Clip]:
    if not clips:
        raise ArgumentError(
            f"the dev split has no {what} to mix under speech: leave --noise out, or add some"
        )
    return clips
