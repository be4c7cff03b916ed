"""The audio of a soak: endless room noise, music, talk and commands, faster than real time.

In: recordings of tests/recordings and models/demo, a seed. Out: audio frames, at a given pace and
never faster than the inference thread takes them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from auricle.audio.file import RealTimePace, read_recording
from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE, Frame, Samples
from auricle.audio.source import OpenedByWith
from auricle.engine.capture_thread import Note
from auricle.engine.queues import Call, Inbox
from testbed.recordings import load_recordings

ROOT = Path(__file__).parents[2]
WAKE_SECONDS = 1.75  # the demonstration recording up to the end of its wake word
TAIL_SECONDS = 2.0  # its end: room noise
BACKGROUND_SECONDS = 10.0  # of one kind of background
HISS = 10.0  # standard deviation of the noise of a quiet microphone, of 32768
GAINS = (0.5, 0.7, 1.0, 1.4)
SHORTEST_SLEEP = 0.004  # seconds; several frames are delivered after one sleep
WAITING_FRAMES = 50  # frames that may wait before the capture thread is held back


@dataclass(frozen=True, slots=True)
class Clips:
    """Recordings, each (samples,) int16 at 16 kHz."""

    commands: tuple[Samples, ...]  # a wake word, then a command
    backgrounds: tuple[Samples, ...]  # noise, music, and talk without a wake word


def load_clips(root: Path = ROOT) -> Clips:
    """Return the commands and backgrounds made from the recordings of this checkout."""
    recordings = load_recordings(root / "tests" / "recordings").values()
    talk = [read_recording(item.path) for item in recordings if item.text]
    sounds = [read_recording(item.path) for item in recordings if not item.text]
    demo = root / "models" / "demo"
    files = yaml.safe_load((demo / "manifest.yaml").read_text(encoding="utf-8"))["files"]
    spoken = [read_recording(demo / entry["file"]) for entry in files]
    wake_word = spoken[0][: round(WAKE_SECONDS * SAMPLE_RATE)]
    tail = spoken[0][-round(TAIL_SECONDS * SAMPLE_RATE) :]
    spliced = [np.concatenate((wake_word, sentence, tail)) for sentence in talk]
    return Clips((*spoken, *spliced), (*sounds, np.concatenate(talk)))


def endless(clips: Clips, speech: float, seed: int) -> Iterator[Samples]:
    """Yield pieces of audio without end, (samples,) int16.

    Half of the background is the hiss of a quiet microphone, the rest are recordings.

    Args:
        clips: the recordings.
        speech: share of the commands, wake word and trailing silence included, from 0 to 1.
        seed: equal seeds give equal audio.
    """
    choose, noise = random.Random(seed), np.random.default_rng(seed)
    heard = commands = 1.0
    while True:
        if commands / heard < speech:
            piece = choose.choice(clips.commands)
            commands += len(piece)
        else:
            length = round(BACKGROUND_SECONDS * choose.uniform(0.2, 1.8) * SAMPLE_RATE)
            piece = noise.normal(scale=HISS, size=length).astype(np.int16)
            if choose.random() >= 0.5:
                piece = np.resize(choose.choice(clips.backgrounds), length)
        heard += len(piece)
        yield np.clip(piece * choose.choice(GAINS), -32768, 32767).astype(np.int16)


class EndlessSource(OpenedByWith):
    """An audio source that plays `endless` audio and counts what it has played."""

    def __init__(self, pieces: Iterator[Samples], pace: float) -> None:
        """Set what to play, and how many times faster than real time at most."""
        self.overruns = 0
        self.frames = 0  # audio frames delivered since the start
        self._pieces = pieces
        self._speed = pace
        self._pending = np.zeros(0, np.int16)
        self._pace = self._restarted()

    def open(self) -> None:
        """Go on where the audio was closed."""
        self._pace = self._restarted()

    def read(self) -> Frame | None:
        """Return the next audio frame, (160,) int16."""
        while self._pending.size < FRAME_SAMPLES:
            self._pending = np.concatenate((self._pending, next(self._pieces)))
        frame, self._pending = self._pending[:FRAME_SAMPLES], self._pending[FRAME_SAMPLES:]
        self._pace.wait()
        self.frames += 1
        return frame

    def close(self) -> None:
        """Stop; nothing is lost."""

    def _restarted(self) -> RealTimePace:
        return RealTimePace(self._sleep, lambda: time.monotonic() * self._speed)

    def _sleep(self, audio_seconds: float) -> None:
        seconds = audio_seconds / self._speed
        if seconds >= SHORTEST_SLEEP:
            time.sleep(seconds)


class PatientInbox(Inbox[Note]):
    """An inbox that holds the capture thread back instead of dropping frames.

    A microphone cannot wait, a recording can. Each counter is changed by one thread only.
    """

    _put = 0  # frames that the capture thread has put
    _taken = 0  # frames that the inference thread has taken
    _ended = False

    def put(self, frame: Frame) -> None:
        """Append an audio frame, (160,) int16, when few others wait."""
        while self._put - self._taken >= WAITING_FRAMES and not self._ended:
            time.sleep(SHORTEST_SLEEP / 2)
        self._put += 1
        super().put(frame)

    def take(self) -> Frame | Note | Call[Any] | None:
        """Wait for the next item; see `Inbox`."""
        item = super().take()
        if isinstance(item, np.ndarray):
            self._taken += 1
        return item

    def clear_audio(self) -> None:
        """Drop the waiting frames and notes."""
        super().clear_audio()
        self._put = self._taken

    def close(self) -> None:
        """End `take` and `put`."""
        self._ended = True
        super().close()
