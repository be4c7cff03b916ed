"""Measure wake words and commands while the device itself plays music.

    python -m benchmarks.echo [--data ../shared/data] [--clips 20] [--ratios 10 0 -10]
        [--parallel 1] [--drive 1] [--cancellers ARGUMENTS ...] [--seed 1]

Run it with tools/ and daemon/ on the path. Music plays through a real PulseAudio with the echo
canceller of `etc/pulse`, in real time. So does the microphone signal: dev clips as recorded, and
the echo of the music through a small loudspeaker (no bass, distorted loud passages), a delay of 40
ms, and a room (direct sound and exponentially decaying noise: Polack 1988). A ratio is the level of
the speech above this echo in decibels, both as root mean squares over the whole signal. Out: wake
word misses and word error rates with 95 % intervals, for the raw microphone, with the music ducked
as configured during a command, with the canceller, and with both. Music is not ducked yet during
the wake word. `--cancellers` replaces arguments of the snippet's module; each has its own columns.

The wake word is "alexa": the one of models/demo, assembled from a woman's syllables, alternates
with synthetic ones of `synthetic_kokoro`. Only those that are detected without music are used.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.audio.vad import VoiceActivity
from auricle.bundle.manifest import load_bundle
from auricle.config.locations import find_bundle
from auricle.config.schema import MusicSettings, RecognizerSettings
from auricle.offline.detection import detect
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.second_pass import SecondPassMode, SecondPassOptions
from auricle.wake.detector import Detection, WakeDetector
from auricle_train.data.corpus import read_table
from auricle_train.text.word_errors import Errors, compare, score, share
from benchmarks.wake import frames, load
from testbed.echoing_room import LOOP_SECONDS, EchoingRoom

Sound = NDArray[np.float64]  # full scale is 1
Command = tuple[str, Sound]

SETS = ("kathleen", "librispeech_small", "ljspeech_subset", "speechocean762_train")
SHORTEST_SECONDS = 1.5
LONGEST_SECONDS = 6.0
WAKE_WORD = "alexa"
DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
DEMO_SECONDS = (0.9, 1.5)  # start and end of its wake word
WORD_END_SECONDS = 0.1  # kept of a clip after the wake word

SPEECH_LEVEL = 0.01  # root mean square: -40 dBFS, a speaker across the room
NOISE_LEVEL = 0.0001  # of the microphone itself
PLAYED_LEVEL = 0.1  # of the music at the canceller's input
BASS_HERTZ = 150.0  # cut-off of the loudspeaker's bass
PATH_SECONDS = 0.04
REVERBERATION_SECONDS = 0.3  # time in which the room's echo falls by 60 dB
DIRECT_TO_ROOM = 10.0  # dB

LEAD_SECONDS = 10.0  # music alone, in which the canceller adapts
SETTLED_SECONDS = 5.0  # last part of it, in which the canceller is measured
WAKE_PAUSE_SECONDS = 2.6  # after a wake word; longer than the refractory time
PAUSE_SECONDS = 1.0
RAMP_SECONDS = 0.05
MARGIN_SECONDS = (0.3, 0.6)  # audio before and after a command
LATE_SECONDS = 1.0  # maximum delay of a detection after the end of the wake word


@dataclass(frozen=True)
class Said:
    """A command or, without text, a wake word, at its position in the script."""

    begin: int  # samples
    sound: Sound
    text: str = ""

    @property
    def end(self) -> int:
        """End in samples."""
        return self.begin + len(self.sound)


@dataclass(frozen=True)
class Script:
    """All wake words and commands, in order."""

    said: tuple[Said, ...]
    length: int  # samples

    @property
    def commands(self) -> tuple[Said, ...]:
        """Commands to recognise."""
        return tuple(one for one in self.said if one.text)

    @property
    def wake_words(self) -> tuple[Said, ...]:
        """Wake words to detect."""
        return tuple(one for one in self.said if not one.text)

    def speech(self) -> Sound:
        """Return the speech without music."""
        track = np.zeros(self.length)
        for one in self.said:
            track[one.begin : one.end] = one.sound
        return track

    def ducking(self, decibels: float) -> Sound:
        """Return the gain of the music over time, lowered during commands."""
        gain = np.ones(self.length)
        before = round(PAUSE_SECONDS / 2 * SAMPLE_RATE)
        for one in self.commands:
            gain[one.begin - before : one.end + before] = 10 ** (-decibels / 20)
        ramp = round(RAMP_SECONDS * SAMPLE_RATE)
        return np.convolve(gain, np.full(ramp, 1 / ramp), mode="same")


@dataclass(frozen=True)
class Heard:
    """The same sound without and with the canceller."""

    raw: Samples
    cancelled: Samples

    @property
    def lowered(self) -> float:
        """Decibels by which the canceller lowers music without speech."""
        begin, end = LEAD_SECONDS - SETTLED_SECONDS, LEAD_SECONDS
        alone = slice(round(begin * SAMPLE_RATE), round(end * SAMPLE_RATE))
        before, after = (level(one[alone].astype(float)) for one in (self.raw, self.cancelled))
        return 20 * float(np.log10(before / max(after, 1e-9)))


# By ratio of speech to echo: for each canceller, full and ducked music.
Recorded = dict[float, list[tuple[Heard, Heard]]]


def level(sound: Sound) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(sound**2)))


def levelled(sound: Sound, wanted: float) -> Sound:
    """Return the sound scaled to a root mean square of `wanted`."""
    return sound * (wanted / level(sound))


def as_samples(sound: Sound) -> Samples:
    """Return the sound as 16-bit samples."""
    return np.rint(np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)


def wake_sounds(data: Path, detector: WakeDetector) -> Iterator[Sound]:
    """Yield wake words endlessly, alternating between the demo's and a synthetic one."""
    recording, _ = soundfile.read(DEMO)
    begin, end = (round(seconds * SAMPLE_RATE) for seconds in DEMO_SECONDS)
    demo = recording[begin:end]
    rows = [
        row
        for split in ("train", "dev")
        for row in read_table(data, "synthetic_kokoro", split)
        if row["text"].split()[:1] == [WAKE_WORD]
    ]
    others = []
    for sound in read_sounds(data, "synthetic_kokoro", rows):
        for found in detections(detector, as_samples(levelled(sound, SPEECH_LEVEL)))[:1]:
            others.append(sound[: round((found.end + WORD_END_SECONDS) * SAMPLE_RATE)])
    heard = [one for one in others if is_heard(detector, one)]
    print(
        f"{len(heard)} of {len(others)} trimmed synthetic wake words are detected", file=sys.stderr
    )
    if not is_heard(detector, demo):
        raise SystemExit(f"the wake word in {DEMO} is not detected")
    for other in itertools.cycle(heard or [demo]):
        yield demo
        yield other


