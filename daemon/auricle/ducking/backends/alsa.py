"""Ducking back end for the mixer of a sound card, used if there is no sound server.

In: the ALSA name of a card, and a control. Out: the volume of that control, read and set with
`amixer` (Debian package alsa-utils). The control affects everything that the card plays, so it is
changed only while something plays.
"""

from __future__ import annotations

import asyncio
import math
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auricle.ducking.backend import MIXER, Look, PlayerStream, StreamKey, Volume
from auricle.errors import SoundError

PROGRAM = "amixer"
PROC = Path("/proc/asound")
ANSWER_SECONDS = 2.0
# Controls for the total volume of a card, in order of preference.
USUAL = ("Master", "Speaker", "Headphone", "PCM", "Digital", "HDMI", "Line Out")
SUFFIX = " Playback Volume"


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a card, as `amixer` shows it."""

    number: int
    name: str
    least: int
    most: int
    values: tuple[int, ...]  # one per channel, in the unit of the card
    decibels: tuple[float, float] | None  # at `least` and `most`; None: unknown

    def level(self, value: int) -> float:
        """Return the level of a value: the cube root of the amplitude, 0 to 1."""
        if self.decibels is None:
            return (value - self.least) / (self.most - self.least)
        low, high = self.decibels
        if value <= self.least:
            return 0.0
        share = (value - self.least) / (self.most - self.least)
        return float(10 ** ((share * (high - low) + low - high) / 60))

    def value(self, level: float) -> int:
        """Return the value nearest to a level; the inverse of `level`."""
        if self.decibels is None:
            share = level
        elif level <= 0:
            share = 0.0
        else:
            low, high = self.decibels
            share = (60 * math.log10(level) + high - low) / (high - low)
        return round(self.least + min(max(share, 0.0), 1.0) * (self.most - self.least))

    @property
    def grain(self) -> float:
        """Slightly more than half of the largest step between two levels."""
        steps = (self.level(self.least + 1), self.level(self.most) - self.level(self.most - 1))
        return 0.51 * max(steps)


class AlsaMixer:
    """The back end for the mixer of a sound card."""

    name = MIXER
    hears_all = True
    last_resort = True

    def __init__(self, card: str, control: str | None = None, proc: Path | None = PROC) -> None:
        """Set the card and the control.

        Args:
            card: ALSA name, such as `default` or `hw:0`.
            control: name, such as `Master`; None: the first control of `USUAL` that exists.
            proc: /proc/asound, which shows what plays; None: assume that something plays.
        """
        self._card = card
        self._control = control
        self._proc = proc

    async def start(self, on_change: Callable[[], None]) -> None:
        """Do nothing: the mixer is read only for ducking, and reports no changes."""

    async def close(self) -> None:
        """Do nothing."""

    async def look(self) -> Look:
        """Return the control as one stream.

        Raises:
            SoundError: the card has no mixer, or the mixer has no such control.
        """
        control = await self._find()
        setting = Volume(tuple(control.level(value) for value in control.values))
        sound = PlayerStream(
            key=StreamKey(MIXER, f"{self._card}:{control.name}"),
            setting=setting,
            name=f"the mixer of {self._card} ({control.name.removesuffix(SUFFIX)})",
            playing=plays(self._proc),
            can_silence=False,
            grain=control.grain,
        )
        return Look((sound,), frozenset([sound.key]))

    async def change(self, key: StreamKey, setting: Volume) -> Volume:
        """Set the control."""
        control = await self._find()
        if key.id != f"{self._card}:{control.name}":
            return setting
        values = ",".join(str(control.value(level)) for level in setting.levels)
        told = await self._amixer("cset", f"numid={control.number}", values)
        after = read_controls(told)
        if not after:
            raise SoundError(
                f"{PROGRAM} does not report the new volume; check the card {self._card}"
            )
        return Volume(tuple(after[0].level(value) for value in after[0].values))

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Do nothing: a card stores no volumes of programs."""
        return False

    async def _find(self) -> Control:
        controls = {control.name: control for control in read_controls(await self._amixer())}
        for name in (self._control,) if self._control else USUAL:
            if name + SUFFIX in controls:
                return controls[name + SUFFIX]
        wanted = self._control or " or ".join(USUAL)
        raise SoundError(
            f"the card {self._card} has no control {wanted}; choose music.alsa_control from "
            f"`{PROGRAM} -D {self._card} scontrols`"
        )

    async def _amixer(self, *words: str) -> str:
        """Return the output of amixer, which runs in a thread with a time-out."""
        return await asyncio.to_thread(self._run, words or ("contents",))

    def _run(self, words: Sequence[str]) -> str:
        command = (PROGRAM, "-D", self._card, *words)
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise SoundError(f"{PROGRAM} is not installed; install alsa-utils") from error
        except subprocess.TimeoutExpired as error:
            raise SoundError(f"{PROGRAM} does not answer; check the card {self._card}") from error
        if done.returncode:
            raise SoundError(
                f"the card {self._card} has no mixer; choose music.alsa_card from "
                "/proc/asound/cards"
            )
        return done.stdout.decode(errors="replace")


def plays(proc: Path | None) -> bool:
    """Return whether any card plays something; True if the kernel does not tell."""
    if proc is None or not proc.is_dir():
        return True
    states = [file.read_text(errors="replace") for file in proc.glob("card*/pcm*p/sub*/status")]
    return any("RUNNING" in state for state in states)


NUMBER = re.compile(r"numid=(\d+),iface=MIXER,name='([^']*)'")
TYPE = re.compile(r"; type=INTEGER,access=.w[^,]*,values=\d+,min=(-?\d+),max=(-?\d+),")
VALUES = re.compile(r": values=([-\d,]+)")
STEPS = re.compile(r"\| dBscale-min=(-?[\d.]+)dB,step=([\d.]+)dB")
RANGE = re.compile(r"\| dBminmax(?:mute)?-min=(-?[\d.]+)dB,max=(-?[\d.]+)dB")


def read_controls(told: str) -> list[Control]:
    """Return the writable volume controls from the output of `amixer contents`."""
    return [control for part in told.split("numid=")[1:] if (control := _read("numid=" + part))]


def _read(part: str) -> Control | None:
    number, kind, values = NUMBER.search(part), TYPE.search(part), VALUES.search(part)
    if number is None or kind is None or values is None:
        return None
    least, most = int(kind[1]), int(kind[2])
    if least >= most:
        return None
    decibels = None
    if steps := STEPS.search(part):
        low = float(steps[1])
        decibels = (low, low + float(steps[2]) * (most - least))
    elif limits := RANGE.search(part):
        decibels = (float(limits[1]), float(limits[2]))
    if decibels is not None and decibels[0] >= decibels[1]:
        decibels = None
    found = tuple(int(value) for value in values[1].split(","))
    return Control(int(number[1]), number[2], least, most, found, decibels)
