"""Which device a name means, and what is said when it means none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from auricle.audio.alsa_cards import CaptureDevice
from auricle.audio.devices import InputDevice, choose_device
from auricle.errors import DeviceError

DEVICES = (
    InputDevice(0, "bcm2835 Headset: - (hw:0,0)", 1, 48_000, False),
    InputDevice(2, "ReSpeaker 4 Mic Array: USB Audio (hw:1,0)", 6, 16_000, False),
    InputDevice(3, "ReSpeaker 4 Mic Array: USB Audio #1 (hw:1,10)", 2, 48_000, False),
    InputDevice(5, "pulse", 32, 44_100, False),
    InputDevice(6, "default", 32, 44_100, True),
)
CARD = CaptureDevice("USB PnP Sound Device", "hw:2,0", None)
BUSY_CARD = CaptureDevice("USB PnP Sound Device", "hw:2,0", 1234)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (None, 6),
        (2, 2),
        ("pulse", 5),
        ("PULSE", 5),
        ("default", 6),
        ("hw:1,0", 2),
        ("hw:1,10", 3),
        ("plughw:1,0", 2),
        ("headset", 0),
        ("usb audio #1", 3),
        ("BCM", 0),
    ],
)
def test_a_device_is_found_by_index_name_part_or_address(
    wanted: int | str | None, index: int
) -> None:
    assert choose_device(DEVICES, wanted).index == index


def test_a_name_that_means_several_devices_lists_them() -> None:
    with pytest.raises(DeviceError, match="matches several devices: 2 'ReSpeaker.*, 3 'ReSpeaker"):
        choose_device(DEVICES, "respeaker")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("yeti", "is called 'yeti'"), (1, "has the index 1"), ("hw:1,1", "is called 'hw:1,1'")],
)
def test_a_missing_device_lists_those_that_exist(wanted: int | str, said: str) -> None:
    with pytest.raises(DeviceError, match=f"no microphone {said}; plug it in, or choose from: 0 "):
        choose_device(DEVICES, wanted)


def test_no_device_at_all() -> None:
    with pytest.raises(DeviceError, match="no microphone is the default, nor any other"):
        choose_device((), None)


@pytest.mark.parametrize("wanted", ["usb pnp", "hw:2,0", "plughw:2,0"])
def test_a_busy_device_names_who_has_it(wanted: str) -> None:
    with pytest.raises(DeviceError, match="'USB PnP Sound Device' .* in use by process 1234; stop"):
        choose_device(DEVICES, wanted, (BUSY_CARD,))


def test_the_only_device_being_busy_is_told_for_the_default_too() -> None:
    with pytest.raises(DeviceError, match="in use by process 1234"):
        choose_device((), None, (BUSY_CARD,))


def test_a_device_that_may_not_be_opened_tells_of_the_group() -> None:
    with pytest.raises(DeviceError, match="cannot be opened; add the user to the group audio"):
        choose_device(DEVICES, "usb pnp", (CARD,))


@pytest.mark.parametrize("wanted", ["yeti", "hw:3,0", 9])
def test_another_card_that_is_busy_is_no_excuse(wanted: int | str) -> None:
    with pytest.raises(DeviceError, match="plug it in, or choose from"):
        choose_device(DEVICES, wanted, (BUSY_CARD,))


def test_a_missing_library_names_the_package() -> None:
    program = """
import ctypes.util
ctypes.util.find_library = lambda name: None
from auricle.audio.devices import list_devices
from auricle.errors import DeviceError
try:
    list_devices()
except DeviceError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "install the package libportaudio2" in said.stdout


def test_recordings_and_voice_detection_need_no_portaudio() -> None:
    program = """
import sys
import auricle.audio.file, auricle.audio.vad, auricle.audio.reconnecting, auricle.audio.microphone
assert "sounddevice" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
