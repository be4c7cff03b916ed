"""`auricle doctor`, as a person or a program calls it, with and without what it looks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.private_bus import PrivateBus
from testbed.recordings import Recording
from testbed.virtual_microphone import ALSA_CONFIG, VirtualMicrophone

AURICLE = (sys.executable, "-m", "auricle.cli.main")


def doctor(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AURICLE, "doctor", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def no_sound(tmp_path: Path) -> dict[str, str]:
    """Lead ALSA to a sound server that does not run, and to nothing else."""
    config = tmp_path / "asound.conf"
    config.write_text(ALSA_CONFIG, encoding="utf-8")
    server = {"PULSE_SERVER": f"unix:{tmp_path}/none", "PULSE_RUNTIME_PATH": str(tmp_path)}
    return {"ALSA_CONFIG_PATH": str(config), **server}


def test_a_microphone_that_hears_is_well(
    virtual_microphone: VirtualMicrophone,
    recordings: dict[str, Recording],
    bus: PrivateBus,
) -> None:
    speaker = virtual_microphone.start_speaking(recordings["rain"].path)
    try:
        done = doctor("--json", "--bus", bus.address, **virtual_microphone.environment)
    finally:
        speaker.kill()
        speaker.wait()
    found = {one["check"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert all(list(one) == ["check", "status", "found", "remedy"] for one in found.values())
    for check in ("config", "bus", "microphones", "microphone", "recognizer", "wake words"):
        assert found[check]["status"] == "ok", found[check]
    assert "records at 16000 Hz" in found["microphone"]["found"]
    assert found["daemon"]["status"] == "warning"
    problems = [one for one in found.values() if one["status"] == "problem"]
    assert done.returncode == (1 if problems else 0)
    assert all(one["remedy"] for one in found.values() if one["status"] != "ok")


def test_without_bus_and_microphone_each_problem_has_its_remedy(
    tmp_path: Path, no_sound: dict[str, str]
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("recognizer: {bundle: /nowhere}\nbus: {kind: session}\n", encoding="utf-8")
    address = f"unix:path={tmp_path}/socket"
    done = doctor("--config", config, DBUS_SESSION_BUS_ADDRESS=address, **no_sound)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    for check in ("config", "bus", "microphone", "recognizer"):
        (place,) = (
            index for index, line in enumerate(lines) if line.split()[:2] == ["problem", check]
        )
        assert lines[place + 1].split()[0] == "->"
    assert "4 problems" in lines[-1]


def test_a_mistake_in_the_configuration_is_a_problem_and_the_rest_is_examined(
    tmp_path: Path, no_sound: dict[str, str]
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("log: {level: loud}\n", encoding="utf-8")
    done = doctor("--json", "--config", config, "--bus", f"unix:path={tmp_path}/no", **no_sound)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[0]["check"] == "config"
    assert found[0]["status"] == "problem"
    assert found[0]["found"].startswith(f"{config}:1: log.level: loud: ")
    assert {"bus", "microphone", "recognizer", "memory", "clock"} <= {one["check"] for one in found}
    assert done.returncode == 1
