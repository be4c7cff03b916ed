"""`auricle run`: how it ends when it cannot start, or when what it needs goes away."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from auricle.audio.microphone import Microphone
from auricle.cli.main import main
from auricle.config.locations import find_bundle
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.recordings import Recording
from testbed.running_daemon import RunningDaemon

SECONDS = 20.0
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "models" / "demo" / "command.flac"
EXAMPLE = ROOT / "tools" / "example_client.py"
NO_WAKE_WORD = "wake: {enabled: false}\n"


def test_a_bus_that_goes_away_ends_it(recordings: dict[str, Recording]) -> None:
    arguments = ("--audio", str(recordings["go"].path))
    with PrivateBus() as bus, RunningDaemon(bus.address, arguments=arguments) as daemon:
        bus.__exit__(None, None, None)
        assert daemon.wait() == 1
    assert daemon.log.splitlines()[-1].startswith("auricle: the D-Bus daemon closed the")


def test_closing_its_terminal_ends_it(
    bus: PrivateBus, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    leader, follower = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "auricle.cli.main", "run"]
    command += ["--config", config_with(tmp_path, NO_WAKE_WORD), "--bus", bus.address]
    command += ["--audio", str(recordings["go"].path)]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower) as daemon:
        os.close(follower)
        shown = b""
        while b" ready: " not in shown:
            shown += os.read(leader, 4096)
        os.close(leader)
        assert daemon.wait(patience(SECONDS)) == 0


def test_a_fault_in_a_thread_ends_the_daemon_and_is_told_without_its_text(
    bus: PrivateBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def break_down(microphone: Microphone) -> None:
        raise ZeroDivisionError("periwinkle")

    monkeypatch.setattr(Microphone, "open", break_down)
    config = config_with(tmp_path, NO_WAKE_WORD)
    assert main(["run", "--config", config, "--bus", bus.address]) == 1
    log = capfd.readouterr().err
    assert " error   fault: Auricle cannot go on: ZeroDivisionError at cli/test_run.py:" in log
    assert log.splitlines()[-1].startswith("auricle: a fault ended Auricle (ZeroDivisionError at ")
    assert "periwinkle" not in log


def damaged_bundle(folder: Path) -> Path:
    copy = folder / "bundle"
    shutil.copytree(find_bundle("en-tiny"), copy)
    network = copy / "joint.tflite.gz"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    return copy


def config_with(folder: Path, content: str) -> str:
    file = folder / "auricle.yaml"
    file.write_text(content, encoding="utf-8")
    return str(file)


def failure(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the last line on standard error of a daemon that cannot start."""
    assert main(["run", *words]) == 1
    return capfd.readouterr().err.splitlines()[-1]


def test_a_missing_model_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = config_with(tmp_path, "recognizer: {bundle: /nowhere/bundle}\n")
    complaint = failure(capfd, "--config", config)
    place = f"auricle: {config}:1: recognizer.bundle: /nowhere/bundle: "
    assert complaint.startswith(f"{place}/nowhere/bundle does not exist; ")


def test_a_damaged_model_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bundle = damaged_bundle(tmp_path)
    config = config_with(tmp_path, f"recognizer: {{bundle: {json.dumps(str(bundle))}}}\n")
    complaint = failure(capfd, "--config", config)
    assert complaint.startswith(f"auricle: {config}:1: recognizer.bundle: ")
    assert f"{bundle}/joint.tflite" in complaint
    assert "install the bundle again" in complaint


def test_a_mistake_in_the_configuration_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = config_with(tmp_path, "log:\n  level: loud\n")
    assert failure(capfd, "--config", config).startswith(f"auricle: {config}:2: log.level: loud: ")


def test_a_recording_that_cannot_be_played_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = config_with(tmp_path, "")
    complaint = failure(capfd, "--config", config, "--audio", str(tmp_path / "no.wav"))
    assert complaint == f"auricle: {tmp_path}/no.wav does not exist; check the name"


def test_repetition_without_a_recording_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    complaint = failure(capfd, "--config", config_with(tmp_path, ""), "--loop")
    assert complaint.startswith("auricle: --loop: there is no recording to repeat; name one with")


def test_client_that_comes_late_hears_the_recording(bus: PrivateBus) -> None:
    arguments = ("--audio", str(DEMO))
    with RunningDaemon(bus.address, "wake: {models: [alexa]}\n", arguments=arguments) as daemon:
        time.sleep(8.0)  # longer than the recording
        example = [sys.executable, str(EXAMPLE), bus.address]
        done = subprocess.run(example, capture_output=True, text=True, timeout=60, check=True)
        assert "going to do it" in next(
            line for line in done.stdout.splitlines() if line.startswith("final")
        )
        monitor = [sys.executable, "-m", "auricle.cli.main", "monitor", "--json"]
        command = [*monitor, "--bus", bus.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            guard = threading.Timer(60.0, watching.kill)
            guard.start()
            assert any('"final"' in line and "do it" in line for line in watching.stdout)
            guard.cancel()
            watching.terminate()
        assert " no microphone: " not in daemon.read_log()


def test_repeated_recording_needs_no_client(bus: PrivateBus) -> None:
    arguments = ("--audio", str(DEMO), "--loop")
    with RunningDaemon(bus.address, "wake: {models: [alexa]}\n", arguments=arguments) as daemon:
        deadline = time.monotonic() + 60.0
        while daemon.read_log().count(" final [") < 2:
            assert time.monotonic() < deadline, daemon.read_log()
            time.sleep(0.1)


def test_a_bus_that_cannot_be_reached_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recordings: dict[str, Recording]
) -> None:
    config = config_with(tmp_path, NO_WAKE_WORD)
    words = ("--config", config, "--audio", str(recordings["go"].path))
    complaint = failure(capfd, *words, "--bus", f"unix:path={tmp_path}/nobody")
    assert "cannot be reached" in complaint
