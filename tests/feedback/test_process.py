"""Feedback to a real daemon that hears a wake word, and through a real sound server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.format import Samples
from auricle.errors import DeviceError
from auricle.feedback.light import WakeLight
from auricle.feedback.process import Feedback
from auricle.privacy.led import Led
from testbed.private_bus import PrivateBus
from testbed.replay import hear_again
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
AURICLE = (sys.executable, "-m", "auricle.cli.main")


@pytest.fixture
def daemon(bus: PrivateBus) -> Iterator[RunningDaemon]:
    config = "wake: {models: [alexa]}\narbiter: {level: saver}\n"
    with RunningDaemon(bus.address, config, arguments=("--audio", str(DEMO))) as daemon:
        yield daemon


@pytest.mark.usefixtures("daemon")
def test_a_wake_word_is_followed_by_sound_and_light(bus: PrivateBus, tmp_path: Path) -> None:
    brightness = tmp_path / "led0" / "brightness"
    brightness.parent.mkdir()
    brightness.write_text("0\n", encoding="ascii")
    lit: list[str] = []
    told: list[str] = []
    chime = np.ones(10, np.int16)

    def play(samples: Samples) -> None:
        assert samples is chime
        lit.append(brightness.read_text(encoding="ascii")[0])
        raise DeviceError("no output")

    async def session() -> None:
        light = WakeLight(Led(tmp_path), "led0", told.append)
        work = asyncio.ensure_future(Feedback(chime, play, light, told.append).serve(bus.address))
        await asyncio.sleep(1)
        for _ in range(2):
            await hear_again(bus.address)
        await asyncio.sleep(0.5)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(session())
    assert len(lit) >= 2
    assert told == ["no output"]  # once for the same cause
    assert brightness.read_text(encoding="ascii")[0] == "0"


def test_the_chime_comes_out_of_the_default_output(
    virtual_microphone: VirtualMicrophone, tmp_path: Path
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("feedback: {chime: builtin, chime_volume: 0.5}\n", encoding="utf-8")
    environment = {**os.environ, **virtual_microphone.environment}
    measure = [*AURICLE, "test-mic", "--seconds", "6", "--json"]
    with subprocess.Popen(measure, env=environment, stdout=subprocess.PIPE) as measuring:
        play = [*AURICLE, "feedback", "--once", "--config", str(config)]
        for _ in range(3):
            done = subprocess.run(play, env=environment, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr
        output, _ = measuring.communicate()
    assert json.loads(output)["peak_dbfs"] > -20


def test_without_chime_and_led_it_ends(tmp_path: Path) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("", encoding="utf-8")
    done = subprocess.run(
        [*AURICLE, "feedback", "--config", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "feedback.chime is off" in done.stderr
