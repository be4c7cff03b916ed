"""The microphone against a real sound server: what is played is what is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sounddevice
import soundfile

from auricle.audio.alsa_cards import CaptureDevice
from auricle.audio.devices import list_devices
from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, Samples
from auricle.audio.level import level_dbfs
from auricle.audio.microphone import Microphone
from auricle.audio.source import AudioSource
from auricle.errors import ArgumentError, DeviceError
from testbed.patience import patience
from testbed.recordings import Recording
from testbed.virtual_microphone import VirtualMicrophone


def hear(server: VirtualMicrophone, path: Path, microphone: Microphone) -> Samples:
    """Play a recording and return what the open microphone heard until a while after it."""
    player = server.start_speaking(path)
    heard = []
    while player.poll() is None:
        heard.append(microphone.read())
    heard += [microphone.read() for _ in range(100)]  # what the buffer may still hold
    assert player.returncode == 0
    return np.concatenate([frame for frame in heard if frame is not None])


def find(said: Samples, heard: Samples) -> Samples:
    """Return the stretch of `heard` that resembles `said` most."""
    size = 1 << (heard.size + said.size).bit_length()
    spectra = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    begin = int(np.fft.irfft(spectra, size)[: heard.size - said.size + 1].argmax())
    return heard[begin : begin + said.size]


def correlation(a: Samples, b: Samples) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("device", [None, "PULSE", "pulse:speaker.monitor"])
def test_what_is_spoken_is_heard_bit_by_bit(
    microphone_here: VirtualMicrophone, recordings: dict[str, Recording], device: str | None
) -> None:
    path = recordings["wounded_in_the_arm"].path
    said = read_recording(path)
    with Microphone(device, buffer_seconds=2.0) as microphone:
        heard = hear(microphone_here, path, microphone)
        assert microphone.rate == 16_000
        assert microphone.overruns == 0
    np.testing.assert_array_equal(find(said, heard), said)


def test_frames_have_the_format_and_come_in_real_time(microphone_here: VirtualMicrophone) -> None:
    begin = time.monotonic()
    with Microphone() as microphone:
        frames = [microphone.read() for _ in range(50)]
    assert time.monotonic() - begin > 0.4  # half a second, but for what the server had ready
    assert all(frame.shape == (FRAME_SAMPLES,) and frame.dtype == np.int16 for frame in frames)


def test_a_reader_that_stalls_loses_nothing_and_one_that_waits_gets_short_blocks(
    microphone_here: VirtualMicrophone,
) -> None:
    with Microphone() as microphone:
        assert microphone._stream.latency > 0.9  # seconds that the device keeps
        blocks = [len(microphone._record()) for _ in range(20)]
        assert np.median(blocks) <= 0.04 * 16_000
        begin = time.monotonic()
        time.sleep(0.8)
        heard = len(microphone._record()) / 16_000
        assert heard == pytest.approx(time.monotonic() - begin, abs=0.2)
        assert microphone.overruns == 0


class NoSixteenKilohertz(sounddevice.RawInputStream):
    """The real stream, of a device that cannot do 16 kHz: most sound cards cannot."""

    def __init__(self, *, samplerate: int, **settings: Any) -> None:
        if samplerate == 16_000:
            raise sounddevice.PortAudioError("Invalid sample rate", -9997)
        super().__init__(samplerate=samplerate, **settings)


def test_a_device_that_cannot_do_16_khz_is_resampled(
    microphone_here: VirtualMicrophone,
    recordings: dict[str, Recording],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sounddevice, "RawInputStream", NoSixteenKilohertz)
    path = recordings["no_remonstrance"].path
    said = read_recording(path)
    with Microphone() as microphone:
        heard = hear(microphone_here, path, microphone)
        assert microphone.rate == 48_000
    found = find(said, heard)
    assert correlation(found, said) > 0.95  # the delay is no whole number of samples
    assert level_dbfs(found) == pytest.approx(level_dbfs(said), abs=0.2)


def test_each_microphone_of_an_array_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frequencies = np.array([400, 800, 1600, 3200])  # Hz, one a channel
    times = np.arange(6400) / 16_000
    sound = 0.2 * np.sin(2 * np.pi * times[:, np.newaxis] * frequencies)
    soundfile.write(tmp_path / "array.wav", sound, 16_000)
    with VirtualMicrophone(channels=4) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for channel in (0, 1, 2, 3, "mix"):
            with Microphone("pulse", channel=channel, channels=4) as microphone:
                heard = hear(server, tmp_path / "array.wav", microphone)
            spectrum = np.abs(np.fft.rfft(heard, 1 << 17))
            power = spectrum[np.rint(frequencies * (1 << 17) / 16_000).astype(int)]
            expected = np.arange(4) == channel if channel != "mix" else np.full(4, True)
            np.testing.assert_array_equal(power > 0.1 * power.max(), expected, f"channel {channel}")


class AllFourOrNone(sounddevice.RawInputStream):
    """The real stream, of an array that gives all its channels or none, as many do."""

    def __init__(self, *, channels: int, **settings: Any) -> None:
        if channels != 4:
            raise sounddevice.PortAudioError("Invalid number of channels", -9998)
        super().__init__(channels=channels, **settings)


def sound_card(monkeypatch: pytest.MonkeyPatch, name: str, channels: int) -> None:
    """Let PortAudio's first device, in truth the sound server, pass for a sound card."""
    query = sounddevice.query_devices
    card = {**query(0), "name": name, "max_input_channels": channels}
    monkeypatch.setattr(
        sounddevice, "query_devices", lambda *which: query(*which) if which else (card,)
    )


