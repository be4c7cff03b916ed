"""`auricle detect`: which wake words are heard in recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auricle.cli import main as command_line

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "models" / "demo" / "command.flac"
ROOM = ROOT / "tests" / "recordings" / "room.opus"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the test's own; and the command, as the command line lists it."""
    path = tmp_path / "auricle" / "auricle.yaml"
    path.parent.mkdir()
    path.write_text("wake:\n  models: [alexa, okay_nabu]\n", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    command = command_line.Command("detect", "auricle.cli.detect", "look for wake words")
    monkeypatch.setattr(command_line, "COMMANDS", (command,))
    return path


def detect(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[Any], str]:
    """Return the exit status, the JSON lines and what was said on standard error."""
    status = command_line.main(["detect", "--json", *map(str, words)])
    output, errors = capsys.readouterr()
    return status, [json.loads(line) for line in output.splitlines()], errors


def test_a_detection_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, errors = detect(capsys, COMMAND)
    assert (status, errors) == (0, "")
    [detection] = lines
    assert list(detection) == ["file", "wake_word", "time", "score", "start", "end"]
    assert (detection["file"], detection["wake_word"]) == (str(COMMAND), "alexa")
    assert 0.9 <= detection["score"] <= 1
    assert detection["start"] < detection["end"] < detection["time"] < 1.8


def test_people_are_told_file_time_word_and_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["detect", str(COMMAND)]) == 0
    assert capsys.readouterr().out == f"{COMMAND}     1.67 s  alexa  0.966\n"


def test_a_recording_without_a_wake_word_gives_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(capsys, ROOM) == (0, [], "")


def test_every_file_is_heard_from_its_start(capsys: pytest.CaptureFixture[str]) -> None:
    _, [first, second], _ = detect(capsys, COMMAND, ROOM, COMMAND)
    assert first == second


def test_a_bad_file_is_told_after_which_the_others_are_heard(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"RIFF and nothing else")
    status, lines, errors = detect(capsys, noise, tmp_path / "lost.wav", COMMAND)
    assert status == 1
    assert [line["file"] for line in lines] == [str(COMMAND)]
    assert [line.split(" ")[1] for line in errors.splitlines()] == [
        str(noise),
        str(tmp_path / "lost.wav"),
    ]


def test_a_wake_word_at_the_very_end_is_noticed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    samples, rate = soundfile.read(COMMAND)
    cut = tmp_path / "cut.wav"
    soundfile.write(cut, samples[: round(1.46 * rate)], rate)
    _, lines, _ = detect(capsys, cut)
    assert [line["wake_word"] for line in lines] == ["alexa"]


def test_stereo_of_another_rate_is_heard_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    samples, _ = soundfile.read(COMMAND)
    stereo = np.repeat(np.repeat(samples, 3)[:, None], 2, axis=1)  # 48 kHz, as steps
    path = tmp_path / "stereo.wav"
    soundfile.write(path, stereo, 48_000)
    _, lines, _ = detect(capsys, path)
    assert [line["wake_word"] for line in lines] == ["alexa"]


def test_one_wake_word_may_be_chosen_by_name_or_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(capsys, "--wake-word", "okay_nabu", COMMAND) == (0, [], "")
    path = ROOT / "models" / "wake" / "alexa.json"
    _, lines, _ = detect(capsys, "--wake-word", path, COMMAND)
    assert [line["wake_word"] for line in lines] == ["alexa"]


def test_the_cutoff_of_the_configuration_holds(
    capsys: pytest.CaptureFixture[str], configuration: Path
) -> None:
    configuration.write_text("wake:\n  models: [{model: alexa, cutoff: 1.0}]\n", encoding="utf-8")
    assert detect(capsys, COMMAND) == (0, [], "")
    assert detect(capsys, "--wake-word", "alexa", COMMAND) == (0, [], "")


def test_another_configuration_may_be_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("wake:\n  models: [okay_nabu]\n", encoding="utf-8")
    assert detect(capsys, "--config", other, COMMAND) == (0, [], "")


def test_an_unknown_wake_word_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, errors = detect(capsys, "--wake-word", "computer", COMMAND)
    assert (status, lines) == (1, [])
    assert "no model computer in " in errors


def test_every_step_is_scored_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = detect(capsys, "--scores", COMMAND)
    assert status == 0
    assert {tuple(line) for line in lines} == {("file", "wake_word", "time", "score", "detected")}
    alexa = [line for line in lines if line["wake_word"] == "alexa"]
    assert len(alexa) == len(lines) / 2
    times = [line["time"] for line in alexa]
    assert times[:2] == [0.05, 0.08]
    assert np.allclose(np.diff(times), 0.03)
    assert times[-1] > soundfile.info(COMMAND).duration + 0.4
    assert [line["time"] for line in alexa if line["detected"]] == [1.67]
    assert max(alexa, key=lambda line: line["score"])["score"] > 0.99
