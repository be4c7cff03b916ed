"""Proof of sharing: a player plays on while sessions run on next to no processor.

    python -m benchmarks.sharing --data DATA [--sessions N] [--cap PERCENT]
        [--level auto full saver minimal] [--arbiter on off] [--buffer-ms MS]

Run it as root, with tools/ and daemon/ on the path; it needs the Debian packages mpd and mpc, and a
folder of recordings such as that which the models were trained on. In: real sentences of its dev
part, and its music. Out: a row of a Markdown table for each level and arbiter.

The player (mpd), the sound server and the daemon share a part of one core (see
`testbed.capped_group`); what speaks and measures is outside. With the arbiter on, the daemon has
the weight and niceness that its units give it, and its level; off, it has neither, and computes
all that it can.

- Under-runs: silence that the music does not have, at the monitor of the sink to which mpd plays.
- Late: by how much the sound server itself was late at most, in milliseconds.
- Lost: sessions that ended without a result that says something, of all.
- Latency: from the end of speech to the event as the client gets it, in seconds of the wall clock;
  median and 90th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import itertools
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.client.client import AssistantClient
from auricle_train.text.word_errors import compare, score
from benchmarks.cost import cpu_seconds
from testbed.alignment import Level, end_of_speech, find_start
from testbed.capped_group import PLAIN_WEIGHT, CappedGroup
from testbed.errors import StageError
from testbed.gaps import RATE, GapWatch, never_silent
from testbed.music_daemon import MusicDaemon
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import SINK, VirtualMicrophone

SETS = ("kathleen", "speechocean762_train", "librispeech_small", "ljspeech_subset")
LONGEST_SECONDS = 6.0  # of a command
SHORTEST_SECONDS = 1.5
PAUSE_SECONDS = 1.0  # between two sessions
PATIENCE_SECONDS = 20.0  # after the end of a recording
SETTLE_SECONDS = 3.0  # after the start, before anything counts
MUSIC_SINK = "music"
NICE_WATCHER = -10  # of what measures, which is not what is measured
NICE, WEIGHT = 5, 30  # as packaging/systemd gives them
ENDS = ("final", "cancelled", "error")
COLUMNS = (
    *("arbiter", "level", "cap", "sessions", "lost", "under-runs", "silent ms", "late ms"),
    *("speculative", "final", "WER %", "CPU s/session", "throttled", "levels seen"),
)


@dataclass(frozen=True)
class Clip:
    """A sentence that is spoken to the daemon."""

    path: Path
    text: str
    samples: Samples


@dataclass
class Heard:
    """What became of it; seconds from the end of speech to when the client was told."""

    clip: Clip
    end: str = ""  # one of ENDS; empty: none came
    text: str = ""
    speculative: float | None = None
    final: float | None = None

    @property
    def lost(self) -> bool:
        """Whether the person would have had to say it again."""
        return self.end != "final" or not self.text


@dataclass
class Measured:
    """One row."""

    heard: list[Heard] = field(default_factory=list)
    gaps: int = 0
    silent_seconds: float = 0.0
    late_seconds: float = 0.0
    cpu: float = 0.0  # seconds
    throttled: float = 0.0  # share of periods
    levels: list[str] = field(default_factory=list)


def rows_of(data: Path, name: str) -> list[dict[str, str]]:
    """Return the manifest of a set."""
    with (data / f"{name}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_clip(tar: tarfile.TarFile, name: str) -> Samples:
    """Return a recording of a set, (samples,) int16 at 16 kHz."""
    member = tar.extractfile(f"{name}.opus")
    if member is None:
        raise StageError(f"{tar.name}: {name}.opus is no file")
    samples, _ = soundfile.read(io.BytesIO(member.read()), dtype="int16")
    return np.asarray(samples, np.int16)


def choose_clips(data: Path, folder: Path, count: int) -> list[Clip]:
    """Write sentences of all sets in turn to WAV files, and return them; again from the first."""
    wanted = []
    for name in SETS:
        rows = [
            row
            for row in rows_of(data, name)
            if row["split"] == "dev"
            and SHORTEST_SECONDS <= float(row["seconds"]) <= LONGEST_SECONDS
        ]
        wanted.append([(name, row) for row in rows])
    in_turn = [one for group in itertools.zip_longest(*wanted) for one in group if one is not None]
    clips = []
    with ExitStack() as files:
        tars = {name: files.enter_context(tarfile.open(data / f"{name}.tar")) for name in SETS}
        for name, row in in_turn[:count]:
            samples = read_clip(tars[name], row["id"])
            path = folder / f"{len(clips)}.wav"
            soundfile.write(path, samples, SAMPLE_RATE)
            clips.append(Clip(path, row["text"], samples))
    return list(itertools.islice(itertools.cycle(clips), count))


def write_music(data: Path, path: Path, seconds: float) -> None:
    """Write music that is never silent, over and over if there is too little of it."""
    parts, length = [], 0.0
    with tarfile.open(data / "music.tar") as tar:
        for row in rows_of(data, "music"):
            if length >= seconds:
                break
            parts.append(read_clip(tar, row["id"]))
            length += float(row["seconds"])
    whole = np.resize(np.concatenate(parts), round(seconds * SAMPLE_RATE))
    music = soxr.resample(whole.astype(np.float32) / 32768, SAMPLE_RATE, RATE)
    soundfile.write(path, never_silent(music), RATE, subtype="PCM_16")


async def hear(client: AssistantClient, microphone: VirtualMicrophone, clip: Clip) -> Heard:
    """Let the daemon hear a sentence, and note when the client was told what."""
    heard = Heard(clip)
    levels: list[Level] = []
    told: dict[str, float] = {}
    behind = np.inf  # seconds from the audio clock to the wall clock, when nothing was late
    await client.listen(no_speech_seconds=10)
    player = microphone.start_speaking(clip.path)
    try:
        async with asyncio.timeout(len(clip.samples) / SAMPLE_RATE + PATIENCE_SECONDS):
            async for name, fields in client.events():
                now = time.monotonic()
                if name == "level":
                    at = float(str(fields["time"]))
                    levels.append((at, float(str(fields["decibels"]))))
                    behind = min(behind, now - at)
                elif name in ("speculative", *ENDS):
                    told[name] = now
                if name in ENDS:
                    heard.end, heard.text = name, str(fields.get("text", ""))
                    break
            await asyncio.to_thread(player.wait)
    except TimeoutError:
        pass  # told by what is missing
    finally:
        player.kill()
        player.wait()
    over = behind + find_start(levels, clip.samples) + end_of_speech(clip.samples)
    heard.speculative = told["speculative"] - over if "speculative" in told else None
    heard.final = told["final"] - over if "final" in told else None
    return heard


async def hear_all(
    address: str, microphone: VirtualMicrophone, clips: Sequence[Clip], seen: list[str]
) -> list[Heard]:
    """Hear all sentences one after the other; add each level that is seen to `seen`."""
    found = []
    async with AssistantClient(address) as client:
        await client.start_monitor()
        for number, clip in enumerate(clips, 1):
            found.append(await hear(client, microphone, clip))
            seen.append(str((await client.arbiter())["Level"]))
            sys.stderr.write(f"\r{number} of {len(clips)} sessions")
            await asyncio.sleep(PAUSE_SECONDS)
    sys.stderr.write("\n")
    return found


def measure(
    clips: Sequence[Clip], music: Path, cap: float, level: str, buffer_seconds: float, *, on: bool
) -> Measured:
    """Build the testbed, run all sessions on it, and return what was measured."""
    config = (
        f"audio: {{device: 'pulse:{SINK}.monitor'}}\n"
        f"arbiter: {{level: {level if on else 'full'}}}\n"
    )
    measured = Measured()
    with ExitStack() as testbed:
        bus = testbed.enter_context(PrivateBus())
        group = testbed.enter_context(CappedGroup(cap))
        with group.joined("playback"):
            microphone = testbed.enter_context(VirtualMicrophone())
        microphone.add_sink(MUSIC_SINK, RATE, 2)
        watch = testbed.enter_context(GapWatch(MUSIC_SINK, microphone.environment))
        with group.joined("playback"):
            player = testbed.enter_context(
                MusicDaemon(music, MUSIC_SINK, microphone.environment, buffer_seconds)
            )
        share = {"weight": WEIGHT, "nice": NICE} if on else {"weight": PLAIN_WEIGHT, "nice": 0}
        environment = microphone.environment | bus.environment
        with group.joined("daemon" if on else "playback", **share):
            daemon = testbed.enter_context(
                RunningDaemon(bus.address, config, environment=environment)
            )
        time.sleep(SETTLE_SECONDS)
        if not (watch.heard and player.playing):
            raise StageError("no music is heard, although mpd was told to play")
        watch.reset()
        spent, (periods, waited) = cpu_seconds(daemon.pid), group.throttled
        measured.heard = asyncio.run(hear_all(bus.address, microphone, clips, measured.levels))
        measured.cpu = cpu_seconds(daemon.pid) - spent
        after = group.throttled
        measured.throttled = (after[1] - waited) / max(1, after[0] - periods)
        measured.gaps, measured.silent_seconds = watch.gaps, watch.silent_seconds
        measured.late_seconds = watch.latest
        if not player.playing:
            raise StageError("mpd has stopped playing")
    return measured


def row_of(measured: Measured, cap: float, level: str, *, on: bool) -> Iterator[str]:
    """Yield the cells of a row."""
    heard = measured.heard
    yield from ("on" if on else "off", level if on else "full", f"{cap:g} %", str(len(heard)))
    yield str(sum(one.lost for one in heard))
    yield str(measured.gaps)
    yield f"{1000 * measured.silent_seconds:.0f}"
    yield f"{1000 * measured.late_seconds:.0f}"
    yield spread([one.speculative for one in heard])
    yield spread([one.final for one in heard])
    yield str(score([compare(one.clip.text, one.text) for one in heard]))
    yield f"{measured.cpu / len(heard):.2f}"
    yield f"{100 * measured.throttled:.0f} %"
    yield ", ".join(f"{name} {len(list(run))}" for name, run in itertools.groupby(measured.levels))


def spread(seconds: Sequence[float | None]) -> str:
    """Return the median and the 90th percentile of what there is."""
    known = [one for one in seconds if one is not None]
    if not known:
        return "–"
    return f"{np.median(known):.2f} / {np.percentile(known, 90):.2f}"


def as_line(cells: Sequence[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure each arbiter and level that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--cap", type=float, default=25.0, help="percent of one core, for all")
    levels = ("auto", "full", "saver", "minimal")
    parser.add_argument("--level", nargs="+", choices=levels, default=["auto"])
    parser.add_argument("--arbiter", nargs="+", choices=("on", "off"), default=["on"])
    parser.add_argument("--buffer-ms", type=float, default=200.0, help="of the player's sound")
    arguments = parser.parse_args()
    os.setpriority(os.PRIO_PROCESS, 0, NICE_WATCHER)
    print(as_line(COLUMNS))
    print(as_line(["---"] * len(COLUMNS)), flush=True)
    with tempfile.TemporaryDirectory(prefix="auricle-sharing-") as name:
        folder = Path(name)
        clips = choose_clips(arguments.data, folder, arguments.sessions)
        seconds = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE
        music = folder / "music.flac"
        write_music(arguments.data, music, 60 + seconds + 4 * len(clips))
        for arbiter in arguments.arbiter:
            on = arbiter == "on"
            for level in arguments.level if on else ["full"]:
                measured = measure(
                    clips, music, arguments.cap, level, arguments.buffer_ms / 1000, on=on
                )
                print(as_line([*row_of(measured, arguments.cap, level, on=on)]), flush=True)


if __name__ == "__main__":
    main()
