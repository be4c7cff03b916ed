"""Check that music plays without gaps while sessions run on very little processor time.

    python -m benchmarks.sharing --data DATA [--sessions N] [--cap PERCENT]
        [--level auto full saver minimal] [--arbiter on off] [--buffer-ms MS]

Run it as root, with tools/ and daemon/ on the path. It needs the Debian packages mpd and mpc, and
the data folder of the training. In: real sentences of the dev sets, and music. Out: a row of a
Markdown table for each level and arbiter.

The player (mpd), the sound server and the daemon share a part of one core (see
`testbed.capped_group`); speech playback and measurements run outside. With the arbiter on, the
daemon has the weight and niceness of its units, and the given level. With it off, the daemon has
neither and uses level full.

- Under-runs: silence that is not in the music, at the monitor of mpd's sink.
- Late: maximum delay of the sound server, in milliseconds.
- Lost: sessions without a non-empty final result.
- Latency: from the end of speech to the client's event, in seconds of wall time; median and 90th
  percentile.
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
LONGEST_SECONDS = 6.0  # per command
SHORTEST_SECONDS = 1.5
PAUSE_SECONDS = 1.0  # between two sessions
PATIENCE_SECONDS = 20.0  # after the end of a recording
SETTLE_SECONDS = 3.0  # after the start, before the measurement
MUSIC_SINK = "music"
NICE_WATCHER = -10  # niceness of the measuring process
NICE, WEIGHT = 5, 30  # as in packaging/systemd
ENDS = ("final", "cancelled", "error")
COLUMNS = (
    *("arbiter", "level", "cap", "sessions", "lost", "under-runs", "silent ms", "late ms"),
    *("speculative", "final", "WER %", "CPU s/session", "throttled", "levels seen"),
)


@dataclass(frozen=True)
class Clip:
    """A sentence to play to the daemon."""

    path: Path
    text: str
    samples: Samples


@dataclass
class Heard:
    """Result of a session; latencies in seconds from the end of speech to the client's event."""

    clip: Clip
    end: str = ""  # one of ENDS; empty if none arrived
    text: str = ""
    speculative: float | None = None
    final: float | None = None

    @property
    def lost(self) -> bool:
        """Whether the person would have to repeat the command."""
        return self.end != "final" or not self.text


@dataclass
class Measured:
    """Measurements of one table row."""

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
        raise StageError(f"{tar.name}: {name}.opus is not a file")
    samples, _ = soundfile.read(io.BytesIO(member.read()), dtype="int16")
    return np.asarray(samples, np.int16)


def choose_clips(data: Path, folder: Path, count: int) -> list[Clip]:
    """Write sentences to WAV files, alternating between sets; repeat them up to `count`."""
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
    """Write music that is never silent, repeated to fill `seconds`."""
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
    """Run a session with one sentence, and record when the client gets its events."""
    heard = Heard(clip)
    levels: list[Level] = []
    told: dict[str, float] = {}
    behind = np.inf  # minimum offset from the audio clock to the wall clock, seconds
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
        pass  # `heard` keeps its empty fields
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
    """Run a session for each sentence; append the arbiter's level after each to `seen`."""
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
    """Build the testbed, run all sessions on it, and return the measurements."""
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
            raise StageError("mpd was started but no music arrives at its sink")
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
    """Return the median and the 90th percentile of the known values."""
    known = [one for one in seconds if one is not None]
    if not known:
        return "–"
    return f"{np.median(known):.2f} / {np.percentile(known, 90):.2f}"


def as_line(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure the chosen arbiters and levels."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--cap", type=float, default=25.0, help="percent of one core")
    levels = ("auto", "full", "saver", "minimal")
    parser.add_argument("--level", nargs="+", choices=levels, default=["auto"])
    parser.add_argument("--arbiter", nargs="+", choices=("on", "off"), default=["on"])
    parser.add_argument("--buffer-ms", type=float, default=200.0, help="buffer of the player")
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
