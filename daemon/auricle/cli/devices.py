"""`auricle devices`: lists the microphones, and says which one is configured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from auricle.audio.devices import InputDevice, choose_device, list_devices
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.errors import DeviceError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "List the input devices, with an asterisk before the one that audio.device selects."
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per device: index, name, channels, rate, is_default, "
        "is_configured",
    )
    form.add_argument("--names", action="store_true", help="print only names, for audio.device")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the devices; return 0.

    Raises:
        AuricleError: there is no device, or the configuration has mistakes.
    """
    wanted = load(arguments.config or find_config()).audio.device
    devices = list_devices()
    if not devices:
        raise DeviceError("no microphone was found; plug one in, or start the sound server")
    chosen, fault = configured(devices, wanted)
    for device in devices:
        sys.stdout.write(f"{device_line(arguments, device, device == chosen)}\n")
    if fault and not (arguments.json or arguments.names):
        sys.stdout.write(f"{fault}\n")
    return 0


def configured(
    devices: Iterable[InputDevice], wanted: int | str | None
) -> tuple[InputDevice | None, str]:
    """Return the device of the configuration, or None and a sentence that says why."""
    name = wanted
    if isinstance(wanted, str) and wanted.startswith("pulse:"):
        name = "pulse"  # PortAudio reaches every source of a sound server by this device
    try:
        return choose_device(devices, name), ""
    except DeviceError as error:
        return None, str(error)


def device_line(arguments: argparse.Namespace, device: InputDevice, is_configured: bool) -> str:
    """Return the line of a device."""
    if arguments.names:
        return device.name
    if arguments.json:
        return json.dumps({**asdict(device), "is_configured": is_configured}, ensure_ascii=False)
    mark = "*" if is_configured else " "
    channels = f"{device.channels} channel{'' if device.channels == 1 else 's'}"
    return f"{mark} {device.index:3} {device.name}, {channels}, {device.rate} Hz"
