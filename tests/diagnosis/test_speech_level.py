"""The verdict on a microphone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import Frame, Samples
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.speech_level import SpeechLevel, judge, measure
from testbed.recordings import Recording

GOOD = SpeechLevel(
    noise_dbfs=-65.0,
    speech_dbfs=-30.0,
    peak_dbfs=-12.0,
    clipped=0.0,
    overruns=0,
    speech_seconds=2.0,
)


def framed(samples: Samples) -> Iterator[Frame]:
    for start in range(0, len(samples) - 159, 160):
        yield samples[start : start + 160]


def test_speech_at_a_good_level_needs_no_change() -> None:
    finding = judge(GOOD)
    assert (finding.status, finding.remedy) == (FindingStatus.OK, "")
    assert finding.found == "speech is 35 dB above the noise"


@pytest.mark.parametrize(
    ("changed", "found", "remedy"),
    [
        (replace(GOOD, overruns=3), "sound were lost", "stop programs"),
        (replace(GOOD, clipped=0.01), "1.0% of the samples are clipped", "lower the gain"),
        (replace(GOOD, speech_dbfs=None), "no speech was heard", "speak"),
        (replace(GOOD, speech_dbfs=-5.0), "too loud", "lower the gain"),
        (replace(GOOD, speech_dbfs=-60.0), "faint", "raise the gain"),
        (replace(GOOD, noise_dbfs=-35.0), "only 5 dB above", "come closer"),
        (replace(GOOD, peak_dbfs=-96.0), "no sound", "unmute it"),
    ],
)
def test_each_problem_has_a_remedy(changed: SpeechLevel, found: str, remedy: str) -> None:
    finding = judge(changed)
    assert finding.status is FindingStatus.WARNING
    assert found in finding.found
    assert remedy in finding.remedy


def test_a_recording_is_measured(recordings: dict[str, Recording]) -> None:
    clip = read_recording(recordings["why_are_you_here"].path)
    samples = np.concatenate([np.zeros(8000, np.int16), clip, clip])
    level = measure(framed(samples))
    assert level.speech_seconds > 2
    assert level.speech_dbfs is not None
    assert level.noise_dbfs < level.speech_dbfs < level.peak_dbfs <= 0
    loud = np.clip(samples.astype(np.int32) * 60, -32768, 32767).astype(np.int16)
    assert measure(framed(loud)).clipped > 0.001


def test_an_empty_recording_has_no_speech() -> None:
    assert measure(iter(())).speech_dbfs is None
