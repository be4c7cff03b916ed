"""A voice engine that runs an installed program, which writes speech to an audio file.

In: name, voices and arguments of the program. Out: an engine.
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

    name: str  # key in `ENGINES`
    program: str
    package: str  # Debian package of the program
    licence: str  # licence of the synthesised speech
    voices: Sequence[str]
    held_out: Sequence[str]  # voices of the dev split
    arguments: Callable[[str, Manner, str], list[str]]  # from text, manner and output file

    def __post_init__(self) -> None:
        """Check that the program is installed; raise EngineError if not."""
        if shutil.which(self.program) is None:
            raise EngineError(
                f"engine: {self.name} needs the program {self.program}, which is not installed; on "
                f"Debian run: apt install {self.package}"
            )

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random manner with a voice of this split."""
        return draw_manner(self.voices, split, self.held_out, generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Run the program, which gets the text as an argument or on standard input."""
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
