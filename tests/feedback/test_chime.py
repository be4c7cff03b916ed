"""The chime: short, without clicks, and not taken for speech."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE, Frame, Samples
from auricle.compute.budget import Budget
from auricle.config import Config
from auricle.errors import AudioError
from auricle.feedback.chime import make_chime
from auricle.offline.segments import transcribe_segments
from auricle.service.assembly import load_models, make_pipeline
from testbed.recordings import Recording


def test_the_builtin_chime_is_short_and_begins_and_ends_softly() -> None:
    chime = make_chime("builtin", 0.3)
    assert 0.1 < len(chime) / SAMPLE_RATE < 0.25
    assert 0.2 < np.abs(chime).max() / 32767 <= 0.3
    assert max(abs(int(chime[0])), abs(int(chime[-1]))) < 50


def test_no_chime_is_empty() -> None:
    assert len(make_chime("off", 0.3)) == 0


def test_a_recording_may_be_the_chime(recordings: dict[str, Recording]) -> None:
    path = recordings["go"].path
    assert np.abs(make_chime(str(path), 0.5)).max() <= np.abs(read_recording(path)).max() / 2 + 1


def test_a_long_or_missing_recording_is_refused(tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.zeros(3 * SAMPLE_RATE, np.int16), SAMPLE_RATE)
    with pytest.raises(AudioError, match=r"feedback.chime: .* is 3.0 s long; give a recording"):
        make_chime(str(long), 1.0)
    with pytest.raises(AudioError, match="does not exist"):
        make_chime(str(tmp_path / "missing.wav"), 1.0)


def test_the_recognizer_does_not_take_the_chime_for_speech(
    recordings: dict[str, Recording],
) -> None:
    models = load_models(Config(), Budget(threads=1, beam=4), wake=False)

    def text_of(samples: Samples) -> str:
        found = transcribe_segments(
            framed(samples), lambda: make_pipeline(Config(), models), models.recognizer
        )
        return " ".join(one.transcription.result.text for one in found).strip()

    chime, pause = make_chime("builtin", 1.0), np.zeros(SAMPLE_RATE, np.int16)
    clip = read_recording(recordings["must_sleep"].path)
    assert text_of(np.concatenate([chime, pause, chime, pause])) == ""
    said = text_of(np.concatenate([clip, pause]))
    assert text_of(np.concatenate([chime // 4, clip, pause])) == said


def framed(samples: Samples) -> Iterator[Frame]:
    for start in range(0, len(samples) - 159, 160):
        yield samples[start : start + 160]
