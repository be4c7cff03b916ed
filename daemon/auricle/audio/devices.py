"""Which microphones there are, and which one a name means."""

from __future__ import annotations

import contextlib
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
    channels: int  # at most; sound servers take any number up to a large one
    rate: int  # Hz, the device's own
    is_default: bool

    def __str__(self) -> str:
        """Return index and name, as error messages list them."""
        return f"{self.index} '{self.name}'"


def start_portaudio() -> ModuleType:
    """Return sounddevice with PortAudio started afresh, so that it sees what is plugged in now.

    No stream may be open in this process. Raises DeviceError if PortAudio does not work.
    """
    try:
        # Not at the top: the import itself starts PortAudio, which looks for devices.
        sounddevice = importlib.import_module("sounddevice")
    except OSError as error:
        raise DeviceError(
            "audio: the PortAudio library is missing; install the package libportaudio2"
        ) from error
    with contextlib.suppress(sounddevice.PortAudioError):  # was not running: nothing to stop
        sounddevice._terminate()
    try:
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"audio: PortAudio does not start ({error}); is ALSA set up?") from error
    return sounddevice


def list_devices() -> tuple[InputDevice, ...]:
    """Return all devices that can record. No Microphone may be open in this process."""
    return devices_of(start_portaudio())


def devices_of(sounddevice: ModuleType) -> tuple[InputDevice, ...]:
    """Return the devices that can record, as a started PortAudio knows them."""
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
    """Return the one device that is meant.

    Args:
        devices: what PortAudio offers.
        wanted: an index, a whole name or a part of one (in any case), an address such as hw:1,0,
            or None for the default device.
        cards: what the kernel knows, to tell a microphone in use from a missing one.

    Raises:
        DeviceError: none or several are meant, or the one is in use.
    """
    devices = tuple(devices)
    matches = _matches(devices, wanted)
    if len(matches) == 1:
        return matches[0]
    offered = ", ".join(map(str, devices))
    if matches:
        several = ", ".join(map(str, matches))
        raise DeviceError(
            f"audio.device: {wanted!r} means several devices: {several}; give more of the name, "
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
            return "is there by default"
        case int():
            return f"has the index {wanted}"
        case _:
            return f"is called {wanted!r}"


def _matches(devices: tuple[InputDevice, ...], wanted: int | str | None) -> tuple[InputDevice, ...]:
    """Return what is meant; a whole name or an address goes before a part of a name."""
    if wanted is None:
        return tuple(device for device in devices if device.is_default)
    if isinstance(wanted, int):
        return tuple(device for device in devices if device.index == wanted)
    # Auricle converts rates and formats itself: plughw would be the same device.
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
    """Say why PortAudio does not offer a card that the kernel knows; None if there is none."""
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
    """Say that a microphone is in use, and by whom."""
    return (
        f"audio.device: the microphone '{card.name}' ({card.address}) is in use by process "
        f"{card.owner}; stop that program, or record through the sound server (device: pulse)"
    )
