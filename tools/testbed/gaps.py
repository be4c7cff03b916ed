"""Counts gaps in music by recording a sink.

If a player or sound server is late, the sink has exact zeros in all channels. `never_silent` makes
music without zeros, so that every gap is an underrun. The maximum delay of the sound server is
measured as well: a sound card with a shorter buffer would have underrun.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
CHANNELS = 2
GAP_SAMPLES = RATE // 1000  # minimum consecutive zero samples of a gap
DITHER = 24  # of 32768: below -60 dB, but no run of zeros even at a fifth of the volume
CHUNK_BYTES = RATE * CHANNELS * 2 // 100  # 10 ms

Sound = NDArray[np.int16]  # (samples, channels)


def never_silent(music: NDArray[np.float32], seed: int = 0) -> Sound:
    """Return mono music, (samples,) from -1 to 1, as two channels with added noise."""
    noise = np.random.default_rng(seed).integers(1, DITHER, len(music))
    signs = np.where(np.arange(len(music)) % 2, 1, -1)
    mono = np.clip(music * 30000, -32000, 32000) + noise * signs
    return np.repeat(mono.astype(np.int16)[:, np.newaxis], CHANNELS, axis=1)


class GapCounter:
    """Counts runs of zeros in a stream of chunks."""

    def __init__(self) -> None:
        """Start before the music."""
        self.gaps = 0
        self.silent_samples = 0
        self.heard = False  # whether music has started
        self._zeros = 0  # zero samples at the end of the last chunk

    def take(self, sound: Sound) -> None:
        """Process the next samples, (samples, channels)."""
        loud = np.flatnonzero(sound.any(axis=1))
        if not len(loud):
            self._zeros += len(sound)
            return
        if self.heard:
            self._count(self._zeros + int(loud[0]))
        for zeros in (np.diff(loud) - 1).tolist():
            self._count(zeros)
        self._zeros = len(sound) - 1 - int(loud[-1])
        self.heard = True

    def _count(self, zeros: int) -> None:
        if zeros >= GAP_SAMPLES:
            self.gaps += 1
            self.silent_samples += zeros


class GapWatch:
    """Records the monitor of a sink during its `with` block; `reset` restarts counting."""

    def __init__(self, sink: str, environment: Mapping[str, str]) -> None:
        """Take a sink and the environment of a VirtualMicrophone."""
        self._command = ["parec", f"--device={sink}.monitor", "--raw", "--format=s16le"]
        self._command += [f"--rate={RATE}", f"--channels={CHANNELS}", "--latency-msec=50"]
        self._environment = {**environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Restart counting."""
        with self._lock:
            self._counter = GapCounter()
            self._samples = 0
            self._began = time.monotonic()
            self._delays: list[float] = []

    def __enter__(self) -> Self:
        """Start recording."""
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop recording."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._thread.join()
            if self._process.stdout is not None:
                self._process.stdout.close()

    @property
    def heard(self) -> bool:
        """Whether music has started."""
        return self._counter.heard

    @property
    def gaps(self) -> int:
        """Number of gaps."""
        return self._counter.gaps

    @property
    def silent_seconds(self) -> float:
        """Total duration of the gaps."""
        return self._counter.silent_samples / RATE

    @property
    def seconds(self) -> float:
        """Recorded duration."""
        return self._samples / RATE

    @property
    def latest(self) -> float:
        """Maximum delay of the sound server in seconds, relative to its minimum."""
        with self._lock:
            return max(self._delays) - min(self._delays) if self._delays else 0.0

    def _listen(self) -> None:
        stream = self._process.stdout if self._process else None
        while stream is not None and (data := stream.read(CHUNK_BYTES)):
            whole = data[: len(data) // (2 * CHANNELS) * 2 * CHANNELS]
            sound = np.frombuffer(whole, np.int16).reshape(-1, CHANNELS)
            with self._lock:
                self._counter.take(sound)
                self._samples += len(sound)
                self._delays.append(time.monotonic() - self._began - self._samples / RATE)
