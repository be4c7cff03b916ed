"""Records from a microphone through PortAudio's blocking interface.

In: the name of a device. Out: audio frames in Auricle's format, for any rate and number of channels
of the device. PortAudio's callback interface is not used: cffi callbacks need memory that is both
writable and executable, and the systemd unit forbids it.
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
    divide_buffers,
    start_portaudio,
)
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame
from auricle.audio.source import OpenedByWith
from auricle.errors import ArgumentError, DeviceError

BLOCK_SECONDS = 0.025  # of audio that a device delivers at once
FIRST_SOUND_SECONDS = 3.0  # time-out for the first samples of a device
SOUND_SECONDS = 1.0  # time-out for further samples; then the device counts as lost
SOUND_SERVER_CHANNELS = 32  # devices with this many channels are sound servers, which mix down
PA_DEVICE_UNAVAILABLE = -9985  # portaudio.h


class Microphone(OpenedByWith):
    """An audio source that records from an input device of this machine."""

    def __init__(
        self,
        device: int | str | None = None,
        channel: Channel = 0,
        channels: int | None = None,
        buffer_seconds: float = 1.0,
    ) -> None:
        """Set what to record; `open` looks up the device.

        Args:
            device: an index, a name or part of a name (case-insensitive), or an ALSA name such as
                `hw:1,0`. `pulse` is the default source of the sound server, `pulse:SOURCE`
                another source. None: the default device.
            channel: channel of a microphone array, from 0, or "mix" for the mean of all channels.
            channels: number of channels to request. None: the smallest number that includes
                `channel`, or all channels for "mix".
            buffer_seconds: longest time between two reads without loss of audio, if the device has
                that much memory. It adds no delay, because each read returns what is there.

        Raises:
            ArgumentError: `channel` is not below `channels`.
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
        self.name = ""  # of the open device
        self.rate = SAMPLE_RATE  # Hz, of the open device
        self._stream: Any = None
        self._portaudio_error: type[Exception] = DeviceError  # until PortAudio is loaded
        self._converter = FormatConverter(SAMPLE_RATE, channel)
        self._pending = np.zeros(0, np.int16)

    def open(self) -> None:
        """Find the device, start it, and wait for its first samples.

        Raises:
            DeviceError: the device is missing or in use, does not support the requested channels,
                or delivers no samples.
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
        """Wait for the next audio frame, (160,) int16, for about one second at most.

        Raises:
            DeviceError: the device was disconnected or delivers no samples; to retry, call
                `close` and `open`.
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
        """Return a running stream, at 16 kHz if the device supports it."""
        failures = []
        divide_buffers(sounddevice, max(2, round(self._buffer_seconds / BLOCK_SECONDS)))
        # 48 kHz converts to 16 kHz at three to one. The device's default rate comes last.
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
        """Return the channel counts to try, in order of preference."""
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
        """Return the error that says why an existing device could not be started."""
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
                f"audio.device: the sound server has no source '{self._source}', or is not "
                "running; `pactl list short sources` lists the sources"
            )
        return DeviceError(
            f"audio.device: '{device.name}' cannot record ({error}); check that it is plugged in "
            "and that its sound server is running"
        )

    def _record(self) -> Block:
        """Return all audio recorded since the last call, (frames, channels)."""
        available = self._wait_for_sound(SOUND_SECONDS)
        try:
            data, overflowed = self._stream.read(available)
        except self._portaudio_error as error:
            raise self._lost(error) from error
        if overflowed:
            self.overruns += 1
        return np.frombuffer(data, np.int16).reshape(-1, self._stream.channels)

    def _wait_for_sound(self, seconds: float) -> int:
        """Wait until at least 10 ms can be read; return the number of available frames.

        A blocking PortAudio read lasts nearly a minute when a sound server hangs, which is longer
        than the watchdog of the systemd unit allows.

        Raises:
            DeviceError: no samples came within `seconds`, or the device was disconnected.
        """
        deadline = time.monotonic() + seconds
        least = round(self.rate * FRAME_SECONDS)
        try:
            while (available := int(self._stream.read_available)) < least:
                if time.monotonic() > deadline:
                    raise DeviceError(
                        f"audio.device: '{self.name}' has delivered no sound for {seconds:.0f} s; "
                        "check the cable, and that the sound server is running"
                    )
                time.sleep(FRAME_SECONDS)
        except self._portaudio_error as error:
            raise self._lost(error) from error
        return available

    def _lost(self, error: Exception) -> DeviceError:
        return DeviceError(
            f"audio.device: '{self.name}' was disconnected ({error}); plug it in again, or restart "
            "its sound server"
        )


@contextmanager
def _pulse_source(name: str) -> Iterator[None]:
    """Make ALSA's pulse plugin record from the source `name`; an empty name changes nothing.

    PortAudio offers no way to pass the plugin an argument, so the name goes through the
    environment variable PULSE_SOURCE, which libpulse reads.
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
