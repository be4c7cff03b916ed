"""The daemon of a soak: `auricle run` with endless audio, which counts its objects on a signal.

`python -m soak.daemon run --config ...` takes the arguments of `auricle`. On SIGUSR1 it writes a
`Report` as JSON to the file that AURICLE_SOAK names. Only the audio source and the inbox differ
from `auricle run`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from unittest import mock

from auricle.audio.format import FRAME_SECONDS
from auricle.cli.main import main
from auricle.engine.capture_thread import Note
from auricle.engine.queues import Inbox
from soak.audio import EndlessSource, PatientInbox, endless, load_clips

SETTINGS = "AURICLE_SOAK"
COMMONEST = 60  # types that a report counts
INBOXES: list[Inbox[Note]] = []


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """Settings that the daemon reads from the environment."""

    report: str  # path of the file to write
    speech: float  # share of commands in the audio
    pace: float  # most seconds of audio per second
    seed: int
    patient: bool = True  # no frame is dropped, since a recording can wait


@dataclass(frozen=True, slots=True)
class Report:
    """What only the daemon itself can count."""

    audio_seconds: float
    dropped: int  # audio frames
    objects: int  # tracked by the garbage collector
    blocks: int  # allocated by Python's memory allocator
    types: dict[str, int]  # objects of the commonest types


class CountedInbox(Inbox[Note]):
    """An inbox whose losses the report shows."""

    def __init__(self) -> None:
        super().__init__()
        INBOXES.append(self)


class PatientCountedInbox(PatientInbox, CountedInbox):
    """The same, for an audio source that can wait."""


def count_objects() -> Counter[type]:
    """Return the number of objects of each type that the garbage collector tracks.

    The list of all objects exists only inside one call of C code, in which no other thread runs:
    TFLite refuses to run while anything else refers to its interpreter.
    """
    return Counter(map(type, chain.from_iterable(map(gc.get_objects, (None,)))))


def write_report(path: Path, source: EndlessSource) -> None:
    """Write the report; the file appears complete."""
    types = count_objects()
    report = Report(
        audio_seconds=source.frames * FRAME_SECONDS,
        dropped=sum(inbox.dropped for inbox in INBOXES),
        objects=types.total(),
        blocks=sys.getallocatedblocks(),
        types={
            f"{kind.__module__}.{kind.__qualname__}": count
            for kind, count in types.most_common(COMMONEST)
        },
    )
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(report)), encoding="utf-8")
    draft.rename(path)


def run() -> int:
    """Run the daemon; return its exit status."""
    settings = DaemonSettings(**json.loads(os.environ[SETTINGS]))
    source = EndlessSource(endless(load_clips(), settings.speech, settings.seed), settings.pace)
    inbox = PatientCountedInbox if settings.patient else CountedInbox
    signal.signal(signal.SIGUSR1, lambda *_: write_report(Path(settings.report), source))
    with (
        mock.patch("auricle.service.service.source_maker", lambda *_: lambda _: source),
        mock.patch("auricle.service.reconfigure.source_maker", lambda *_: lambda _: source),
        mock.patch("auricle.engine.inference_thread.Inbox", inbox),
    ):
        return main()


if __name__ == "__main__":
    sys.exit(run())
