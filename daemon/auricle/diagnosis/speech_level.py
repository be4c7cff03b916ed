"""Measures how a microphone hears speech: noise floor, level of speech, clipping.

In: some seconds of audio frames, in which somebody speaks. Out: a `SpeechLevel`, and a finding with
a remedy. No audio is kept: each frame is reduced to its level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log10

import numpy as np

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.level import FLOOR_DBFS, level_dbfs
from auricle.audio.vad import VoiceActivity
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.diagnosis.microphone import CLIPPED_SHARE, FULL_SCALE, MIXER, SETTLE_SECONDS

NOISE_PERCENTILE = 10  # of the levels of all frames
LEAST_SPEECH = 0.5  # seconds
FAINT_DBFS = -50.0  # speech below this is too faint for most rooms
LOUD_DBFS = -10.0  # speech above this clips when somebody speaks up
NOISY_DECIBELS = 12.0  # speech that is less than this above the noise is hard to recognize


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """Measurements of a recording."""

    noise_dbfs: float  # level of the quietest tenth
    speech_dbfs: float | None  # median level of frames with speech; None: too little speech
    peak_dbfs: float  # largest sample
    clipped: float  # share of samples at full scale, 0 to 1
    overruns: int
    speech_seconds: float


def measure(frames: Iterable[Frame], overruns: Callable[[], int] = lambda: 0) -> SpeechLevel:
    """Measure a recording.

    Args:
        frames: the recording, each (160,) int16. Its beginning is skipped, because many devices
            start with a click.
        overruns: returns how often audio was lost so far.
    """
    voice = VoiceActivity(aggressiveness=2, hang_over_seconds=0.0)
    state = voice.initial_state()
    levels: list[float] = []
    spoken: list[float] = []
    peak, clipped, before = 0, 0, 0
    for number, frame in enumerate(frames):
        state, speech = voice.step(state, frame)
        if number < round(SETTLE_SECONDS / FRAME_SECONDS):
            before = overruns()
            continue
        loudness = np.abs(frame.astype(np.int32))
        peak = max(peak, int(loudness.max()))
        clipped += int((loudness >= FULL_SCALE).sum())
        levels.append(round(level_dbfs(frame), 1))
        if speech:
            spoken.append(levels[-1])
    seconds = round(len(spoken) * FRAME_SECONDS, 2)
    return SpeechLevel(
        noise_dbfs=round(float(np.percentile(levels, NOISE_PERCENTILE)), 1) if levels else 0.0,
        speech_dbfs=float(np.median(spoken)) if seconds >= LEAST_SPEECH else None,
        peak_dbfs=round(20 * log10(max(peak, 1) / FULL_SCALE), 1),
        clipped=clipped / max(1, FRAME_SAMPLES * len(levels)),
        overruns=overruns() - before,
        speech_seconds=seconds,
    )


def judge(level: SpeechLevel) -> Finding:
    """Return a finding that says whether speech can be recognized well."""
    status, remedy = FindingStatus.WARNING, ""
    speech = level.speech_dbfs
    if level.overruns:
        found = f"parts of the sound were lost ({level.overruns} overruns)"
        remedy = "stop programs that keep the processor busy, or use another USB port"
    elif level.peak_dbfs <= FLOOR_DBFS or level.noise_dbfs <= FLOOR_DBFS and speech is None:
        found = "the microphone delivers no sound"
        remedy = f"unmute it with its switch or {MIXER}, or choose another of `auricle devices`"
    elif level.clipped > CLIPPED_SHARE:
        found = f"{level.clipped:.1%} of the samples are clipped"
        remedy = f"lower the gain of the microphone {MIXER}"
    elif speech is None:
        found = "no speech was heard"
        remedy = "run the command again and speak, or choose another of `auricle devices`"
    elif speech > LOUD_DBFS:
        found = f"speech is too loud ({speech:.0f} dBFS)"
        remedy = f"lower the gain of the microphone {MIXER}"
    elif speech < FAINT_DBFS:
        found = f"speech is faint ({speech:.0f} dBFS)"
        remedy = f"raise the gain of the microphone {MIXER}, or come closer"
    elif speech - level.noise_dbfs < NOISY_DECIBELS:
        found = f"speech is only {speech - level.noise_dbfs:.0f} dB above the noise"
        remedy = "come closer, or move the microphone away from fans and loudspeakers"
    else:
        found = f"speech is {speech - level.noise_dbfs:.0f} dB above the noise"
        status = FindingStatus.OK
    return Finding("speech level", status, found, remedy)
