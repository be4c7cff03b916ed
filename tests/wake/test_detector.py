"""The detector, with all shipped wake words, on real recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, Samples
from auricle.audio.vad import VoiceActivity
from auricle.errors import ArgumentError
from auricle.wake.detector import Detection, Score, WakeDetector
from auricle.wake.micro_wake_word import MicroWakeWord
from testbed.recordings import Recording

SAID = (1.0, 1.45)  # seconds in `command` between which "Alexa" is said


def hear(detector: WakeDetector, samples: Samples) -> tuple[list[Detection], list[Score]]:
    """Return what a detector makes of a stream, with the VAD of the daemon."""
    voice = VoiceActivity(aggressiveness=2, hang_over_seconds=0.2)
    state = voice.initial_state()
    detections: list[Detection] = []
    scores: list[Score] = []
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    for frame in samples[:whole].reshape(-1, FRAME_SAMPLES):
        state, speech = voice.step(state, frame)
        detections += detector.step(frame, speech)
        scores += detector.scores
    return detections, scores


@pytest.fixture
def long_silence(command: Samples) -> Samples:
    """Twelve seconds of the room with the command in the middle and again at the end."""
    room = np.concatenate([command[:14_400], command[-30_000:]])
    return np.concatenate([room, room[::-1], command, room, room[::-1], command])


def test_the_wake_word_of_the_demo_is_heard_once(
    words: list[MicroWakeWord], command: Samples
) -> None:
    detections, _ = hear(WakeDetector(words), command)
    assert [detection.wake_word for detection in detections] == ["alexa"]
    assert 0.9 <= detections[0].score < 1


def test_the_detection_tells_where_the_word_began_and_ended(
    words: list[MicroWakeWord], command: Samples
) -> None:
    [detection], _ = hear(WakeDetector(words), command)
    begin, end = SAID
    assert begin - 0.25 <= detection.start <= begin
    assert end - 0.1 <= detection.end <= end + 0.15


def test_the_word_is_found_in_a_pause_in_the_midst_of_the_command(
    words: list[MicroWakeWord], models: Path
) -> None:
    paused = read_recording(models / "demo" / "command_with_pause.flac")
    [detection], _ = hear(WakeDetector(words), paused)
    assert detection.start <= SAID[0]


@pytest.mark.parametrize("gain", [0.05, 0.3, 3.0])
def test_a_soft_or_loud_voice_is_heard(
    words: list[MicroWakeWord], command: Samples, gain: float
) -> None:
    scaled = np.clip(command * gain, -32768, 32767).astype(np.int16)
    detections, _ = hear(WakeDetector(words), scaled)
    assert [detection.wake_word for detection in detections] == ["alexa"]


def test_no_other_recording_sounds_like_a_wake_word(
    words: list[MicroWakeWord], recordings: dict[str, Recording]
) -> None:
    detector = WakeDetector(words)
    for recording in recordings.values():
        detector.reset()
        assert hear(detector, read_recording(recording.path))[0] == []


def test_resting_changes_no_score_and_no_detection(
    words: list[MicroWakeWord], long_silence: Samples
) -> None:
    always, all_scores = hear(WakeDetector(words, gate_seconds=None), long_silence)
    resting, scores = hear(WakeDetector(words), long_silence)
    assert resting == always
    assert len(scores) < 0.75 * len(all_scores)
    full = {(score.wake_word, round(score.time, 3)): score.score for score in all_scores}
    seen = {(score.wake_word, round(score.time, 3)): score.score for score in scores}
    assert len(seen) == len(scores)
    assert seen == {key: full[key] for key in seen}
    missed = max(score for key, score in full.items() if key not in seen)
    assert missed < 0.5  # far from any cut-off


def test_a_word_is_not_lost_when_the_gate_opens_only_at_its_end(
    words: list[MicroWakeWord], command: Samples
) -> None:
    detector = WakeDetector(words)
    found: list[Detection] = []
    for index, frame in enumerate(command[:48_000].reshape(-1, FRAME_SAMPLES)):
        found += detector.step(frame, speech=index > 185)  # the score peaks at 1.67 s
    assert [detection.wake_word for detection in found] == ["alexa"]
    assert found[0].end == pytest.approx(SAID[1], abs=0.15)


def test_several_words_hear_what_each_would_hear_alone(
    words: list[MicroWakeWord], command: Samples
) -> None:
    _, together = hear(WakeDetector(words), command)
    for word in words:
        _, alone = hear(WakeDetector([word]), command)
        assert [score for score in together if score.wake_word == word.name] == alone


def test_after_a_reset_the_same_is_heard_at_another_time(
    words: list[MicroWakeWord], command: Samples
) -> None:
    detector = WakeDetector(words)
    [first], _ = hear(detector, command)
    detector.reset(time=100.0)
    [second], _ = hear(detector, command)
    assert second.score == first.score
    assert second.start == pytest.approx(100 + first.start)
    assert second.end == pytest.approx(100 + first.end)


def test_the_same_word_soon_after_is_left_to_the_session(
    words: list[MicroWakeWord], command: Samples
) -> None:
    twice = np.concatenate([command[:28_000], command[12_000:]])  # 1.0 s after one another
    assert len(hear(WakeDetector(words, refractory_seconds=2.0), twice)[0]) == 1
    assert len(hear(WakeDetector(words, refractory_seconds=0.5), twice)[0]) == 2


def test_a_cutoff_of_the_owner_replaces_the_one_of_the_model(
    words: list[MicroWakeWord], command: Samples
) -> None:
    [usual], _ = hear(WakeDetector(words), command)
    [strict], _ = hear(WakeDetector(words, cutoffs={"alexa": 0.99}), command)
    assert usual.score < 0.99 <= strict.score
    assert hear(WakeDetector(words, cutoffs={"alexa": 1.0}), command)[0] == []


def test_a_cutoff_for_no_word_is_refused(words: list[MicroWakeWord]) -> None:
    with pytest.raises(ArgumentError, match="a cut-off for hey_siri, but no such wake word"):
        WakeDetector(words, cutoffs={"hey_siri": 0.5})


def test_two_words_of_one_name_are_refused(words: list[MicroWakeWord]) -> None:
    with pytest.raises(ArgumentError, match="Two wake words have the same name"):
        WakeDetector([words[0], words[0]])


def test_without_words_nothing_is_heard(command: Samples) -> None:
    assert hear(WakeDetector([]), command) == ([], [])
