"""The audio of a soak has the chosen share of commands, and loses no frame."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE
from soak.audio import Clips, EndlessSource, PatientInbox, endless, load_clips

LOUD = Clips(
    commands=(np.full(6 * SAMPLE_RATE, 8000, np.int16),),
    backgrounds=(np.zeros(SAMPLE_RATE, np.int16),),
)


@pytest.mark.parametrize("speech", [0.0, 0.1, 0.5])
def test_the_share_of_commands_is_the_chosen_one(speech: float) -> None:
    pieces = list(itertools.islice(endless(LOUD, speech, 0), 800))
    commands = sum(len(piece) for piece in pieces if np.abs(piece).max() > 1000)
    assert commands / sum(map(len, pieces)) == pytest.approx(speech, abs=0.02)


def test_recordings_are_loaded_as_samples() -> None:
    clips = load_clips()
    assert len(clips.commands) >= 10
    assert clips.backgrounds
    assert all(piece.dtype == np.int16 for piece in (*clips.commands, *clips.backgrounds))


def test_equal_seeds_give_equal_frames_at_any_pace() -> None:
    fast, slow = (EndlessSource(endless(LOUD, 0.1, 7), pace) for pace in (1e6, 1e4))
    for source in (fast, slow):
        source.open()
    for _ in range(1000):
        one, other = fast.read(), slow.read()
        assert one.shape == (FRAME_SAMPLES,)
        assert np.array_equal(one, other)
    assert fast.frames == 1000


def test_a_full_inbox_holds_the_capture_thread_back_and_drops_nothing() -> None:
    inbox, frame = PatientInbox(), np.zeros(FRAME_SAMPLES, np.int16)
    thread = threading.Thread(target=lambda: [inbox.put(frame) for _ in range(1000)])
    thread.start()
    taken = [inbox.take() for _ in range(500)]
    assert len(taken) == 500
    assert thread.is_alive()
    assert inbox.dropped == 0
    inbox.close()
    thread.join(10)
    assert not thread.is_alive()
