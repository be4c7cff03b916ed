"""Wake words in recordings: their choice and their detection."""

from __future__ import annotations

from pathlib import Path

from auricle.audio.file import FileSource
from auricle.audio.source import frames
from auricle.audio.vad import VoiceActivity
from auricle.config.schema import Config, WakeModel, WakeSettings
from auricle.offline.detection import Moment, choose, detect
from auricle.service.assembly import load_wake

COMMAND = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
ALEXA = Config(wake=WakeSettings(models=(WakeModel(model="alexa"),)))


def moments(*, open_gate: bool) -> list[Moment]:
    """Return the moments of the recorded command."""
    with FileSource(COMMAND) as source:
        heard = detect(frames(source), load_wake(ALEXA), VoiceActivity(), open_gate=open_gate)
        return list(heard)


def test_wake_word_is_detected_once_with_and_without_the_gate() -> None:
    for open_gate in (False, True):
        told = [one for moment in moments(open_gate=open_gate) for one in moment.detections]
        assert [one.wake_word for one in told] == ["alexa"]


def test_times_refer_to_the_recording_and_increase() -> None:
    times = [moment.time for moment in moments(open_gate=True)]
    assert times == sorted(set(times))
    assert times[0] < 0.1


def test_chosen_word_keeps_its_settings_and_is_loaded_once() -> None:
    own = WakeModel(model="alexa", cutoff=0.7)
    config = Config(wake=WakeSettings(models=(own, WakeModel(model="okay_nabu"))))
    chosen = choose(config, ["alexa", "hey_jarvis", "alexa"])
    assert chosen.wake.models == (own, WakeModel(model="hey_jarvis"))
    assert chosen.vad == config.vad
