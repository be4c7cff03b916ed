"""Measure the wake words: false alarms per hour, misses, and cost.

    python -m benchmarks.wake [--data ../shared/data] [--split dev|all] [--only alarms|voices|cost]

Run it in tools/ or with tools/ and daemon/ on the path. In: the recordings of the data folder. Out:
tables on standard output. All detection is the daemon's own: voice activity, gate, detector, and
the thresholds of the models.

False alarms are counted on one stream per set: its clips with half a second of quiet noise between
them. Their intervals are exact Poisson intervals (Garwood 1936). The data hold no real recording of
these wake words, so misses on real speech cannot be measured. `voices` measures misses on synthetic
speech, with exact binomial intervals (Clopper and Pearson 1934).
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import resource
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Samples
from auricle.audio.vad import VoiceActivity
from auricle.wake.detector import Detection, WakeDetector
from auricle.wake.micro_wake_word import MicroWakeWord, load_wake_word

MODELS = Path(__file__).parents[2] / "models" / "wake"
NAMES = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")
DEFAULT_NAMES = ("alexa", "hey_jarvis", "okay_nabu")  # in the shipped configuration
SPEECH = ("kathleen", "librispeech_small", "librispeech_tc100_pseudo", "ljspeech_subset")
OTHER_SPEECH = ("speechocean762_train", "other_languages")
WORDS = ("words_speech_commands", "words_fsdd", "words_custom", "wake_words", "wake_negative")
SOUNDS = ("noise", "music")


@dataclass(frozen=True)
class Clip:
    """A recording and its text."""

    text: str
    samples: Samples


def read_set(data: Path, name: str, split: str) -> Iterator[Clip]:
    """Yield the clips of a set; `split` is train, dev or all."""
    with (data / f"{name}.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE))
    with tarfile.open(data / f"{name}.tar") as archive:
        for row in rows:
            member = archive.extractfile(row["id"] + ".opus")
            if split in ("all", row["split"]) and member is not None:
                samples, _ = soundfile.read(io.BytesIO(member.read()), dtype="int16")
                yield Clip(row["text"], samples)


def as_stream(clips: Sequence[Clip]) -> Samples:
    """Join clips, with half a second of quiet noise (-70 dB) before each and after the last."""
    generator = np.random.default_rng(1)
    parts: list[Samples] = []
    for clip in (*clips, None):
        parts.append(np.rint(generator.normal(0, 10, SAMPLE_RATE // 2)).astype(np.int16))
        if clip is not None:
            parts.append(clip.samples)
    return np.concatenate(parts)


def detect(detector: WakeDetector, samples: Samples) -> list[Detection]:
    """Return the detections of the daemon in a stream."""
    detector.reset()
    voice = VoiceActivity(aggressiveness=2, hang_over_seconds=0.2)
    state = voice.initial_state()
    found: list[Detection] = []
    for frame in frames(samples):
        state, speech = voice.step(state, frame)
        found += detector.step(frame, speech)
    return found


def frames(samples: Samples) -> Samples:
    """Return the complete audio frames, (frames, 160) int16."""
    return samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def poisson_interval(count: int, exposure: float) -> tuple[float, float]:
    """Return the exact 95 % interval of the rate `count` / `exposure`."""

    def at_most(events: int, mean: float) -> float:
        terms = (event * math.log(mean) - math.lgamma(event + 1) for event in range(events + 1))
        return math.fsum(math.exp(term - mean) for term in terms)

    ceiling = 4.0 * count + 20
    low = bisect(lambda mean: at_most(count - 1, mean) - 0.975, ceiling) if count else 0.0
    return low / exposure, bisect(lambda mean: at_most(count, mean) - 0.025, ceiling) / exposure


def binomial_interval(count: int, trials: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the share `count` / `trials`."""

    def at_most(hits: int, share: float) -> float:
        return math.fsum(
            math.comb(trials, hit) * share**hit * (1 - share) ** (trials - hit)
            for hit in range(hits + 1)
        )

    low = bisect(lambda share: at_most(count - 1, share) - 0.975, 1.0) if count else 0.0
    high = bisect(lambda share: at_most(count, share) - 0.025, 1.0) if count < trials else 1.0
    return low, high


def bisect(falling: Callable[[float], float], ceiling: float) -> float:
    """Return the positive root of a decreasing function."""
    low, high = 1e-12, ceiling
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return low


