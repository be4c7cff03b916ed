"""`auricle detect FILE...`: finds wake words in recordings, as the daemon would."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from auricle.audio.file import FileSource
from auricle.audio.source import frames
from auricle.audio.vad import VoiceActivity
from auricle.cli.recordings import readable_recordings
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.errors import AudioError
from auricle.offline.detection import Moment, choose, detect
from auricle.service.assembly import load_wake

DESCRIPTION = """\
Find wake words in recordings (WAV, FLAC, Ogg and others), as the daemon would.

With --json, the command prints one object per detection, with the keys
  file              the recording
  wake_word         name of the model
  time              time of the detection
  score             mean probability at this time, 0 to 1
  start, end        start (biased towards too early) and end of the word
With --scores, it prints one object per wake word and step of its network instead (30 ms for the
shipped models), with the keys file, wake_word, time, score and
  detected          whether the word is detected at this step
Times are in seconds from the start of the recording. Half a second of silence is appended, because
a wake word is detected only after its end.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a recording")
    parser.add_argument("--json", action="store_true", help="print one JSON object per detection")
    parser.add_argument(
        "--wake-word",
        metavar="WAKE_WORD",
        action="append",
        help="use only this model, given by name or absolute path; can be repeated "
        "(default: the models of the configuration)",
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="print the score of every step, also during silence, where the daemon does not "
        "compute it",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the detections in each file; return 1 if a file could not be read, else 0."""
    config = load(arguments.config or find_config())
    if arguments.wake_word:
        config = choose(config, arguments.wake_word)
    files = readable_recordings(arguments.files)
    if not files:
        return 1
    detector = load_wake(config)
    voice = VoiceActivity(config.vad.aggressiveness, config.vad.hangover_ms / 1000)
    status = 1 if len(files) < len(arguments.files) else 0
    for file in files:
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
    """Yield the output fields of each detection."""
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
    """Yield the output fields of each score."""
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
    """Return a line as JSON."""
    return json.dumps(line, ensure_ascii=False)


def as_text(line: dict[str, object]) -> str:
    """Return a line as text; `*` marks a detection."""
    mark = "  *" if line.get("detected") else ""
    return f"{line['file']}  {line['time']:7.2f} s  {line['wake_word']}  {line['score']:.3f}{mark}"
