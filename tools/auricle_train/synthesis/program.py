"""A voice engine that is a program of the system's: it is given a text and writes a file of sound.

In: what the program is called, its voices, its arguments. Out: an engine.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from auricle_train.synthesis.engine import EngineError, Manner, Speech, draw_manner


@dataclass(frozen=True)
class Program:
    """Implements `Engine`."""

    name: str  # of the engine
    program: str
    package: str  # of Debian, that holds it
    licence: str  # under which its speech may be used
    voices: Sequence[str]
    held_out: Sequence[str]  # those for dev
    arguments: Callable[[str, Manner, str], list[str]]  # of a text, a manner, a file to write

    def __post_init__(self) -> None:
        """Raise EngineError where the program is not installed."""
        if shutil.which(self.program) is None:
            raise EngineError(
                f"engine: {self.name} needs the program {self.program}, which is not installed; on "
                f"Debian run: apt install {self.package}"
            )

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random manner of this split."""
        return draw_manner(self.voices, split, self.held_out, generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Run the program, which may read the text from its input too."""
        with TemporaryDirectory() as folder:
            path = str(Path(folder, "speech.wav"))
            command = [self.program, *self.arguments(text, manner, path)]
            done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
            try:
                samples, rate = soundfile.read(path, dtype="float32")
            except soundfile.SoundFileError as error:
                reason = done.stderr.decode(errors="replace").strip()
                raise EngineError(
                    f"engine: {self.program} made no sound "
                    f"({reason or f'status {done.returncode}'}); check its voices"
                ) from error
        return samples, rate
