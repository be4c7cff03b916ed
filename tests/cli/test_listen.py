"""`auricle listen`, `mute` and `unmute`, with a real daemon that hears a recording."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.cli.main import main
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"

AURICLE = (sys.executable, "-m", "auricle.cli.main")
KEYS = ["session", "text", "written", "nbest", "words", "names", "reason", "time"]

pytestmark = pytest.mark.usefixtures("daemon")


@pytest.fixture(scope="module")
def daemon(daemon_bus: PrivateBus) -> Iterator[RunningDaemon]:
    """A daemon without wake words, which would begin sessions of their own."""
    with RunningDaemon(
        daemon_bus.address,
        "wake: {enabled: false}\narbiter: {level: saver}\n",
        arguments=("--audio", str(DEMO)),
    ) as daemon:
        yield daemon


def play_and_listen(bus: PrivateBus, *options: str) -> subprocess.CompletedProcess[str]:
    """Let the daemon hear its recording from the beginning, and one command in it."""
    assert main(["mute", "--bus", bus.address]) == 0
    assert main(["unmute", "--bus", bus.address]) == 0
    return subprocess.run(
        [*AURICLE, "listen", "--bus", bus.address, *options],
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_command_is_heard(daemon_bus: PrivateBus) -> None:
    done = play_and_listen(daemon_bus)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 3
    assert done.stderr == ""


def test_programs_get_the_whole_result(daemon_bus: PrivateBus) -> None:
    done = play_and_listen(daemon_bus, "--json", "--timeout", "20")
    found = json.loads(done.stdout)
    assert list(found) == KEYS
    assert found["text"] == found["nbest"][0]["text"]
    assert found["text"] == " ".join(word["word"] for word in found["words"])
    assert found["written"][0].isupper()
    assert all(round(word["start"], 3) == word["start"] for word in found["words"])


def test_silence_fails_and_says_so(
    bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(60 * 16000, np.int16), 16000)
    arguments = ("--audio", str(silence))
    with RunningDaemon(bus.address, "wake: {enabled: false}\n", arguments=arguments):
        assert main(["listen", "--bus", bus.address, "--timeout", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("auricle: nothing was said; ")


def test_a_muted_microphone_is_an_error(
    daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mute", "--bus", daemon_bus.address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"muted": True}
    assert main(["listen", "--bus", daemon_bus.address]) == 1
    assert "the microphone is muted" in capsys.readouterr().err
    assert main(["unmute", "--bus", daemon_bus.address]) == 0
    assert capsys.readouterr().out == "unmuted\n"


@pytest.mark.parametrize("given", ["x", "0", "61", "nan"])
def test_an_error_names_the_option_and_its_wrong_time(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["listen", "--timeout", given])
    assert f"argument --timeout: '{given}' is not a time; give a number" in capsys.readouterr().err
