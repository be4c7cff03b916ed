"""`auricle devices` and `auricle test-mic`, with a virtual microphone of a real sound server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.devices import InputDevice
from auricle.audio.file import read_recording
from auricle.cli.devices import configured
from auricle.cli.main import main
from testbed.recordings import Recording
from testbed.virtual_microphone import VirtualMicrophone

AURICLE = (sys.executable, "-m", "auricle.cli.main")


def run(
    microphone: VirtualMicrophone, words: Sequence[str | Path]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AURICLE, *words],
        env={**os.environ, **microphone.environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_devices_are_listed_with_the_configured_one(virtual_microphone: VirtualMicrophone) -> None:
    done = run(virtual_microphone, ["devices"])
    assert done.returncode == 0, done.stderr
    (chosen,) = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert " Hz" in chosen
    objects = [
        json.loads(line)
        for line in run(virtual_microphone, ["devices", "--json"]).stdout.splitlines()
    ]
    (marked,) = [one for one in objects if one["is_configured"]]
    assert marked["is_default"]
    names = run(virtual_microphone, ["devices", "--names"]).stdout.splitlines()
    assert names == [one["name"] for one in objects]


def test_the_configured_device_is_marked_or_its_absence_explained() -> None:
    devices = (InputDevice(0, "USB", 1, 48000, True), InputDevice(1, "pulse", 32, 44100, False))
    assert configured(devices, "usb") == (devices[0], "")
    assert configured(devices, "pulse:auricle_echo_cancelled") == (devices[1], "")
    missing, why = configured(devices, "hw:9,0")
    assert missing is None
    assert "audio.device: no microphone is called 'hw:9,0'" in why


def test_a_microphone_without_speech_needs_a_change(virtual_microphone: VirtualMicrophone) -> None:
    done = run(virtual_microphone, ["test-mic", "--seconds", "2", "--json"])
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == "warning"
    assert found["speech_dbfs"] is None
    assert found["remedy"]


def test_speech_is_measured(
    virtual_microphone: VirtualMicrophone, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(read_recording(recordings["why_are_you_here"].path), 10), 16000)
    playing = virtual_microphone.start_speaking(long)
    try:
        done = run(virtual_microphone, ["test-mic", "--seconds", "4", "--json"])
    finally:
        playing.terminate()
        playing.wait()
    found = json.loads(done.stdout)
    assert found["speech_seconds"] > 1
    assert -60 < found["speech_dbfs"] < 0
    assert found["noise_dbfs"] < found["speech_dbfs"]


@pytest.mark.parametrize("given", ["x", "1", "61", "2.5"])
def test_an_error_names_the_option_and_its_wrong_time(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["test-mic", "--seconds", given])
    assert f"argument --seconds: '{given}' is not a time" in capsys.readouterr().err
