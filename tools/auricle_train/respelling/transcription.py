"""Synthesises names and transcribes them with the recogniser.

In: names, voice engines, a bundle. Out: spoken and recognised texts in a file with one JSON object
per line, from which an interrupted run resumes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from auricle.audio.format import SAMPLE_RATE
from auricle.errors import ArgumentError
from auricle.recognizer.recognizer import Recognizer
from auricle_train.synthesis.engine import SPEEDS, Engine, Manner

CARRIERS = (
    ("call", "please"),
    ("play the song by", ""),
    ("turn on the", "light"),
    ("send a message to", "now"),
)
FASTEST = 1.05  # maximum speed of a voice, so that it stays intelligible
QUIET_SECONDS = 0.5  # silence before and after the speech
LOUDNESS = 20_000  # int16 value of a sample of 1.0


@dataclass(frozen=True)
class Hearing:
    """A spoken name and its recognised texts."""

    name: str
    carrier: tuple[str, str]  # words before and after
    heard: tuple[str, ...]  # distinct texts of both passes

    @property
    def said(self) -> str:
        """The whole spoken sentence."""
        return " ".join((self.carrier[0], self.name, self.carrier[1])).strip()

    def middles(self) -> Iterator[str]:
        """Yield the text recognised for the name, if the carrier words are correct."""
        before, after = (part.split() for part in self.carrier)
        for text in self.heard:
            words = text.split()
            last = len(words) - len(after)
            if words[: len(before)] == before and words[last:] == after and last > len(before):
                yield " ".join(words[len(before) : last])


def hear(
    names: Sequence[str], voices: Sequence[tuple[Engine, str]], recognizer: Recognizer, out: Path
) -> list[Hearing]:
    """Synthesise and recognise names, alternating between voices.

    Args:
        names: names in lower case.
        voices: voices with their engines.
        recognizer: recogniser, used without biasing.
        out: file of results; resumes if it exists.

    Raises:
        ArgumentError: the file has other content.
        EngineError: a voice fails.
    """
    found = read(out) if out.exists() else []
    draw, generator = random.Random(5), np.random.default_rng(5)
    with out.open("a", encoding="utf-8") as lines:
        for number, name in enumerate(names):
            engine, voice = voices[number % len(voices)]
            manner = Manner(voice, draw.uniform(SPEEDS[0], FASTEST), 1.0)
            carrier = draw.choice(CARRIERS)
            if number < len(found):
                continue
            said = Hearing(name, carrier, ()).said
            samples = _speech(engine, said, manner, generator)
            found.append(Hearing(name, carrier, _readings(recognizer, samples)))
            lines.write(json.dumps(asdict(found[-1])) + "\n")
            lines.flush()
    return found


def read(path: Path) -> list[Hearing]:
    """Read a file of results.

    Raises:
        ArgumentError: a line is not a result.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            before, after = row["carrier"]
            found.append(Hearing(row["name"], (before, after), tuple(row["heard"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ArgumentError(
                f"{path}:{number}: not a recognised name; remove the line, or name another file"
            ) from error
    return found


def _speech(
    engine: Engine, text: str, manner: Manner, generator: np.random.Generator
) -> NDArray[np.int16]:
    sound, rate = engine.speak(text, manner, generator)
    quiet = np.zeros(int(QUIET_SECONDS * SAMPLE_RATE))
    sound = np.concatenate([quiet, soxr.resample(sound, rate, SAMPLE_RATE), quiet])
    return np.rint(np.clip(sound, -1, 1) * LOUDNESS).astype(np.int16)


def _readings(recognizer: Recognizer, samples: NDArray[np.int16]) -> tuple[str, ...]:
    """Return the distinct texts of both passes."""
    state, _ = recognizer.step(recognizer.initial_state(), samples)
    outcome = recognizer.outcome(recognizer.look_ahead(state)[0])
    return tuple(dict.fromkeys((outcome.first.text, outcome.result.text)))
