"""`auricle test-mic`: measures the levels of the microphone, and says what to change."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from auricle.audio.format import FRAME_SECONDS, Frame
from auricle.audio.level import level_dbfs
from auricle.audio.microphone import Microphone
from auricle.audio.source import frames
from auricle.cli.monitor import meter
from auricle.cli.progress import StatusLine
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.config.schema import AudioSettings
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.speech_level import SpeechLevel, judge, measure

SHORTEST, LONGEST = 2, 60  # seconds
METER_INTERVAL = round(0.1 / FRAME_SECONDS)  # audio frames between two updates
DESCRIPTION = """\
Record from the microphone for some seconds while you speak normally, and measure the noise of the
room, the level of speech and clipping. Nothing is stored. The exit status is 1 if the microphone
needs a change. The daemon may keep using the microphone if it records through a sound server;
otherwise stop it first.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=seconds,
        default=5,
        help=f"how long to record, from {SHORTEST} to {LONGEST} (default: 5)",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="the microphone, as in audio.device (default: that of the configuration)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object: device, rate, noise_dbfs, speech_dbfs, peak_dbfs, clipped, "
        "overruns, speech_seconds, status, found, remedy",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )


def seconds(text: str) -> int:
    """Return the argument of `--seconds`."""
    if not text.isascii() or not text.isdigit() or not SHORTEST <= int(text) <= LONGEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; give a whole number of seconds from {SHORTEST} to {LONGEST}"
        )
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Print the measurements and the verdict; return 1 if something needs a change, else 0.

    Raises:
        DeviceError: the microphone cannot record.
    """
    audio = load(arguments.config or find_config()).audio
    microphone = Microphone(device_of(arguments.device, audio), audio.channel)
    with microphone:
        count = round(arguments.seconds / FRAME_SECONDS)
        heard = shown(islice(frames(microphone), count), arguments.seconds)
        level = measure(heard, lambda: microphone.overruns)
    finding = judge(level)
    if arguments.json:
        content = {
            "device": microphone.name,
            "rate": microphone.rate,
            **asdict(level),
            "status": finding.status,
            "found": finding.found,
            "remedy": finding.remedy,
        }
        sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(microphone, level))
        sys.stdout.write(f"{finding.status}: {finding.found}\n")
        if finding.remedy:
            sys.stdout.write(f"-> {finding.remedy}\n")
    return 0 if finding.status is FindingStatus.OK else 1


def device_of(given: str | None, audio: AudioSettings) -> int | str | None:
    """Return the microphone of `--device`, or that of the configuration."""
    if given is None:
        return audio.device
    return int(given) if given.isascii() and given.isdigit() else given


def shown(heard: Iterator[Frame], length: int) -> Iterator[Frame]:
    """Yield audio frames and show their level on a terminal."""
    line = StatusLine()
    if line.enabled:
        sys.stderr.write(f"speak normally for {length} s\n")
    loudest = -100.0
    for number, frame in enumerate(heard):
        level = level_dbfs(frame)
        loudest = max(level, loudest - 0.3)
        if number % METER_INTERVAL == 0:
            line.show(f"{meter(level, loudest).plain} {level:6.1f} dBFS")
        yield frame
    line.clear()


def as_text(microphone: Microphone, level: SpeechLevel) -> str:
    """Return the measurements for people."""
    speech = "none heard" if level.speech_dbfs is None else f"{level.speech_dbfs:.0f} dBFS"
    return (
        f"microphone   {microphone.name}, {microphone.rate} Hz\n"
        f"noise        {level.noise_dbfs:.0f} dBFS\n"
        f"speech       {speech} ({level.speech_seconds:.1f} s)\n"
        f"peak         {level.peak_dbfs:.0f} dBFS\n"
        f"clipped      {level.clipped:.2%} of the samples\n"
    )