@pytest.mark.parametrize("channel", [1, "mix"])
def test_all_channels_are_opened_where_fewer_are_refused(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch, channel: Any
) -> None:
    sound_card(monkeypatch, "Array (hw:1,0)", channels=4)
    monkeypatch.setattr(sounddevice, "RawInputStream", AllFourOrNone)
    with Microphone("array", channel=channel) as microphone:
        frame = microphone.read()
    assert frame is not None
    assert frame.shape == (FRAME_SAMPLES,)


def test_a_channel_that_the_card_has_not_is_refused(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound_card(monkeypatch, "USB (hw:2,0)", channels=2)
    with pytest.raises(DeviceError, match="has no channel 2; choose one from 0 to 1, or mix"):
        Microphone("usb", channel=2).open()


def test_list_devices_tells_what_can_record(microphone_here: VirtualMicrophone) -> None:
    devices = list_devices()
    assert {device.name for device in devices} == {"pulse", "default"}
    assert [device.name for device in devices if device.is_default] == ["default"]


def test_a_missing_device_lists_what_there_is(microphone_here: VirtualMicrophone) -> None:
    with pytest.raises(DeviceError, match="'Yeti'; plug it in, or choose from: 0 'pulse', 1 'def"):
        Microphone("Yeti").open()


def test_a_missing_source_of_the_sound_server(microphone_here: VirtualMicrophone) -> None:
    with pytest.raises(DeviceError, match="no source 'nowhere'.* `pactl list short sources`"):
        Microphone("pulse:nowhere").open()
    assert "PULSE_SOURCE" not in os.environ


def test_a_sound_server_that_does_not_run(pluggable_microphone: VirtualMicrophone) -> None:
    pluggable_microphone.unplug()
    with pytest.raises(DeviceError, match="plug"):
        Microphone().open()


def test_a_busy_device_has_its_own_sentence(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**settings: Any) -> None:
        raise sounddevice.PortAudioError("Device unavailable", -9985)

    monkeypatch.setattr(sounddevice, "RawInputStream", busy)
    with pytest.raises(DeviceError, match="'default' is in use by another program; stop it"):
        Microphone().open()


def test_a_card_that_became_busy_names_who_has_it(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**settings: Any) -> None:
        raise sounddevice.PortAudioError("Device unavailable", -9985)

    card = CaptureDevice("USB PnP Sound Device", "hw:2,0", 1234)
    sound_card(monkeypatch, "USB PnP Sound Device: Audio (hw:2,0)", channels=1)
    monkeypatch.setattr(sounddevice, "RawInputStream", busy)
    monkeypatch.setattr("auricle.audio.microphone.capture_devices", lambda: (card,))
    with pytest.raises(DeviceError, match="'USB PnP Sound Device' .* in use by process 1234; stop"):
        Microphone("usb").open()


def test_a_device_that_opens_but_stays_silent_is_told(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auricle.audio.microphone.FIRST_SOUND_SECONDS", 0.3)
    suspend = ["pactl", "suspend-sink", "speaker"]
    subprocess.run([*suspend, "1"], check=True)
    try:
        with pytest.raises(DeviceError, match="'default' has delivered no sound"):
            Microphone().open()
    finally:
        subprocess.run([*suspend, "0"], check=True)


def test_a_channel_beyond_those_asked_for_is_refused() -> None:
    with pytest.raises(ArgumentError, match="choose one from 0 to 3, or mix"):
        Microphone("pulse", channel=4, channels=4)


def test_a_device_that_goes_away_is_told_within_a_second(
    pluggable_microphone: VirtualMicrophone,
) -> None:
    with Microphone() as microphone:
        microphone.read()
        pluggable_microphone.unplug()
        begin = time.monotonic()
        lost = r"'default' (was disconnected|has delivered no sound)"
        with pytest.raises(DeviceError, match=lost):
            while True:
                microphone.read()
        assert time.monotonic() - begin < patience(5)


def test_a_sound_server_that_hangs_does_not_hang_the_reader(
    pluggable_microphone: VirtualMicrophone,
) -> None:
    microphone = Microphone()
    microphone.open()
    microphone.read()
    os.kill(pluggable_microphone.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DeviceError, match="has delivered no sound for 1 s"):
            while True:
                microphone.read()
    finally:
        os.kill(pluggable_microphone.pid, signal.SIGCONT)
        microphone.close()


def test_lost_sound_is_counted(
    microphone_here: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(sounddevice.RawInputStream):
        """The real stream, of a sound card whose buffer runs over; PulseAudio's never does."""

        def read(self, frames: int) -> tuple[Any, bool]:
            return super().read(frames)[0], True

    monkeypatch.setattr(sounddevice, "RawInputStream", Late)
    with Microphone() as microphone:
        for _ in range(20):
            microphone.read()
        assert 1 <= microphone.overruns <= 20


def test_recording_needs_no_memory_that_is_writable_and_executable(
    microphone_here: VirtualMicrophone,
) -> None:
    program = """
import ctypes
from pathlib import Path
from auricle.audio.microphone import Microphone
PR_SET_MDWE = 65  # what MemoryDenyWriteExecute= does; kernels before 6.3 do not know it
ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)
with Microphone() as microphone:
    for _ in range(10):
        microphone.read()
    maps = Path("/proc/self/maps").read_text().splitlines()
print(sum("wx" in line.split()[1] for line in maps))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "0"


def test_a_microphone_is_an_audio_source() -> None:
    assert isinstance(Microphone(), AudioSource)
