"""Checks what the configuration refers to: models, runtime, token, devices, LEDs and chime.

In: a configuration file. Out: the result of `config/loading.py` with further mistakes, each with
its file, its line and its remedy. No network is loaded and no device is opened. The daemon and
`auricle config check` use the same functions, so that both accept and refuse the same files.

A missing device is only a warning: it may be plugged in later, and the daemon waits for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from auricle.audio.alsa_cards import PROC_ASOUND, capture_devices
from auricle.bundle.manifest import load_bundle
from auricle.config import loading
from auricle.config.loading import Examination
from auricle.config.locations import find_bundle, find_wake_model
from auricle.config.schema import Config
from auricle.config.secret_file import fault_of_secret
from auricle.errors import ModelError
from auricle.privacy.led import LEDS
from auricle.tflite.packages import find_runtime
from auricle.wake.model_files import read_model_files
from auricle.wire.sockets import as_seen_here, users_of

RELAY_ACCOUNT = "auricle-relay"  # user of the relay, in the system service
HARDWARE = re.compile(r"(?:plug)?hw:(\d+)(?:,(\d+))?")  # ALSA names with a card number
AUTHORITIES = (Path("/etc/ssl/certs"), Path("/etc/pki/tls/certs"))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the kernel and the system list what they have."""

    sound_cards: Path = PROC_ASOUND
    leds: Path = LEDS
    authorities: tuple[Path, ...] = AUTHORITIES  # folders with certificates


@dataclass(frozen=True, slots=True)
class BrokenReference:
    """Something that the configuration names and that cannot be used."""

    key: str  # dotted path
    remedy: str
    path: tuple[int | str, ...] = ()  # of the part of its value
    fatal: bool = True  # whether the daemon cannot run with it


def load(path: Path) -> Config:
    """Return the configuration in a file and its drop-ins, checked with what it refers to.

    Raises:
        ConfigError: with one line for each mistake.
    """
    return loading.config_or_error(examine(path))


def reload(current: Config, path: Path) -> Config:
    """Return the new configuration for a daemon that runs with `current`.

    Raises:
        ConfigError: there are mistakes, or a key has changed that requires a restart.
    """
    return loading.replacement(current, examine(path))


def examine(path: Path, machine: Machine | None = None) -> Examination:
    """Read a file and its drop-ins; return the config, or all mistakes, and all warnings."""
    examination = loading.examine(path)
    if examination.config is None:
        return examination
    broken = [
        (one.fatal, examination.mistake_at(one.key, one.remedy, one.path))
        for one in broken_references(examination.config, machine or Machine())
    ]
    mistakes = tuple(mistake for fatal, mistake in broken if fatal)
    warnings = tuple(mistake for fatal, mistake in broken if not fatal)
    config = None if mistakes else examination.config
    return replace(examination, config=config, mistakes=mistakes, warnings=warnings)


def broken_references(config: Config, machine: Machine) -> Iterator[BrokenReference]:
    """Yield what a valid configuration refers to and that cannot be used."""
    yield from _broken_device(config, machine)
    yield from _broken_wake_words(config)
    yield from _broken_recognizer(config)
    yield from _broken_reranker(config, machine)
    yield from _broken_led("privacy.led", config.privacy.led, machine)
    yield from _broken_led("feedback.led", config.feedback.led, machine)
    yield from _broken_chime(config)


def _broken_device(config: Config, machine: Machine) -> Iterator[BrokenReference]:
    device = config.audio.device
    match = HARDWARE.fullmatch(device) if isinstance(device, str) else None
    if match is None:  # only PortAudio knows the other devices; see `auricle doctor`
        return
    card, number = match[1], match[2] or "0"
    addresses = [found.address for found in capture_devices(machine.sound_cards)]
    if f"hw:{card},{number}" not in addresses:
        known = f"connected are {', '.join(addresses) or 'no microphones'}"
        remedy = f"there is no such microphone at present ({known}); plug it in or name another"
        yield BrokenReference("audio.device", remedy, fatal=False)


def _broken_wake_words(config: Config) -> Iterator[BrokenReference]:
    if not config.wake.enabled:
        return
    for index, model in enumerate(config.wake.models):
        try:
            read_model_files(find_wake_model(model.model), listed=model.is_installed)
        except ModelError as error:
            yield _broken_model("wake.models", error, (index,))


def _broken_recognizer(config: Config) -> Iterator[BrokenReference]:
    try:
        load_bundle(find_bundle(config.recognizer.bundle), "recognizer")
    except ModelError as error:
        yield _broken_model("recognizer.bundle", error)
    try:
        find_runtime(config.recognizer.runtime)
    except ModelError as error:
        yield _broken_model("recognizer.runtime", error)


def _broken_model(key: str, error: ModelError, path: tuple[int | str, ...] = ()) -> BrokenReference:
    sentence = " ".join(str(error).split())  # messages of the YAML parser have several lines
    return BrokenReference(key, sentence.removeprefix(f"{key}: "), path)


def _broken_reranker(config: Config, machine: Machine) -> Iterator[BrokenReference]:
    key, reranker = "privacy.reranker", config.privacy.reranker
    if reranker is None:
        return
    if reranker.token_file is not None:
        fault = _fault_of_token(Path(reranker.token_file))
        if fault is not None:
            yield BrokenReference(key, fault, ("token_file",))
    if reranker.pin is None and not any(map(_has_files, machine.authorities)):
        remedy = (
            "this system trusts no certificate, because it has no authorities; install the package "
            "ca-certificates, or set pin"
        )
        yield BrokenReference(key, remedy, fatal=False)


def _fault_of_token(file: Path) -> str | None:
    """Return why the token cannot be used; None also if this user may not look at it."""
    try:
        status = file.stat()
    except PermissionError:
        return None  # in a folder of the relay's user
    except OSError as error:
        return f"cannot be read: {error.strerror}; write the token into this file"
    return fault_of_secret(file, status, set(map(as_seen_here, users_of(RELAY_ACCOUNT))))


def _broken_led(key: str, led: str | None, machine: Machine) -> Iterator[BrokenReference]:
    if led is None or (machine.leds / led / "brightness").exists():
        return
    names = _names_in(machine.leds)
    known = f"the LEDs are {', '.join(names)}" if names else "this machine has no LED"
    yield BrokenReference(key, f"does not exist; {known}", fatal=False)


def _broken_chime(config: Config) -> Iterator[BrokenReference]:
    chime = config.feedback.chime
    if chime.startswith("/") and not Path(chime).is_file():
        remedy = "there is no such recording; name another, or builtin, or off"
        yield BrokenReference("feedback.chime", remedy, fatal=False)


def _has_files(folder: Path) -> bool:
    return bool(_names_in(folder))


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
