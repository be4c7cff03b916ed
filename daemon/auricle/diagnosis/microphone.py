"""Whether a microphone is there, can be opened, and hears at a sensible level without echo."""

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
SETTLE_SECONDS = 0.2  # many devices begin with a click
FULL_SCALE = 32767
CLIPPED_SHARE = 0.001  # of the samples; more is heard
QUIET_DBFS = -75.0  # below the noise of any room and microphone at a sensible gain
LOUD_DBFS = -20.0  # louder than speech; a second of anyone's room is not
MIXER = "with alsamixer, pavucontrol or wpctl"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a second of sound showed."""

    level: float  # dBFS, root mean square
    clipped: float  # share of samples at full scale, 0 to 1
    overruns: int


def examine_microphone(
    audio: AudioSettings, daemon: int | None = None, cards: Path = PROC_ASOUND
) -> Iterator[Finding]:
    """Yield which microphones there are, and how the configured one does.

    Args:
        audio: names the microphone.
        daemon: id of the process of a running daemon, which may have the microphone to itself.
        cards: where the kernel tells of sound cards.
    """
    try:
        devices = list_devices()
    except AuricleError as error:
        yield problem("microphone", error)
        return
    if devices:
        named = ", ".join(f"{each}{' (default)' if each.is_default else ''}" for each in devices)
        yield Finding("microphones", FindingStatus.OK, f"there are: {named}")
    microphone = Microphone(audio.device, audio.channel)
    try:
        with microphone:
            heard = listen(microphone)
            echo = examine_echo()
    except AuricleError as error:
        if daemon is not None and has_microphone(daemon, cards):
            found = f"Auricle itself has it (process {daemon}); `auricle monitor` shows its level"
            yield Finding("microphone", FindingStatus.OK, found)
        else:
            yield problem("microphone", error)
        return
    about = f"'{microphone.name}' records at {microphone.rate} Hz"
    if microphone.rate != SAMPLE_RATE:
        about += f", from which Auricle makes {SAMPLE_RATE} Hz"
    yield Finding("microphone", FindingStatus.OK, about)
    yield judge_level(heard)
    yield echo


def has_microphone(process: int, cards: Path) -> bool:
    """Return whether a process has a sound card open; the kernel tells of its threads."""
    owners = [card.owner for card in capture_devices(cards) if card.owner is not None]
    return any(Path(f"/proc/{process}/task/{owner}").exists() for owner in owners)


def listen(source: AudioSource) -> Heard:
    """Return what an open source hears in a second."""
    for _ in range(round(SETTLE_SECONDS / FRAME_SECONDS)):
        source.read()
    before = source.overruns
    frames = [source.read() for _ in range(round(LISTEN_SECONDS / FRAME_SECONDS))]
    samples: Samples = np.concatenate([frame for frame in frames if frame is not None])
    clipped = float(np.mean(np.abs(samples.astype(np.int32)) >= FULL_SCALE))
    return Heard(level_dbfs(samples), clipped, source.overruns - before)


def judge_level(heard: Heard) -> Finding:
    """Return whether what was heard is of use."""
    found = f"a second of sound has a level of {heard.level:.0f} dBFS"
    status, remedy = FindingStatus.WARNING, ""
    if heard.overruns:
        found = f"{found}, but {heard.overruns} pieces of it were lost"
        remedy = "stop what keeps the processor busy, or use another USB port"
    elif heard.level <= FLOOR_DBFS:
        found = "the microphone delivers nothing but zeros"
        remedy = f"unmute it, at its switch or {MIXER}; a virtual one may just be silent"
    elif heard.clipped > CLIPPED_SHARE:
        found = f"{found}, and {heard.clipped:.1%} of it is clipped"
        remedy = f"lower the gain of the microphone {MIXER}"
    elif heard.level < QUIET_DBFS:
        found = f"{found}: hardly anything"
        remedy = f"raise the gain of the microphone {MIXER}"
    elif heard.level > LOUD_DBFS:
        found = f"{found}: louder than speech should be"
        remedy = f"lower the gain of the microphone {MIXER}, if the room is quiet now"
    else:
        status = FindingStatus.OK
    return Finding("level", status, found, remedy)
