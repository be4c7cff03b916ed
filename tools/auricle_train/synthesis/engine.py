"""What every voice engine offers: voices of a split, drawn at random, and speech.

In: normalised text and a manner of speaking. Out: float32 samples and their rate.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from auricle.errors import AuricleError

Speech = tuple[NDArray[np.float32], int]  # samples, -1 to 1, and Hz

SPEEDS = (0.75, 1.35)  # of slow and of fast speakers
SOUND_FILE = "{sound file}"  # in a command


class EngineError(AuricleError):
    """A voice engine is not installed, has no voices, or failed."""

    name = "EngineUnavailable"


@dataclass(frozen=True)
class Manner:
    """Who speaks, and how."""

    voice: str  # as the engine calls it
    speed: float  # 1 is the voice's own
    pitch: float  # likewise; engines without a pitch of their own leave it


class Engine(Protocol):
    """A synthesiser of English."""

    licence: str  # under which its speech may be used

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random manner, its voice of this split; no voice is in both splits."""
        ...

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it; raise EngineError where the engine fails."""
        ...


def draw_manner(
    voices: Sequence[str], split: str, held_out: Sequence[str], generator: np.random.Generator
) -> Manner:
    """Return a manner with one of the voices: of `held_out` for dev, of the others for train.

    Raises:
        EngineError: there is no voice of this split.
    """
    fitting = [voice for voice in voices if (voice in held_out) == (split == "dev")]
    if not fitting:
        raise EngineError(f"split: the engine has no voice for {split}; use --dev-share 0")
    voice = fitting[int(generator.integers(len(fitting)))]
    return Manner(voice, generator.uniform(*SPEEDS), generator.uniform(0.85, 1.2))


def find_program(engine: str, program: str, package: str) -> str:
    """Return the path of a program of a Debian package.

    Raises:
        EngineError: it is not installed.
    """
    path = shutil.which(program)
    if path is None:
        raise EngineError(
            f"engine: {engine} needs the program {program}, which is not installed; on Debian run: "
            f"apt install {package}"
        )
    return path


def run_program(command: Sequence[str], text: str) -> Speech:
    """Run a program that reads a text from its input and writes a file of sound.

    Args:
        command: `SOUND_FILE` in it stands for the file.
        text: to be said.

    Raises:
        EngineError: it failed.
    """
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "speech.wav"))
        words = [path if word == SOUND_FILE else word for word in command]
        done = subprocess.run(words, input=text.encode(), capture_output=True, check=False)
        try:
            samples, rate = soundfile.read(path, dtype="float32")
        except soundfile.SoundFileError as error:
            reason = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
            raise EngineError(
                f"engine: {command[0]} made no sound ({reason}); check its voices"
            ) from error
    return samples, rate
