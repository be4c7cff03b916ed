"""Simulates a device that plays music and hears its echo, with PulseAudio's echo canceller.

In: playback signal and microphone signal, as two channels of one stream to keep them synchronous.
Out: recordings of the microphone before and after echo cancellation, in real time.

    testbed, channel 1 ─► loopback ─► canceller's sink ─► loudspeaker (a null sink)
    testbed, channel 2 ─► microphone ─────────────────┬─► canceller's source
                                                    └─► the same without it
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from auricle.audio.format import SAMPLE_RATE, Samples
from testbed.errors import StageError
from testbed.virtual_microphone import SINK, VirtualMicrophone

SNIPPET = Path(__file__).parents[2] / "etc" / "pulse" / "default.pa.d" / "80-auricle-echo.pa"
RATE = 48_000  # Hz of all devices of the server, as for most sound cards
LOOP_SECONDS = 0.1  # latency to the loudspeaker; the echo must come later
OPENING_SECONDS = 2.0
BURST_SECONDS = (0.8, 1.2)  # noise burst in the opening, for alignment of recordings
SEARCHED_SECONDS = 10.0
SPARE_SECONDS = 2.0  # silence at the end, so that the recording is complete
LEAST_LIKENESS = 0.9  # minimum correlation of microphone signal and raw recording
MICROPHONE = "microphone"
LOUDSPEAKER = "loudspeaker"
CANCELLED = "auricle_echo_cancelled"
SPEAKER = "auricle_speaker"
PRIORITY = 5  # PulseAudio's default realtime priority


class EchoingRoom:
    """A private sound server with a canceller between its microphone and its loudspeaker."""

    def __init__(self, canceller: str = "") -> None:
        """Take arguments of module-echo-cancel that replace those of the snippet."""
        self._server = VirtualMicrophone(RATE, 2)
        self._arguments = arguments_of(canceller)

    def __enter__(self) -> Self:
        """Start the server and load all devices."""
        self._server.__enter__()
        try:
            self._load()
            self._hurry()
        except BaseException:
            self._server.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._server.__exit__(None, None, None)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that connect PulseAudio and ALSA programs to this server."""
        return self._server.environment

    def hear(self, played: Samples, heard: Samples) -> tuple[Samples, Samples]:
        """Play both signals; return the microphone's recording, raw and echo-cancelled.

        Args:
            played: playback signal, (samples,) int16 at 16 kHz.
            heard: simultaneous microphone signal, (samples,) int16 at 16 kHz. Its echo of `played`
                must come at least LOOP_SECONDS later.

        Returns:
            raw and echo-cancelled recording, each (samples,) int16 at 16 kHz, aligned with `heard`.

        Raises:
            StageError: audio was lost.
        """
        sound = np.concatenate([_opening(), np.stack([played, heard], axis=1), _silence()])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "testbed.wav"
            soundfile.write(path, sound, SAMPLE_RATE)
            files = [Path(folder) / name for name in (f"{MICROPHONE}.raw", f"{CANCELLED}.raw")]
            recorders = [self._record(file.stem, file) for file in files]
            try:
                self._server.speak(path)
            finally:
                for recorder in recorders:
                    recorder.terminate()
                    recorder.wait()
            raw, cancelled = (_after_opening(np.fromfile(file, np.int16)) for file in files)
        raw, cancelled = raw[: len(heard)], cancelled[: len(heard)]
        whole = len(raw) == len(cancelled) == len(heard)
        if not whole or np.corrcoef(raw.astype(float), heard.astype(float))[0, 1] < LEAST_LIKENESS:
            raise StageError("audio was lost; reduce the load of the machine")
        return raw, cancelled

    def _load(self) -> None:
        load = self._server.load
        self._server.add_sink(LOUDSPEAKER, RATE, 2)
        for name, channel in (("music", "front-left"), (MICROPHONE, "front-right")):
            one = (f"master_channel_map={channel}", "channel_map=mono", "channels=1", "remix=no")
            load("module-remap-source", f"source_name={name}", f"master={SINK}.monitor", *one)
        masters = (f"source_master={MICROPHONE}", f"sink_master={LOUDSPEAKER}")
        load("module-echo-cancel", *self._arguments, *masters)
        latency = f"latency_msec={1000 * LOOP_SECONDS:.0f}"
        load("module-loopback", "source=music", f"sink={SPEAKER}", latency, "adjust_time=0")

    def _hurry(self) -> None:
        """Give the server realtime priority if allowed, so that it loses no audio."""
        with contextlib.suppress(PermissionError):
            for thread in Path(f"/proc/{self._server.pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(PRIORITY))

    def _record(self, source: str, file: Path) -> subprocess.Popen[bytes]:
        shape = (f"--rate={SAMPLE_RATE}", "--channels=1", "--format=s16le", "--raw")
        with file.open("wb") as out:
            return subprocess.Popen(
                ["parecord", f"--device={source}", "--latency-msec=50", *shape],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
            )


def arguments_of(changes: str = "") -> Sequence[str]:
    """Return the arguments of module-echo-cancel in the snippet, overridden by `changes`.

    Raises:
        StageError: the snippet does not load the module.
    """
    for line in SNIPPET.read_text(encoding="utf-8").splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["load-module", "module-echo-cancel"]:
            pairs = (word.partition("=")[::2] for word in (*words[2:], *shlex.split(changes)))
            return [f'{key}="{value}"' for key, value in dict(pairs).items()]
    raise StageError(f"{SNIPPET} does not load module-echo-cancel; add it")


def _opening() -> NDArray[np.int16]:
    """Return the opening with a noise burst for the microphone, (samples, 2) int16."""
    opening = np.zeros((round(OPENING_SECONDS * SAMPLE_RATE), 2), np.int16)
    begin, end = (round(seconds * SAMPLE_RATE) for seconds in BURST_SECONDS)
    opening[begin:end, 1] = np.random.default_rng(0).normal(0, 3000, end - begin)
    return opening


def _silence() -> NDArray[np.int16]:
    return np.zeros((round(SPARE_SECONDS * SAMPLE_RATE), 2), np.int16)


def _after_opening(recorded: Samples) -> Samples:
    """Find the opening in a recording by its noise burst; return the recording after it."""
    opening = _opening()[:, 1].astype(np.float64)
    searched = recorded[: round(SEARCHED_SECONDS * SAMPLE_RATE)].astype(np.float64)
    size = 1 << (len(searched) + len(opening)).bit_length()
    alike = np.fft.irfft(np.fft.rfft(searched, size) * np.conj(np.fft.rfft(opening, size)), size)
    return recorded[int(np.argmax(alike[: len(searched)])) + len(opening) :]
