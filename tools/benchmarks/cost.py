"""Measure the daemon's cost: idle CPU share, memory, speed, start time, and disk space.

In: this checkout. Out: one line per value. The real daemon runs in its own process, on a private
bus and a private sound server. `PYTHONPATH=tools python -m benchmarks.cost`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.client.client import AssistantClient
from auricle.compute.budget import Budget
from auricle.config.locations import find_bundle
from auricle.config.schema import Config, RecognizerSettings
from auricle.errors import ModelError
from auricle.service.assembly import load_models
from auricle.tflite.packages import RUNTIMES, find_runtime
from testbed.private_bus import PrivateBus
from testbed.recordings import load_recordings
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

RECORDINGS = Path(__file__).parents[2] / "tests" / "recordings"
TALK = ("must_sleep", "why_are_you_here", "big_news")
SENTENCE = "slightest_idea"
SESSIONS = 5
SETTLE_SECONDS = 2.0  # after the start
LEAD_SECONDS = 1.0  # of talk before the measurement
TICKS = os.sysconf("SC_CLK_TCK")


async def hear_sentence(address: str, microphone: VirtualMicrophone, recording: Path) -> None:
    """Run one session with a sentence, until the session and the recording have ended."""
    async with AssistantClient(address) as client:
        await client.listen()
        with microphone.start_speaking(recording):
            async for name, _ in client.events():
                if name in {"final", "cancelled", "error"}:
                    return


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int, field: str) -> float:
    """Return VmHWM (peak) or VmRSS of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) / 1000


def share_of_a_core(pid: int, seconds: float) -> float:
    """Return the share of one core that a process uses over some seconds."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)


def measure_daemon(seconds: float) -> None:
    """Print start time, idle CPU share and memory of the real daemon."""
    recordings = load_recordings(RECORDINGS)
    words = len(Config().wake.models)
    with ExitStack() as testbed:
        microphone = testbed.enter_context(VirtualMicrophone())
        bus = testbed.enter_context(PrivateBus())
        talk = Path(testbed.enter_context(tempfile.TemporaryDirectory())) / "talk.wav"
        write_talk(talk, [recordings[name].path for name in TALK], LEAD_SECONDS + seconds)
        began = time.monotonic()
        environment = microphone.environment | bus.environment
        daemon = testbed.enter_context(RunningDaemon(bus.address, environment=environment))
        print(f"start to ready: {time.monotonic() - began:.2f} s")
        time.sleep(SETTLE_SECONDS)
        print(f"memory when ready: {memory(daemon.pid, 'VmRSS'):.0f} MB")
        idle = share_of_a_core(daemon.pid, seconds)
        print(f"idle, silence, {words} wake words: {idle:.1%} of one core over {seconds:.0f} s")
        with microphone.start_speaking(talk):
            time.sleep(LEAD_SECONDS)
            busy = share_of_a_core(daemon.pid, seconds)
        print(f"idle, people talking: {busy:.1%} of one core over {seconds:.0f} s")
        for _ in range(SESSIONS):
            asyncio.run(hear_sentence(bus.address, microphone, recordings[SENTENCE].path))
        print(f"peak memory after {SESSIONS} sessions: {memory(daemon.pid, 'VmHWM'):.0f} MB")


def write_talk(path: Path, recordings: Sequence[Path], seconds: float) -> None:
    """Write recordings to a file, repeated to fill `seconds`."""
    speech = np.concatenate([read_recording(recording) for recording in recordings])
    soundfile.write(path, np.resize(speech, round(seconds * SAMPLE_RATE)), SAMPLE_RATE)


def measure_recognizer() -> None:
    """Print the real-time factor of recognition on one thread, for each installed runtime."""
    sentences = [item for item in load_recordings(RECORDINGS).values() if item.text]
    audio = [read_recording(item.path) for item in sentences]
    seconds = sum(map(len, audio)) / SAMPLE_RATE
    for runtime in RUNTIMES:
        try:
            find_runtime(runtime)
        except ModelError:
            print(f"real-time factor, {runtime}: not installed")
            continue
        config = Config(recognizer=RecognizerSettings(runtime=runtime))
        budget = Budget(threads=1, beam=config.recognizer.beam)
        recognizer = load_models(config, budget, wake=False).recognizer
        began = time.thread_time()
        for samples in audio:
            state, _ = recognizer.step(recognizer.initial_state(), samples)
            recognizer.result(recognizer.look_ahead(state)[0])
        factor = (time.thread_time() - began) / seconds
        print(f"real-time factor, {runtime}: {factor:.4f} on one thread, {seconds:.0f} s of audio")


def measure_disk() -> None:
    """Print the size of the bundle."""
    folder = find_bundle(Config().recognizer.bundle)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"bundle {folder.name}: {size / 1e6:.1f} MB")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="per idle measurement")
    arguments = parser.parse_args()
    measure_disk()
    measure_recognizer()
    measure_daemon(arguments.seconds)


if __name__ == "__main__":
    main()
