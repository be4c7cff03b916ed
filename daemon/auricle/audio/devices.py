"""Lists the input devices, and finds the one that a name or index refers to."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType

from auricle.audio.alsa_cards import CaptureDevice
from auricle.errors import DeviceError


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device that PortAudio can record from."""

    index: int
    name: str
    channels: int  # maximum; sound servers report a large number
    rate: int  # Hz, the default of the device
    is_default: bool

    def __str__(self) -> str:
        """Return index and name, for error messages."""
        return f"{self.index} '{self.name}'"


def start_portaudio() -> ModuleType:
    """Restart PortAudio, so that it sees the current devices, and return sounddevice.

    No stream may be open in this process.

    Raises:
        DeviceError: PortAudio is not installed or does not start.
    """
    try:
        # Imported here because the import itself starts PortAudio, which probes all devices.
        sounddevice = importlib.import_module("sounddevice")
    except OSError as error:
        raise DeviceError(
            "audio: the PortAudio library is missing; install the package libportaudio2"
        ) from error
    with contextlib.suppress(sounddevice.PortAudioError):  # it was not running
        sounddevice._terminate()
    try:
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"audio: PortAudio does not start ({error}); is ALSA set up?") from error
    return sounddevice


def divide_buffers(sounddevice: ModuleType, blocks: int) -> None:
    """Make ALSA devices deliver audio whenever this part of their buffer is filled.

    PortAudio's own choice is a quarter of the buffer, which delays the audio of a long one.
    """
    library = ctypes.CDLL(sounddevice._libname)
    divide = getattr(library, "PaAlsa_SetNumPeriods", None)  # missing without ALSA
    if divide is not None:
        divide(blocks)


def list_devices() -> tuple[InputDevice, ...]:
    """Return all input devices. No Microphone may be open in this process."""
    return devices_of(start_portaudio())


def devices_of(sounddevice: ModuleType) -> tuple[InputDevice, ...]:
    """Return the input devices of a started PortAudio."""
    default = sounddevice.default.device[0]
    return tuple(
        InputDevice(
            index=about["index"],
            name=about["name"],
            channels=about["max_input_channels"],
            rate=round(about["default_samplerate"]),
            is_default=about["index"] == default,
        )
        for about in sounddevice.query_devices()
        if about["max_input_channels"] > 0
    )


def choose_device(
    devices: Iterable[InputDevice],
    wanted: int | str | None,
    cards: Iterable[CaptureDevice] = (),
) -> InputDevice:
    """Return the device that `wanted` refers to.

    Args:
        devices: the input devices of PortAudio.
        wanted: an index, a name or part of a name (case-insensitive), an ALSA name such as
            hw:1,0, or None for the default device.
        cards: the capture devices of the kernel, to tell a device in use from a missing one.

    Raises:
        DeviceError: no device or more than one matches, or the device is in use.
    """
    devices = tuple(devices)
    matches = _matches(devices, wanted)
    if len(matches) == 1:
        return matches[0]
    offered = ", ".join(map(str, devices))
    if matches:
        several = ", ".join(map(str, matches))
        raise DeviceError(
            f"audio.device: {wanted!r} matches several devices: {several}; give more of the name, "
            "or the index"
        )
    raise DeviceError(
        _unopened_card(wanted, cards)
        or (
            f"audio.device: no microphone {_called(wanted)}; plug it in, or choose from: {offered}"
            if offered
            else f"audio.device: no microphone {_called(wanted)}, nor any other; plug one in"
        )
    )


def _called(wanted: int | str | None) -> str:
    match wanted:
        case None:
            return "is the default"
        case int():
            return f"has the index {wanted}"
        case _:
            return f"is called {wanted!r}"


def _matches(devices: tuple[InputDevice, ...], wanted: int | str | None) -> tuple[InputDevice, ...]:
    """Return the matching devices; a whole name or an address beats a part of a name."""
    if wanted is None:
        return tuple(device for device in devices if device.is_default)
    if isinstance(wanted, int):
        return tuple(device for device in devices if device.index == wanted)
    # Auricle converts rates and formats itself, so plughw:1,0 is treated as hw:1,0.
    name = wanted.casefold().removeprefix("plug")
    for fits in (
        lambda text: text == name,
        lambda text: name.startswith("hw:") and text.endswith(f"({name})"),
        lambda text: name in text and not name.startswith("hw:"),
    ):
        if found := tuple(device for device in devices if fits(device.name.casefold())):
            return found
    return ()


def _unopened_card(wanted: int | str | None, cards: Iterable[CaptureDevice]) -> str | None:
    """Return why PortAudio does not list a card that the kernel knows; None: no such card."""
    name = wanted.casefold().removeprefix("plug") if isinstance(wanted, str) else ""
    for card in cards:
        if isinstance(wanted, int) or not (
            name == card.address or (name in card.name.casefold() and not name.startswith("hw:"))
        ):
            continue
        if card.owner is None:
            return (
                f"audio.device: the microphone '{card.name}' ({card.address}) cannot be opened; "
                "add the user to the group audio"
            )
        return busy_sentence(card)
    return None


def busy_sentence(card: CaptureDevice) -> str:
    """Return the error text for a microphone that another process uses."""
    return (
        f"audio.device: the microphone '{card.name}' ({card.address}) is in use by process "
        f"{card.owner}; stop that program, or record through the sound server (device: pulse)"
    )
