"""What is said of a second of sound."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.format import FRAME_SAMPLES, Frame
from auricle.config.schema import AudioSettings
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.microphone import Recorded, examine_microphone, judge_level, record


@pytest.mark.parametrize(
    ("recorded", "status", "words"),
    [
        (Recorded(level=-45.0, clipped=0.0, overruns=0), FindingStatus.OK, "level of -45 dBFS"),
        (Recorded(level=-96.0, clipped=0.0, overruns=0), FindingStatus.WARNING, "but zeros"),
        (Recorded(level=-85.0, clipped=0.0, overruns=0), FindingStatus.WARNING, "nearly silent"),
        (Recorded(level=-10.0, clipped=0.0, overruns=0), FindingStatus.WARNING, "louder than"),
        (
            Recorded(level=-10.0, clipped=0.05, overruns=0),
            FindingStatus.WARNING,
            "5.0% of it is clipped",
        ),
        (
            Recorded(level=-45.0, clipped=0.0, overruns=2),
            FindingStatus.WARNING,
            "parts of it were lost (2 overruns)",
        ),
    ],
)
def test_a_level_is_judged(recorded: Recorded, status: FindingStatus, words: str) -> None:
    finding = judge_level(recorded)
    assert finding.status is status
    assert words in finding.found
    assert bool(finding.remedy) == (status is not FindingStatus.OK)


class Tone:
    """A source that is too loud, after a click at its beginning."""

    overruns = 3

    def __init__(self) -> None:
        self.frames = 0

    def read(self) -> Frame | None:
        self.frames += 1
        return np.full(FRAME_SAMPLES, 32767 if self.frames > 70 else 100, np.int16)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Tone:
        return self

    def __exit__(self, *error: object) -> None: ...


def test_a_second_is_heard_after_the_device_has_settled() -> None:
    source = Tone()
    recorded = record(source)
    assert source.frames == 120
    assert recorded.clipped == pytest.approx(0.5)
    assert recorded.overruns == 0


def test_a_microphone_that_the_daemon_has_to_itself_is_well(tmp_path: Path) -> None:
    status = tmp_path / "card0" / "pcm0c" / "sub0" / "status"
    status.parent.mkdir(parents=True)
    missing = AudioSettings(device="no such device")
    status.write_text(f"state: RUNNING\nowner_pid   : {threading.get_native_id()}\n", "ascii")
    *_, finding = examine_microphone(missing, os.getpid(), tmp_path)
    assert finding.status is FindingStatus.OK
    assert "Auricle itself uses it" in finding.found
    status.write_text("closed\n", "ascii")
    *_, finding = examine_microphone(missing, os.getpid(), tmp_path)
    assert finding.status is FindingStatus.PROBLEM


def test_a_device_that_is_not_there_is_a_problem_with_a_remedy() -> None:
    *_, finding = examine_microphone(AudioSettings(device="no such device"))
    assert finding.status is FindingStatus.PROBLEM
    assert "no such device" in finding.found
    assert "plug" in finding.remedy
