"""A microphone as a source of sound, by PortAudio's blocking interface.

In: the name of a device. Out: frames in Auricle's format, whatever rate and number of channels the
device has. No callbacks: the service forbids memory that is both writable and executable, which
cffi needs for them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from auricle.audio.alsa_cards import capture_devices
from auricle.audio.convert import Block, Channel, FormatConverter
from auricle.audio.devices import (
    InputDevice,
    busy_sentence,
    choose_device,
    devices_of,
    start_portaudio,
)
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame
from auricle.audio.source import OpenedByWith
from auricle.errors import ArgumentError, DeviceError

FIRST_SOUND_SECONDS = 3.0  # how long a device may take to wake up
SOUND_SECONDS = 1.0  # after so long without a sample the device counts as lost
SOUND_SERVER_CHANNELS = 32  # a device that offers as many is a sound server and mixes by itself
PA_DEVICE_UNAVAILABLE = -9985  # portaudio.h


class Microphone(OpenedByWith):
    """Records from a device of this machine."""

    def __init__(
        self,
        device: int | str | None = None,
        channel: Channel = 0,
        channels: int | None = None,
        buffer_seconds: float = 0.1,
    ) -> None:
        """Choose what to record; `open` looks for it.

        Args:
            device: index; name or part of it, in any case; ALSA name such as `hw:1,0`; `pulse` for
                the sound server's default source, `pulse:SOURCE` for another one; None for the
                default device.
            channel: which channel of a microphone array, from 0, or "mix" for the mean of all.
            channels: how many channels to ask the device for. None: as few as `channel` needs, or
                all for "mix".
            buffer_seconds: how long the reader may stay away before sound is lost. A device
                delivers in pieces of about a quarter of it.
        """
        if channel != "mix" and channels is not None and not 0 <= channel < channels:
            raise ArgumentError(
                f"audio.channel: {channel} is not among {channels} channels; "
                f"choose one from 0 to {channels - 1}, or mix"
            )
        self.overruns = 0
        name, _, source = str(device).partition(":") if isinstance(device, str) else ("", "", "")
        self._source = source if name == "pulse" else ""
        self._wanted = name if self._source else device
        self._channel: Channel = channel
        self._channels = channels
        self._buffer_seconds = buffer_seconds
        self.name = ""  # of the device, once it is open
        self.rate = SAMPLE_RATE  # Hz at which the open device records
        self._stream: Any = None
        self._portaudio_error: type[Exception] = DeviceError  # until PortAudio is loaded
        self._converter = FormatConverter(SAMPLE_RATE, channel)
        self._pending = np.zeros(0, np.int16)

    def open(self) -> None:
        """Find the device and start it; return when it delivers sound.

        Raises:
            DeviceError: the device is missing, in use, cannot record what is asked of it, or
                stays silent.
        """
        self.close()
        sounddevice = start_portaudio()
        self._portaudio_error = sounddevice.PortAudioError
        device = choose_device(devices_of(sounddevice), self._wanted, capture_devices())
        self.name = device.name
        with _pulse_source(self._source):
            self._stream = self._start(sounddevice, device)
        self.rate = round(self._stream.samplerate)
        self._converter = FormatConverter(self.rate, self._channel)
        try:
            self._wait_for_sound(FIRST_SOUND_SECONDS)
        except DeviceError:
            self.close()
            raise

    def read(self) -> Frame | None:
        """Wait for the next frame, (160,) int16; at most about a second.

        Raises:
            DeviceError: the device went away or fell silent; close and open to try again.
        """
        while self._pending.size < FRAME_SAMPLES:
            samples = self._converter.convert(self._record())
            self._pending = np.concatenate((self._pending, samples))
        frame, self._pending = self._pending[:FRAME_SAMPLES], self._pending[FRAME_SAMPLES:]
        return frame

    def close(self) -> None:
        """Release the device."""
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
        self._stream = None
        self._pending = np.zeros(0, np.int16)

    def _start(self, sounddevice: ModuleType, device: InputDevice) -> Any:
        """Return a running stream, at 16 kHz if the device can, else at a rate that it can."""
        failures = []
        # 48 kHz is next best, three to one; the rate that PortAudio found to be the device's own
        # is the last resort.
        for rate in dict.fromkeys((SAMPLE_RATE, 48_000, device.rate)):
            for channels in self._channel_counts(device):
                stream = None
                try:
                    stream = sounddevice.RawInputStream(
                        device=device.index,
                        samplerate=rate,
                        channels=channels,
                        dtype="int16",
                        blocksize=round(rate * FRAME_SECONDS),
                        latency=self._buffer_seconds,
                    )
                    stream.start()
                except sounddevice.PortAudioError as error:
                    failures.append(error)
                    if stream is not None:
                        stream.close(ignore_errors=True)
                else:
                    return stream
        raise self._refused(device, failures[0]) from failures[0]

    def _channel_counts(self, device: InputDevice) -> tuple[int, ...]:
        """Return the numbers of channels to try, best first."""
        is_server = device.channels >= SOUND_SERVER_CHANNELS
        if self._channels is not None:
            return (self._channels,)
        if self._channel == "mix":
            return (1,) if is_server else (device.channels,)
        if not is_server and self._channel >= device.channels:
            raise DeviceError(
                f"audio.channel: '{device.name}' has no channel {self._channel}; choose one from "
                f"0 to {device.channels - 1}, or mix"
            )
        needed = self._channel + 1
        return (needed,) if is_server or needed == device.channels else (needed, device.channels)

    def _refused(self, device: InputDevice, error: Exception) -> DeviceError:
        """Say why a device that is there could not be started."""
        code = error.args[1] if len(error.args) > 1 else None
        if code == PA_DEVICE_UNAVAILABLE:
            for card in capture_devices():
                if card.owner is not None and f"({card.address})" in device.name:
                    return DeviceError(busy_sentence(card))
            return DeviceError(
                f"audio.device: the microphone '{device.name}' is in use by another program; stop "
                "it, or record through the sound server (device: pulse)"
            )
        if self._source:
            return DeviceError(
                f"audio.device: the sound server has no source '{self._source}', or does not run; "
                "`pactl list short sources` shows what there is"
            )
        return DeviceError(
            f"audio.device: '{device.name}' cannot record ({error}); check that it is plugged in "
            "and that its sound server runs"
        )

    def _record(self) -> Block:
        """Return all that the device has recorded since the last time, (frames, channels)."""
        available = self._wait_for_sound(SOUND_SECONDS)
        try:
            data, overflowed = self._stream.read(available)
        except self._portaudio_error as error:
            raise self._lost(error) from error
        if overflowed:
            self.overruns += 1
        return np.frombuffer(data, np.int16).reshape(-1, self._stream.channels)

    def _wait_for_sound(self, seconds: float) -> int:
        """Return how many frames can be read without waiting, at least 10 ms of them.

        PortAudio's own wait would last nearly a minute when a sound server hangs: too long for the
        watchdog of the service. Raises DeviceError after `seconds`.
        """
        deadline = time.monotonic() + seconds
        least = round(self.rate * FRAME_SECONDS)
        try:
            while (available := int(self._stream.read_available)) < least:
                if time.monotonic() > deadline:
                    raise DeviceError(
                        f"audio.device: '{self.name}' has delivered no sound for {seconds:.0f} s; "
                        "check the cable, and that the sound server runs"
                    )
                time.sleep(FRAME_SECONDS)
        except self._portaudio_error as error:
            raise self._lost(error) from error
        return available

    def _lost(self, error: Exception) -> DeviceError:
        return DeviceError(
            f"audio.device: '{self.name}' went away ({error}); plug it in again, or restart its "
            "sound server"
        )


@contextmanager
def _pulse_source(name: str) -> Iterator[None]:
    """Let libpulse, which ALSA's pulse plugin calls, connect to the source `name`, if given.

    The plugin's argument cannot be reached through PortAudio, the environment can.
    """
    if not name:
        yield
        return
    before = os.environ.get("PULSE_SOURCE")
    os.environ["PULSE_SOURCE"] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ["PULSE_SOURCE"]
        else:
            os.environ["PULSE_SOURCE"] = before
