"""`auricle detect FILE...`: which wake words the daemon would hear in recordings, and when."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from auricle.assembly import load_wake
from auricle.audio.file import FileSource
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.source import frames
from auricle.audio.vad import VoiceActivity
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.config.schema import Config, WakeModel
from auricle.errors import AudioError
from auricle.wake.detector import Detection, Score, WakeDetector

TAIL_SECONDS = 0.5  # of silence after a recording
DESCRIPTION = """\
Look for wake words in recordings (WAV, FLAC, Ogg and others) as the daemon would.

With --json one object a detection is printed, with the keys
  file              the recording
  wake_word         the model that heard its word
  time              when it counts as heard
  score             the mean probability then, 0 to 1
  start, end        where the word began, rather too early, and where it ended
With --scores there is one object for each wake word and each step of its network instead, which is
30 ms for the shipped ones, with the keys file, wake_word, time, score and
  detected          whether the word counts as heard at this step
Times are seconds from the start of the recording. Half a second of silence is heard after its end,
for a wake word is noticed only when it is over.
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """What one frame of a recording led to."""

    time: float  # seconds from the start of the recording: end of the frame
    scores: tuple[Score, ...]
    detections: tuple[Detection, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a recording")
    parser.add_argument("--json", action="store_true", help="print one JSON object a detection")
    parser.add_argument(
        "--wake-word",
        metavar="NAME",
        action="append",
        help="listen for this model alone, by name or absolute path; may be given several times "
        "(default: those of the configuration)",
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="print the score of every step, also where nobody speaks and the daemon would not "
        "compute it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what is heard in each file; return 1 if one could not be read, else 0."""
    config = choose(load(find_config()), arguments.wake_word)
    detector = load_wake(config)
    voice = VoiceActivity(config.vad.aggressiveness, config.vad.hangover_ms / 1000)
    status = 0
    for file in arguments.files:
        try:
            lines = score_lines if arguments.scores else detection_lines
            for moment in listen(file, detector, voice, open_gate=arguments.scores):
                for line in lines(file, moment):
                    sys.stdout.write((as_json if arguments.json else as_text)(line) + "\n")
        except AudioError as error:
            sys.stdout.flush()
            sys.stderr.write(f"auricle: {error}\n")
            status = 1
    return status


def choose(config: Config, names: list[str] | None) -> Config:
    """Return the configuration with the wake words named alone, each with its own settings."""
    if not names:
        return config
    own = {model.model: model for model in config.wake.models}
    models = tuple(own.get(name, WakeModel(model=name)) for name in dict.fromkeys(names))
    return replace(config, wake=replace(config.wake, models=models))


def listen(
    file: Path, detector: WakeDetector, voice: VoiceActivity, *, open_gate: bool
) -> Iterator[Moment]:
    """Let a detector hear a recording from its start; yield each frame that led to something.

    Args:
        file: the recording.
        detector: it is reset before.
        voice: tells it when somebody speaks.
        open_gate: tell it that somebody speaks all the time.

    Raises:
        AudioError: the file cannot be read as audio.
    """
    detector.reset()
    state = voice.initial_state()
    with FileSource(file) as source:
        for heard, frame in enumerate(chain(frames(source), silence()), start=1):
            state, speech = voice.step(state, frame)
            detections = detector.step(frame, speech or open_gate)
            if detections or detector.scores:
                yield Moment(heard * FRAME_SECONDS, detector.scores, detections)


def silence() -> Iterator[Frame]:
    """Yield what is heard after the end of a recording."""
    return repeat(np.zeros(FRAME_SAMPLES, np.int16), round(TAIL_SECONDS / FRAME_SECONDS))


def detection_lines(file: Path, moment: Moment) -> Iterator[dict[str, object]]:
    """Yield what is printed of each detection."""
    for detection in moment.detections:
        yield {
            "file": str(file),
            "wake_word": detection.wake_word,
            "time": round(moment.time, 3),
            "score": round(detection.score, 4),
            "start": round(detection.start, 3),
            "end": round(detection.end, 3),
        }


def score_lines(file: Path, moment: Moment) -> Iterator[dict[str, object]]:
    """Yield what is printed of each score."""
    detected = {detection.wake_word for detection in moment.detections}
    for score in moment.scores:
        yield {
            "file": str(file),
            "wake_word": score.wake_word,
            "time": round(score.time, 3),
            "score": round(score.score, 4),
            "detected": score.wake_word in detected,
        }


def as_json(line: dict[str, object]) -> str:
    """Return a line for programs."""
    return json.dumps(line, ensure_ascii=False)


def as_text(line: dict[str, object]) -> str:
    """Return a line for people."""
    mark = "  *" if line.get("detected") else ""
    return f"{line['file']}  {line['time']:7.2f} s  {line['wake_word']}  {line['score']:.3f}{mark}"