def is_heard(detector: WakeDetector, sound: Sound) -> bool:
    """Return whether a wake word is detected without music."""
    quiet = np.random.default_rng(0).normal(0, NOISE_LEVEL, len(sound) + 2 * SAMPLE_RATE)
    quiet[SAMPLE_RATE : SAMPLE_RATE + len(sound)] += levelled(sound, SPEECH_LEVEL)
    return bool(detections(detector, as_samples(quiet)))


def read_sounds(data: Path, name: str, rows: Sequence[dict[str, str]]) -> list[Sound]:
    """Decode only the given rows of a set."""
    with tarfile.open(data / f"{name}.tar") as archive:
        members = [archive.extractfile(f"{row['id']}.opus") for row in rows]
        return [soundfile.read(io.BytesIO(one.read()))[0] for one in members if one is not None]


def command_clips(data: Path, count: int) -> list[Command]:
    """Return dev clips, equally many per set, alternating between sets."""
    chosen = []
    each = -(-count // len(SETS))
    for name in SETS:
        rows = [
            row
            for row in read_table(data, name, "dev", to_ship=False)
            if SHORTEST_SECONDS <= float(row["seconds"]) <= LONGEST_SECONDS
        ]
        rows = rows[:: max(1, len(rows) // each)][:each]
        texts = [row["text"] for row in rows]
        chosen.append(list(zip(texts, read_sounds(data, name, rows), strict=True)))
    by_turns = itertools.chain.from_iterable(itertools.zip_longest(*chosen))
    return [one for one in by_turns if one is not None][:count]


def write_script(commands: Sequence[Command], wake: Iterator[Sound]) -> Script:
    """Return a script with two wake words before each command, with pauses."""
    said: list[Said] = []
    place = round(LEAD_SECONDS * SAMPLE_RATE)
    for text, spoken in commands:
        for sound in itertools.islice(wake, 2):
            said.append(Said(place, levelled(sound, SPEECH_LEVEL)))
            place = said[-1].end + round(WAKE_PAUSE_SECONDS * SAMPLE_RATE)
        said.append(Said(place, levelled(spoken, SPEECH_LEVEL), text))
        place = said[-1].end + round(PAUSE_SECONDS * SAMPLE_RATE)
    return Script(tuple(said), place)


def read_music(data: Path, length: int) -> Sound:
    """Return the dev music, repeated to `length` samples."""
    pieces = read_sounds(data, "music", read_table(data, "music", "dev", to_ship=False))
    joined = np.concatenate([levelled(one, PLAYED_LEVEL) for one in pieces])
    return np.resize(joined, length)


class EchoPath:
    """Simulates loudspeaker, delay and room between playback and microphone."""

    def __init__(self, seed: int, drive: float) -> None:
        """Build a room and a loudspeaker; `drive` 1 adds 8 % third harmonic at music peaks."""
        self._drive = drive
        generator = np.random.default_rng(seed)
        time = np.arange(round(REVERBERATION_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        room = generator.normal(0, 1, len(time)) * 10 ** (-3 * time / REVERBERATION_SECONDS)
        room *= 10 ** (-DIRECT_TO_ROOM / 20) / np.sqrt(np.sum(room**2))
        room[0] = 1.0
        smooth = np.exp(-2 * np.pi * BASS_HERTZ / SAMPLE_RATE)
        bass = (1 - smooth) * smooth ** np.arange(len(time))
        speaker = -bass
        speaker[0] += 1.0
        self._response = np.convolve(np.convolve(room, speaker), speaker)
        self._delay = round((LOOP_SECONDS + PATH_SECONDS) * SAMPLE_RATE)

    def echo(self, played: Sound, peak: float) -> Sound:
        """Return the echo; the loudspeaker distorts passages near `peak`."""
        moved = np.tanh(self._drive * played / peak) * peak / self._drive
        size = 1 << (len(moved) + len(self._response)).bit_length()
        spectrum = np.fft.rfft(moved, size) * np.fft.rfft(self._response, size)
        return np.pad(np.fft.irfft(spectrum, size), (self._delay, 0))[: len(played)]


@dataclass(frozen=True)
class Stage:
    """Script, music and echo path of an experiment."""

    script: Script
    music: Sound
    drive: float  # of the loudspeaker; higher values distort more
    seed: int

    def record(self, ratio: float, canceller: str, ducked: bool) -> Heard:
        """Record in real time, with speech `ratio` decibels above the echo of the music."""
        path, peak = EchoPath(self.seed, self.drive), float(np.max(np.abs(self.music)))
        gain = SPEECH_LEVEL * 10 ** (-ratio / 20) / level(path.echo(self.music, peak))
        decibels = MusicSettings().decibels if ducked else 0.0
        played = self.music * self.script.ducking(decibels)
        noise = np.random.default_rng(self.seed).normal(0, NOISE_LEVEL, self.script.length)
        sound = self.script.speech() + gain * path.echo(played, peak) + noise
        with EchoingRoom(canceller) as room:
            return Heard(*room.hear(as_samples(played), as_samples(sound)))


def detections(detector: WakeDetector, samples: Samples) -> list[Detection]:
    """Return the detections of the daemon."""
    moments = detect(frames(samples), detector, VoiceActivity(2, 0.2), open_gate=False)
    return [one for moment in moments for one in moment.detections]


def misses(script: Script, detector: WakeDetector, samples: Samples) -> tuple[list[bool], int]:
    """Return whether each wake word was missed, and the number of false alarms."""
    found = [one.end * SAMPLE_RATE for one in detections(detector, samples)]
    late = LATE_SECONDS * SAMPLE_RATE
    missed = [
        not any(word.begin <= end <= word.end + late for end in found) for word in script.wake_words
    ]
    return missed, len(found) - missed.count(False)


def errors(script: Script, recognizer: Recognizer, samples: Samples) -> list[Errors]:
    """Return the word errors of each command."""
    before, after = (round(seconds * SAMPLE_RATE) for seconds in MARGIN_SECONDS)
    found = []
    for command in script.commands:
        heard = samples[command.begin - before : command.end + after]
        state, _ = recognizer.step(recognizer.initial_state(), heard)
        result = recognizer.result(recognizer.look_ahead(state)[0])
        found.append(compare(command.text, result.text))
    return found


def default_recognizer() -> Recognizer:
    """Return the shipped recogniser with the shipped settings."""
    settings = RecognizerSettings()
    search = SearchOptions(
        beam=settings.beam,
        max_symbols=settings.max_symbols,
        lattice_beam=settings.lattice_beam,
        nbest=settings.nbest,
    )
    bundle = load_bundle(find_bundle(settings.bundle), "recognizer")
    second = SecondPassOptions(mode=SecondPassMode(settings.second_pass))
    return load_recognizer(bundle, search, threads=1, second=second)


def report(script: Script, recorded: Recorded, detector: WakeDetector) -> None:
    """Print the tables of wake words and of commands."""
    noise = np.random.default_rng(0).normal(0, NOISE_LEVEL, script.length)
    quiet = as_samples(script.speech() + noise)
    missed, more = misses(script, detector, quiet)
    print(f"\n{len(missed)} wake words: missed, false alarms; per canceller also echo reduction")
    print(f"| no music | {share(missed)}, {more} |")
    for ratio, ways in recorded.items():
        cells = [f"{ratio:+g} dB", wake_cell(script, detector, ways[0][0].raw)]
        for heard, _ in ways:
            cells.append(wake_cell(script, detector, heard.cancelled) + f", {heard.lowered:.0f} dB")
        print(f"| {' | '.join(cells)} |", flush=True)
    recognizer = default_recognizer()
    best = score(errors(script, recognizer, quiet))
    print(f"\n{best.utterances} commands, {best.words} words: raw, ducked; the same per canceller")
    print(f"| no music | {best} |", flush=True)
    for ratio, ways in recorded.items():
        (heard, ducked), *_ = ways
        sounds = [heard.raw, ducked.raw]
        sounds += itertools.chain.from_iterable((one.cancelled, two.cancelled) for one, two in ways)
        cells = " | ".join(str(score(errors(script, recognizer, one))) for one in sounds)
        print(f"| {ratio:+g} dB | {cells} |", flush=True)


def wake_cell(script: Script, detector: WakeDetector, samples: Samples) -> str:
    """Return the share of missed wake words and the number of false alarms."""
    missed, more = misses(script, detector, samples)
    return f"{share(missed)}, {more}"


def main() -> None:
    """Record at all ratios, then detect and recognise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--ratios", type=float, nargs="+", default=[10.0, 0.0, -10.0])
    parser.add_argument("--parallel", type=int, default=1, help="concurrent sound servers")
    parser.add_argument(
        "--cancellers", nargs="+", default=[""], help="arguments of module-echo-cancel"
    )
    parser.add_argument("--drive", type=float, default=1.0, help="0.01: no distortion")
    parser.add_argument("--seed", type=int, default=1, help="seed of the room")
    arguments = parser.parse_args()
    detector = WakeDetector(load([WAKE_WORD]))
    script = write_script(
        command_clips(arguments.data, arguments.clips), wake_sounds(arguments.data, detector)
    )
    print(f"{script.length / SAMPLE_RATE:.0f} s, twice per ratio and canceller", file=sys.stderr)
    music = read_music(arguments.data, script.length)
    testbed = Stage(script, music, arguments.drive, arguments.seed)
    each = list(itertools.product(arguments.ratios, arguments.cancellers, (False, True)))
    with ThreadPoolExecutor(arguments.parallel) as pool:
        heard = iter(list(pool.map(lambda one: testbed.record(*one), each)))
    recorded = {
        ratio: [(next(heard), next(heard)) for _ in arguments.cancellers]
        for ratio in arguments.ratios
    }
    report(script, recorded, detector)


if __name__ == "__main__":
    main()
