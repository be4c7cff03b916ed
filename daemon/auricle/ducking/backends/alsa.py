"""The mixer of a sound card, the last resort where no sound server and no player can be reached.

In: a card, as ALSA names it, and a control. Out: that control, through `amixer`, which Debian has
in alsa-utils. It makes all that the card plays quieter, so it is used only while something plays.
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
# Controls that make all of a card quieter, the best first.
USUAL = ("Master", "Speaker", "Headphone", "PCM", "Digital", "HDMI", "Line Out")
SUFFIX = " Playback Volume"


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a card, as `amixer` shows it."""

    number: int
    name: str
    least: int
    most: int
    values: tuple[int, ...]  # of each channel, as the card counts them
    decibels: tuple[float, float] | None  # of least and most; None: the card does not tell

    def level(self, value: int) -> float:
        """Return a value as the cube root of loudness; 1 is the loudest."""
        if self.decibels is None:
            return (value - self.least) / (self.most - self.least)
        low, high = self.decibels
        if value <= self.least:
            return 0.0
        share = (value - self.least) / (self.most - self.least)
        return float(10 ** ((share * (high - low) + low - high) / 60))

    def value(self, level: float) -> int:
        """Return the value nearest to a level; the other way round."""
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
        """Half of the way from one value to the next, where it is widest."""
        steps = (self.level(self.least + 1), self.level(self.most) - self.level(self.most - 1))
        return 0.51 * max(steps)


class AlsaMixer:
    """A back end."""

    name = MIXER
    hears_all = True
    last_resort = True

    def __init__(self, card: str, control: str | None = None, proc: Path | None = PROC) -> None:
        """Choose the control.

        Args:
            card: such as `default` or `hw:0`.
            control: such as `Master`; None: the first there is of `USUAL`.
            proc: where the kernel tells what plays; None: something always does.
        """
        self._card = card
        self._control = control
        self._proc = proc

    async def start(self, on_change: Callable[[], None]) -> None:
        """Do nothing: the mixer is looked at only when quiet is wanted."""

    async def close(self) -> None:
        """Do nothing."""

    async def look(self) -> Look:
        """Return the control as one sound; raises SoundError if there is no card."""
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
            raise SoundError(f"{PROGRAM} does not tell what it has set; look at {self._card}")
        return Volume(tuple(after[0].level(value) for value in after[0].values))

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Do nothing: a card remembers nothing of programs."""
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
        """Return what amixer prints; in a thread, which ends by itself if nobody waits any more."""
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
            raise SoundError(f"there is no {PROGRAM}; install alsa-utils") from error
        except subprocess.TimeoutExpired as error:
            raise SoundError(f"{PROGRAM} does not answer; check the card {self._card}") from error
        if done.returncode:
            raise SoundError(
                f"there is no mixer of the card {self._card}; choose music.alsa_card from "
                "/proc/asound/cards"
            )
        return done.stdout.decode(errors="replace")


def plays(proc: Path | None) -> bool:
    """Return whether any card plays something, or the kernel does not tell."""
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
    """Return the controls of volumes that can be set, from what `amixer contents` prints."""
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