def measure_alarms(data: Path, split: str) -> None:
    """Print the false alarms of each set and of each kind of sets."""
    detector = WakeDetector(load(NAMES))
    print(f"False alarms, {split} clips: count: rate per hour [95 % interval]")
    print(f"{'':26}{'hours':>7}" + "".join(f"{name:>26}" for name in NAMES))
    kinds = {"speech": SPEECH + OTHER_SPEECH, "single words": WORDS, "sounds": SOUNDS}
    for kind, sets in kinds.items():
        total: Counter[str] = Counter()
        hours = 0.0
        for name in sets:
            stream = as_stream(list(read_set(data, name, split)))
            found = Counter(detection.wake_word for detection in detect(detector, stream))
            print_rates("  " + name, found, len(stream) / SAMPLE_RATE / 3600)
            total += found
            hours += len(stream) / SAMPLE_RATE / 3600
        print_rates(f"all {kind}", total, hours)


def print_rates(title: str, found: Counter[str], hours: float) -> None:
    """Print one line of the table."""
    cells = []
    for name in NAMES:
        low, high = poisson_interval(found[name], hours)
        cells.append(f"{found[name]:5d}: {found[name] / hours:5.2f} [{low:.2f}, {high:.2f}]")
    print(f"{title:26}{hours:7.2f}" + "".join(f"{cell:>26}" for cell in cells), flush=True)


def measure_voices(data: Path) -> None:
    """Print how often the wake word is missed in synthetic speech."""
    clips = [
        clip for clip in read_set(data, "synthetic_kokoro", "all") if "alexa" in clip.text.split()
    ]
    detector = WakeDetector(load(("alexa",)))
    missed = sum(not detect(detector, as_stream([clip])) for clip in clips)
    low, high = binomial_interval(missed, len(clips))
    print(f"Synthetic voices: alexa missed in {missed} of {len(clips)} [{low:.2f}, {high:.2f}]")


def measure_cost(data: Path) -> None:
    """Print the memory and the share of one core that three wake words need."""
    empty = resident_mebibytes()
    load(DEFAULT_NAMES[:1])
    with_runtime = resident_mebibytes()
    words = load(DEFAULT_NAMES)
    print(f"Memory: the first wake word {with_runtime - empty:.1f} MiB with the TFLite runtime, ")
    print(f"  three more {resident_mebibytes() - with_runtime:.1f} MiB")
    room = [clip for clip in read_set(data, "noise", "dev") if clip.text == "room noise"]
    speech = list(read_set(data, "librispeech_small", "dev"))
    for title, clips in (("quiet room", room), ("endless speech", speech)):
        sound = np.concatenate([clip.samples for clip in clips])
        stream = frames(np.resize(sound, 120 * SAMPLE_RATE))
        shares = {
            "front end only": share(WakeDetector([], gate_seconds=None), stream, True),
            "without gate": share(WakeDetector(words, gate_seconds=None), stream, True),
            "with VAD and gate": share(WakeDetector(words), stream, None),
        }
        print(f"Three wake words, {title}: share of one core")
        for mode, value in shares.items():
            print(f"  {mode:30}{value:7.2%}")


def share(detector: WakeDetector, stream: Samples, speech: bool | None) -> float:
    """Return processor time per second of audio; with `speech` None, the VAD decides."""
    detector.reset()
    voice = VoiceActivity(aggressiveness=2, hang_over_seconds=0.2)
    state = voice.initial_state()
    begin = time.process_time()
    for frame in stream:
        if speech is None:
            state, active = voice.step(state, frame)
        detector.step(frame, active if speech is None else speech)
    return (time.process_time() - begin) / (len(stream) * FRAME_SECONDS)


def load(names: Sequence[str]) -> list[MicroWakeWord]:
    """Load shipped wake words."""
    return [load_wake_word(MODELS / f"{name}.json") for name in names]


def resident_mebibytes() -> float:
    """Return the peak resident memory of the process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the chosen measurements."""
    parser = argparse.ArgumentParser(description="Measure the wake words.")
    parser.add_argument("--only", choices=["alarms", "voices", "cost"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", choices=["train", "dev", "all"], default="dev")
    arguments = parser.parse_args()
    if arguments.only in (None, "cost"):  # first, because it measures the memory of a fresh process
        measure_cost(arguments.data)
    if arguments.only in (None, "voices"):
        measure_voices(arguments.data)
    if arguments.only in (None, "alarms"):
        measure_alarms(arguments.data, arguments.split)


if __name__ == "__main__":
    main()
