"""Any bytes as a recording: they are refused in one sentence, or played as audio frames."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given

from auricle.audio.file import FileSource
from auricle.audio.format import FRAME_SAMPLES
from auricle.errors import AudioError
from fuzzing.strategies import inputs_of

MOST_FRAMES = 3000  # 30 s are played; a small file may hold hours of silence


def fuzz_one(data: bytes) -> None:
    """Play a file; raise AssertionError if something other than audio frames comes out."""
    with tempfile.NamedTemporaryFile(prefix="auricle-fuzz-") as file:
        file.write(data)
        file.flush()
        try:
            play(Path(file.name))
        except AudioError as error:
            assert "\n" not in str(error)
            assert str(error).startswith(file.name)


def play(path: Path) -> None:
    """Play the first frames of a file."""
    with FileSource(path) as source:
        for _ in range(MOST_FRAMES):
            frame = source.read()
            if frame is None:
                return
            assert frame.shape == (FRAME_SAMPLES,)
            assert frame.dtype == np.int16


@given(inputs_of("audio_files"))
def test_any_bytes_are_refused_or_played(data: bytes) -> None:
    fuzz_one(data)
