"""Checks whether the microphone exists, can be opened, and records at a reasonable level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auricle.audio.alsa_cards import PROC_ASOUND, capture_devices
from auricle.audio.devices import list_devices
from auricle.audio.format import FRAME_SECONDS, SAMPLE_RATE, Samples
from auricle.audio.level import FLOOR_DBFS, level_dbfs
from auricle.audio.microphone import Microphone
from auricle.audio.source import AudioSource
from auricle.config.schema import AudioSettings
from auricle.diagnosis.echo import examine_echo
from auricle.diagnosis.finding import Finding, FindingStatus, problem
from auricle.errors import AuricleError

LISTEN_SECONDS = 1.0
SETTLE_SECONDS = 0.2  # skipped: many devices start with a click
FULL_SCALE = 32767
CLIPPED_SHARE = 0.001  # of the samples; more clipping is audible
QUIET_DBFS = -75.0  # below the noise of any room and microphone at a normal gain
LOUD_DBFS = -20.0  # above the level of speech, and far above that of a quiet room
MIXER = "with alsamixer, pavucontrol or wpctl"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Measurements of one second of audio."""

    level: float  # dBFS, root mean square
    clipped: float  # share of samples at full scale, 0 to 1
    overruns: int


def examine_microphone(
    audio: AudioSettings, daemon: int | None = None, cards: Path = PROC_ASOUND
) -> Iterator[Finding]:
    """Yield findings about all microphones and the configured one.

    Args:
        audio: the settings, with the microphone.
        daemon: process id of the running daemon, which may use the microphone; None: not running.
        cards: /proc/asound, with the sound cards.
    """
    try:
        devices = list_devices()
    except AuricleError as error:
        yield problem("microphone", error)
        return
    if devices:
        named = ", ".join(f"{each}{' (default)' if each.is_default else ''}" for each in devices)
        yield Finding("microphones", FindingStatus.OK, f"found: {named}")
    microphone = Microphone(audio.device, audio.channel)
    try:
        with microphone:
            recorded = record(microphone)
            echo = examine_echo()
    except AuricleError as error:
        if daemon is not None and has_microphone(daemon, cards):
            found = f"Auricle itself uses it (process {daemon}); `auricle monitor` shows its level"
            yield Finding("microphone", FindingStatus.OK, found)
        else:
            yield problem("microphone", error)
        return
    about = f"'{microphone.name}' records at {microphone.rate} Hz"
    if microphone.rate != SAMPLE_RATE:
        about += f", which Auricle converts to {SAMPLE_RATE} Hz"
    yield Finding("microphone", FindingStatus.OK, about)
    yield judge_level(recorded)
    yield echo


def has_microphone(process: int, cards: Path) -> bool:
    """Return whether a process has a sound card open; the kernel reports the thread that has."""
    owners = [card.owner for card in capture_devices(cards) if card.owner is not None]
    return any(Path(f"/proc/{process}/task/{owner}").exists() for owner in owners)


def record(source: AudioSource) -> Recorded:
    """Record from an open source for one second; return measurements."""
    for _ in range(round(SETTLE_SECONDS / FRAME_SECONDS)):
        source.read()
    before = source.overruns
    frames = [source.read() for _ in range(round(LISTEN_SECONDS / FRAME_SECONDS))]
    samples: Samples = np.concatenate([frame for frame in frames if frame is not None])
    clipped = float(np.mean(np.abs(samples.astype(np.int32)) >= FULL_SCALE))
    return Recorded(level_dbfs(samples), clipped, source.overruns - before)


def judge_level(recorded: Recorded) -> Finding:
    """Return a finding that says whether the level is suitable."""
    found = f"one second of sound has a level of {recorded.level:.0f} dBFS"
    status, remedy = FindingStatus.WARNING, ""
    if recorded.overruns:
        found = f"{found}, but parts of it were lost ({recorded.overruns} overruns)"
        remedy = "stop programs that keep the processor busy, or use another USB port"
    elif recorded.level <= FLOOR_DBFS:
        found = "the microphone delivers nothing but zeros"
        remedy = f"unmute it with its switch or {MIXER}; a virtual microphone may just be silent"
    elif recorded.clipped > CLIPPED_SHARE:
        found = f"{found}, and {recorded.clipped:.1%} of it is clipped"
        remedy = f"lower the gain of the microphone {MIXER}"
    elif recorded.level < QUIET_DBFS:
        found = f"{found}: this is nearly silent"
        remedy = f"raise the gain of the microphone {MIXER}"
    elif recorded.level > LOUD_DBFS:
        found = f"{found}: this is louder than speech should be"
        remedy = f"lower the gain of the microphone {MIXER}, if the room is quiet now"
    else:
        status = FindingStatus.OK
    return Finding("level", status, found, remedy)
