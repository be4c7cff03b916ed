"""`auricle detect FILE...`: which wake words the daemon would hear in recordings, and when."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from auricle.audio.file import FileSource
from auricle.audio.source import frames
from auricle.audio.vad import VoiceActivity
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.errors import AudioError
from auricle.offline.detection import Moment, choose, detect
from auricle.service.assembly import load_wake

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
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: the one the daemon would read)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what is heard in each file; return 1 if one could not be read, else 0."""
    config = load(arguments.config or find_config())
    if arguments.wake_word:
        config = choose(config, arguments.wake_word)
    detector = load_wake(config)
    voice = VoiceActivity(config.vad.aggressiveness, config.vad.hangover_ms / 1000)
    status = 0
    for file in arguments.files:
        try:
            lines = score_lines if arguments.scores else detection_lines
            with FileSource(file) as source:
                for moment in detect(frames(source), detector, voice, open_gate=arguments.scores):
                    for line in lines(file, moment):
                        sys.stdout.write((as_json if arguments.json else as_text)(line) + "\n")
        except AudioError as error:
            sys.stdout.flush()
            sys.stderr.write(f"auricle: {error}\n")
            status = 1
    return status


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
