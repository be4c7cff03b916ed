"""`make run`: the demonstration, for real, with and without a microphone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import demo
from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.audio.level import level_dbfs
from testbed.alignment import end_of_speech, find_start
from testbed.patience import patience
from testbed.performance import Performance, Script, read_scripts
from testbed.private_bus import PrivateBus
from testbed.virtual_microphone import ALSA_CONFIG, VirtualMicrophone

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, str(ROOT / "tools" / "demo.py"))
SCRIPT = Script(Path("command.flac"), "a command", "alexa", "how are you", 3.0)


@contextmanager
def running(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demonstration; afterwards nothing that it started or made may be left."""
    with tempfile.TemporaryDirectory(prefix="auricle-") as folder:
        shown = subprocess.Popen(
            [*COMMAND, *words],
            env={**os.environ, **environment, "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield shown
        finally:
            shown.kill()
            shown.wait()
            if shown.stdout is not None:
                shown.stdout.close()
        assert list(Path(folder).iterdir()) == []
        assert list(processes_in(folder)) == []


def processes_in(folder: str) -> Iterator[str]:
    """Yield the command lines of processes that work in a folder or were told of it."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if folder.encode() in command + (process / "environ").read_bytes():
                yield command.decode(errors="replace")
        except OSError:  # it has just ended, or is another user's
            continue


def wait_for(shown: subprocess.Popen[str], words: str) -> str:
    """Return what was printed up to a line that has some words in it."""
    lines = []
    for line in shown.stdout or ():
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"{words!r} never came:\n{''.join(lines)}")


@pytest.mark.timeout(90)
def test_a_recorded_command_goes_all_the_way_to_a_client() -> None:
    with running("--recorded") as shown:
        told, _ = shown.communicate()
    assert "Virtual: the microphone (as requested)" in told
    assert "Real: the voice" in told
    first, second = told.split("command.flac")[1].split("command_with_pause.flac")
    assert shown.returncode == 0, told
    for act in (first, second):
        for words in (
            "wake         alexa",
            "partial",
            "speculative",
            "final ",
            "heard",
            "bytes of JSON",
            "arcs",
            "ms to the speculative",
            "ms to the final",
        ):
            assert words in act, told
    assert "revised" in second  # the pause is told apart from the end


@pytest.mark.timeout(90)
def test_where_a_microphone_is_the_daemon_listens_to_it(
    virtual_microphone: VirtualMicrophone, bus: PrivateBus
) -> None:
    _, (script, *_) = read_scripts(ROOT / "models" / "demo")
    with running(**virtual_microphone.environment, **bus.environment) as shown:
        told = wait_for(shown, "Stop with Ctrl-C")
        assert "The daemon listens to" in told
        assert "alexa" in told
        speaker = virtual_microphone.start_speaking(script.path)
        try:
            wait_for(shown, "wake         alexa")
        finally:
            speaker.kill()
            speaker.wait()
        os.killpg(shown.pid, signal.SIGINT)  # as Ctrl-C does
        assert shown.wait(patience(20)) == 0


@pytest.mark.timeout(90)
def test_without_a_microphone_a_recording_is_spoken_until_the_demonstration_is_told_to_end(
    tmp_path: Path,
) -> None:
    config = tmp_path / "asound.conf"
    config.write_text(ALSA_CONFIG, encoding="utf-8")
    nowhere = {"PULSE_SERVER": f"unix:{tmp_path}/none", "PULSE_RUNTIME_PATH": str(tmp_path)}
    with running(ALSA_CONFIG_PATH=str(config), **nowhere) as shown:
        told = wait_for(shown, "seconds in the recording")
        assert "no real one was found" in told
        shown.send_signal(signal.SIGTERM)
        assert shown.wait(patience(20)) == 128 + signal.SIGTERM


def test_a_missing_program_is_told_with_its_package(tmp_path: Path) -> None:
    with running("--recorded", PATH=str(tmp_path)) as shown:
        told, _ = shown.communicate()
    assert shown.returncode == 1
    assert "dbus-daemon is missing; install the Debian package dbus" in told


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (Performance(), "the wake word alexa was not detected"),
        (Performance(woken=True), "did not end in time"),
        (Performance(woken=True, end="cancelled", reason="no-speech"), "cancelled: no-speech"),
    ],
)
def test_why_there_is_no_final_result_is_told(shown: Performance, words: str) -> None:
    assert words in demo.reason_of(SCRIPT, shown)


def test_the_recording_is_found_on_the_audio_clock_by_its_levels() -> None:
    _, (script, *_) = read_scripts(ROOT / "models" / "demo")
    samples = read_recording(script.path)
    start = 2.437
    before = np.zeros(round(start * SAMPLE_RATE), np.int16)
    heard = np.concatenate([before, samples])[: 5 * SAMPLE_RATE]
    step = SAMPLE_RATE // 10
    levels = [
        (end / SAMPLE_RATE, level_dbfs(heard[end - step : end]))
        for end in range(step, len(heard) + 1, step)
    ]
    assert find_start(levels, samples) == pytest.approx(start, abs=0.01)
    assert find_start([], samples) == 0.0


def test_the_end_of_speech_is_where_the_voice_falls_to_the_level_of_the_room() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 4 * SAMPLE_RATE)
    loudness = np.where(np.arange(4 * SAMPLE_RATE) < 1.5 * SAMPLE_RATE, 2000, 20)
    assert end_of_speech((noise * loudness).astype(np.int16)) == pytest.approx(1.5, abs=0.011)


def test_beside_pipewire_nobody_is_told_to_install_pulseaudio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo.advice_on("pulseaudio") == (
        "pulseaudio is missing; install the Debian package pulseaudio"
    )
    (tmp_path / "pipewire").touch(mode=0o755)
    assert "plug in a microphone" in demo.advice_on("pulseaudio")
