"""What the daemon costs: idle share of the CPU, memory, speed, start, bytes on disk.

In: nothing but this checkout. Out: one line a figure. The daemon is the real one, a process of its
own on a private bus, hearing a private sound server. `PYTHONPATH=tools python -m benchmarks.cost`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from auricle.arbiter.budget import Budget
from auricle.assembly import load_models
from auricle.audio.file import read_recording
from auricle.bus.client import AssistantClient
from auricle.config.locations import find_bundle
from auricle.config.schema import Config, RecognizerSettings
from auricle.errors import ModelError, NotRunningError
from auricle.tflite import RUNTIMES, find_runtime
from stage.private_bus import PrivateBus
from stage.recordings import load_recordings
from stage.virtual_microphone import VirtualMicrophone

RECORDINGS = Path(__file__).parents[2] / "tests" / "recordings"
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def daemon(microphone: VirtualMicrophone, bus: PrivateBus) -> Iterator[subprocess.Popen[bytes]]:
    """Run `auricle run` until the block ends."""
    command = [sys.executable, "-m", "auricle.cli.main", "run", "--bus", bus.address]
    process = subprocess.Popen(command, env=os.environ | microphone.environment | bus.environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


async def wait_until_ready(address: str) -> None:
    """Return once the daemon answers on the bus."""
    for _ in range(300):
        try:
            async with AssistantClient(address) as client:
                await client.status()
                return
        except NotRunningError:
            await asyncio.sleep(0.1)
    raise NotRunningError("the daemon did not come up within 30 s; run `auricle doctor`")


async def hear_sentence(address: str, microphone: VirtualMicrophone, recording: Path) -> None:
    """Let the daemon hear one sentence, up to the end of the session."""
    async with AssistantClient(address) as client:
        await client.listen()
        microphone.start_speaking(recording)
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
    """Return the share of one core that a process takes over some seconds."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)


def measure_daemon(seconds: float) -> None:
    """Print start, idle share and memory of the real daemon."""
    recordings = load_recordings(RECORDINGS)
    sentence = recordings["slightest_idea"].path
    with (
        VirtualMicrophone() as microphone,
        PrivateBus() as bus,
        tempfile.TemporaryDirectory() as to,
    ):
        began = time.monotonic()
        with daemon(microphone, bus) as process:
            asyncio.run(wait_until_ready(bus.address))
            print(f"start to ready: {time.monotonic() - began:.2f} s")
            time.sleep(2.0)
            print(f"memory when ready: {memory(process.pid, 'VmRSS'):.0f} MB")
            idle = share_of_a_core(process.pid, seconds)
            print(f"idle, silence, three wake words: {idle:.1%} of one core over {seconds:.0f} s")
            talk = Path(to) / "talk.wav"
            speech = np.concatenate(
                [
                    read_recording(recordings[name].path)
                    for name in ("must_sleep", "why_are_you_here", "big_news")
                ]
            )
            soundfile.write(talk, np.tile(speech, 1 + int(seconds * 16000 / len(speech))), 16000)
            microphone.start_speaking(talk)
            time.sleep(1.0)
            busy = share_of_a_core(process.pid, seconds - 2)
            print(f"idle, people talking: {busy:.1%} of one core over {seconds - 2:.0f} s")
            time.sleep(3.0)
            for _ in range(5):
                asyncio.run(hear_sentence(bus.address, microphone, sentence))
            print(f"peak memory after five sessions: {memory(process.pid, 'VmHWM'):.0f} MB")


def measure_recognizer() -> None:
    """Print the real-time factor of recognition on one thread, for each runtime installed."""
    sentences = [item for item in load_recordings(RECORDINGS).values() if item.text]
    audio = [read_recording(item.path) for item in sentences]
    seconds = sum(map(len, audio)) / 16000
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
    parser.add_argument("--seconds", type=float, default=30.0, help="of each idle measurement")
    arguments = parser.parse_args()
    measure_disk()
    measure_recognizer()
    measure_daemon(arguments.seconds)


if __name__ == "__main__":
    main()
