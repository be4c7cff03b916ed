"""Voice activity on real speech, silence and noise."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, Samples
from auricle.audio.vad import VoiceActivity, VoiceState
from auricle.errors import ArgumentError
from testbed.recordings import Recording


def run(gate: VoiceActivity, samples: Samples) -> list[tuple[VoiceState, bool]]:
    state = gate.initial_state()
    steps = []
    for begin in range(0, samples.size - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        state, is_open = gate.step(state, samples[begin : begin + FRAME_SAMPLES])
        steps.append((state, is_open))
    return steps


def test_speech_opens_the_gate_and_silence_closes_it(recordings: dict[str, Recording]) -> None:
    speech = read_recording(recordings["fell_as_steadily"].path)
    silence = np.zeros(16_000, np.int16)
    steps = run(VoiceActivity(2), np.concatenate((silence, speech, silence)))
    is_open = np.array([step[1] for step in steps])
    assert not is_open[:100].any()
    assert is_open[100:360].mean() > 0.8
    assert not is_open[-50:].any()


def test_the_gate_stays_open_for_exactly_the_hang_over(recordings: dict[str, Recording]) -> None:
    speech = read_recording(recordings["go"].path)
    steps = run(VoiceActivity(3, 0.25), np.concatenate((speech, np.zeros(16_000, np.int16))))
    last_voiced = max(index for index, (state, _) in enumerate(steps) if state.voiced)
    last_open = max(index for index, (_, is_open) in enumerate(steps) if is_open)
    assert last_open - last_voiced == 25


def test_without_hang_over_the_gate_is_the_detector(recordings: dict[str, Recording]) -> None:
    steps = run(VoiceActivity(2, 0.0), read_recording(recordings["must_sleep"].path))
    assert [state.voiced for state, _ in steps] == [is_open for _, is_open in steps]


def test_digital_silence_never_opens_the_gate() -> None:
    steps = run(VoiceActivity(), np.zeros(3200, np.int16))
    assert not any(state.voiced or is_open for state, is_open in steps)


def test_a_quiet_room_seldom_opens_the_gate(recordings: dict[str, Recording]) -> None:
    steps = run(VoiceActivity(3), read_recording(recordings["room"].path))
    assert np.mean([is_open for _, is_open in steps]) < 0.2


def test_a_new_state_hears_as_the_first_one_did(recordings: dict[str, Recording]) -> None:
    speech = read_recording(recordings["peter_sees"].path)
    gate = VoiceActivity(2)
    first, second = ([is_open for _, is_open in run(gate, speech)] for _ in range(2))
    assert first == second


def test_a_state_cannot_be_copied_by_mistake() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(VoiceActivity().initial_state())


@pytest.mark.parametrize("aggressiveness", [-1, 4, 1.5])
def test_an_unknown_mode_is_refused(aggressiveness: int) -> None:
    with pytest.raises(ArgumentError, match="use 0, 1, 2 or 3"):
        VoiceActivity(aggressiveness)


def test_an_impossible_hang_over_is_refused() -> None:
    with pytest.raises(ArgumentError, match="use 0 to 10 seconds"):
        VoiceActivity(2, -0.1)


def test_anything_but_one_frame_is_refused() -> None:
    gate = VoiceActivity()
    with pytest.raises(ArgumentError, match=r"\(161,\) is not one audio frame"):
        gate.step(gate.initial_state(), np.zeros(161, np.int16))
