"""Measure biasing: its gain on listed words and its cost on all other words.

    python -m benchmarks.biasing [--data ../shared/data] [--speech real|commands]
        [--half tune|report] [--distractors 0 100 ...] [--factor 1.0 ...] [--most CLIPS]
        [--by both fusion attention] [--second-pass off|rescore|full] [--set NAME=VALUE ...]

Run it with tools/ and daemon/ on the path. In: dev clips of real sentences, whose words outside the
5,000 most frequent ones are listed, after Le et al., "Contextualized streaming end-to-end speech
recognition with trie-based deep biasing and shallow fusion" (Interspeech 2021); or commands with
names, spoken by a Flite voice that en-tiny 0.3.0 was not trained on. Out: one line per number of
distracting names, with word error rates on listed and on other words, their 95 % bootstrap
intervals over clips, and the time per clip. Every second clip, starting with the first, is for
tuning. `--by fusion` disables the attention; `--by attention` disables the fusion of names that the
attention has not selected. `--set` changes a field of `BiasingOptions`, `ShortlistOptions` or
`SearchOptions`, for instance `--set biasing_beam=0`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import itertools
import json
import random
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

import jiwer
import numpy as np
import soundfile
import soxr
from wordfreq import top_n_list

from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.biasing.biasing import BiasingOptions
from auricle.biasing.shortlist import ShortlistOptions
from auricle.bundle.manifest import load_bundle
from auricle.config.locations import find_bundle
from auricle.config.schema import RecognizerSettings
from auricle.context.entries import Context, Entry
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.second_pass import SecondPassMode, SecondPassOptions
from auricle_train.synthesis import load_engine
from auricle_train.synthesis.engine import Manner
from auricle_train.text.normalizer import normalize
from auricle_train.text.word_errors import Errors, Score, score

SETS = ("kathleen", "librispeech_small", "ljspeech_subset")
FREQUENT_WORDS = 5000
LONGEST_SECONDS = 13.0  # clips up to this length are one phrase
COMMANDS = {
    "contacts": ("call {}", "send a message to {}", "ring {} please", "text {} that i am late"),
    "appliances": ("turn on the {}", "turn off the {} now", "dim the {} lights"),
    "media": ("play {}", "put on {} please", "queue {} next"),
}
SLOTS = {
    "contacts": ("person", "contact"),
    "media": ("artist", "artist_name", "track", "album", "song_name", "music_album"),
}
APPLIANCES = (
    "batcave", "veranda", "humidifier", "espresso machine", "aquarium", "conservatory",
    "chandelier", "pergola", "dehumidifier", "sauna", "scullery", "greenhouse", "gazebo",
    "jacuzzi", "foyer", "mezzanine", "orangery", "workbench", "attic fan", "larder",
)  # fmt: skip
VOICE = "slt"
Options = TypeVar("Options", BiasingOptions, ShortlistOptions, SearchOptions)


@dataclass(frozen=True)
class Clip:
    """A recording and its listed names."""

    text: str
    samples: Samples
    names: tuple[Entry, ...]

    @property
    def listed(self) -> frozenset[str]:
        """The words of the names."""
        return frozenset(word for name in self.names for word in normalize(name.written).split())


@dataclass
class Tally:
    """Errors on listed and on other words of the same clips."""

    listed: list[Errors] = field(default_factory=list)
    other: list[Errors] = field(default_factory=list)
    seconds: float = 0.0

    def rates(self) -> tuple[Score, Score]:
        """Return both word error rates."""
        return score(self.listed), score(self.other)


def real_clips(data: Path) -> Iterator[Clip]:
    """Yield the dev clips of real sentences."""
    frequent = frozenset(top_n_list("en", FREQUENT_WORDS))
    for name in SETS:
        with (data / f"{name}.tsv").open(encoding="utf-8", newline="") as manifest:
            rows = list(csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE))
        with tarfile.open(data / f"{name}.tar") as archive:
            for row in rows:
                member = archive.extractfile(row["id"] + ".opus")
                if row["split"] != "dev" or float(row["seconds"]) > LONGEST_SECONDS or not member:
                    continue
                text = normalize(row["text"])
                rare = [
                    word
                    for word in dict.fromkeys(text.split())
                    if word not in frequent and len(word) > 1 and "'" not in word
                ]
                samples, _ = soundfile.read(io.BytesIO(member.read()), dtype="int16")
                yield Clip(text, samples, tuple(Entry("words", word) for word in rare))


def spoken_commands(data: Path, count: int) -> Iterator[Clip]:
    """Yield synthesised commands with names."""
    draw, generator = random.Random(2), np.random.default_rng(2)
    names = {kind: sorted(slot_values(data, slots)) for kind, slots in SLOTS.items()}
    names["appliances"] = list(APPLIANCES)
    engine = load_engine("flite", None)
    for number in range(count):
        kind = tuple(COMMANDS)[number % len(COMMANDS)]
        name = draw.choice([one for one in names[kind] if len(normalize(one).split()) <= 3])
        text = normalize(draw.choice(COMMANDS[kind]).format(name))
        sound, rate = engine.speak(text, Manner(VOICE, 1.0, 1.0), generator)
        sound = soxr.resample(sound, rate, SAMPLE_RATE)
        quiet = np.zeros(SAMPLE_RATE // 2)
        samples = np.rint(np.concatenate([quiet, sound, quiet]) * 20000).astype(np.int16)
        yield Clip(text, samples, (Entry(kind, name),))


def slot_values(data: Path, slots: Sequence[str]) -> set[str]:
    """Return the values of slots in the command data, in lower case."""
    found = set()
    with gzip.open(data / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            for slot in json.loads(line)["slots"]:
                value = slot["value"].strip().lower()
                if slot["name"] in slots and len(normalize(value)) > len("abc"):
                    found.add(value)
    return found


def distracting(data: Path, most: int) -> list[Entry]:
    """Return at least `most` distracting names: people, music, and recombined full names."""
    draw = random.Random(1)
    entries = [
        Entry(kind, name)
        for kind, slots in SLOTS.items()
        for name in sorted(slot_values(data, slots))
    ]
    pairs = [one.written.split() for one in entries if len(one.written.split()) == len("ab")]
    known = {one.written for one in entries}
    while len(known) < most:
        name = f"{draw.choice(pairs)[0]} {draw.choice(pairs)[1]}"
        if name not in known:
            known.add(name)
            entries.append(Entry("contacts", name))
    draw.shuffle(entries)
    return entries


def compare(clip: Clip, hypothesis: str) -> tuple[Errors, Errors]:
    """Return the errors on the listed and on the other words of a clip."""
    found = jiwer.process_words(clip.text, normalize(hypothesis))
    spoken, heard = found.references[0], found.hypotheses[0]
    wrong = []
    for chunk in found.alignments[0]:
        if chunk.type in ("substitute", "delete"):
            wrong += spoken[chunk.ref_start_idx : chunk.ref_end_idx]
        elif chunk.type == "insert":
            wrong += heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
    listed = clip.listed
    errors, words = (sum(word in listed for word in some) for some in (wrong, spoken))
    return (
        Errors(errors, words, first_lost=False, last_lost=False),
        Errors(len(wrong) - errors, len(spoken) - words, first_lost=False, last_lost=False),
    )


def measure(
    clips: Sequence[Clip], recognizer: Recognizer, others: Sequence[Entry] | None, count: int
) -> Tally:
    """Recognise all clips with their own names and `count` others, or, with None, no names."""
    tally, draw = Tally(), random.Random(3)
    for clip in clips:
        biasing = None
        if others is not None:
            biasing = recognizer.biasing_of(Context((*clip.names, *draw.sample(others, count))))
        began = time.thread_time()
        state, _ = recognizer.step(recognizer.initial_state(biasing=biasing), clip.samples)
        result = recognizer.result(recognizer.look_ahead(state)[0])
        tally.seconds += time.thread_time() - began
        listed, other = compare(clip, result.text)
        tally.listed.append(listed)
        tally.other.append(other)
    return tally


def report(name: str, tally: Tally, base: Tally) -> None:
    """Print a table row."""
    columns = [name]
    for now, before in zip(tally.rates(), base.rates(), strict=True):
        change = f"{now.rate / before.rate - 1:+.0%}" if before.rate else "-"
        columns.append(f"{now} ({now.words} words) {change}")
    columns.append(f"{tally.seconds / len(tally.listed):.2f} s")
    print(" | ".join(columns), flush=True)


def recognizer_of(bundle: str, second: str, by: str, changed: Mapping[str, float]) -> Recognizer:
    """Return the recogniser of a bundle with changed options."""
    options = BiasingOptions()
    biasing = _with(replace(options, unseen=0.0) if by == "attention" else options, changed)
    shortlist = None if by == "fusion" else _with(ShortlistOptions(), changed)
    settings = RecognizerSettings()
    search = SearchOptions(
        beam=settings.beam,
        max_symbols=settings.max_symbols,
        lattice_beam=settings.lattice_beam,
        nbest=settings.nbest,
    )
    return load_recognizer(
        load_bundle(find_bundle(bundle), "recognizer"),
        _with(search, changed),
        threads=1,
        second=SecondPassOptions(mode=SecondPassMode(second)),
        biasing=replace(biasing, shortlist=shortlist),
    )


def _with(options: Options, changed: Mapping[str, float]) -> Options:
    """Return options with those changes that name one of their fields."""
    known = {field.name: getattr(options, field.name) for field in fields(options)}
    return replace(
        options, **{key: type(known[key])(value) for key, value in changed.items() if key in known}
    )


def setting(text: str) -> tuple[str, float]:
    """Parse NAME=VALUE."""
    name, _, value = text.partition("=")
    kinds = (BiasingOptions, ShortlistOptions, SearchOptions)
    known = {field.name for options in kinds for field in fields(options)}
    if name not in known:
        raise ValueError
    return name, float(value)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bundle", default=RecognizerSettings().bundle, help="name or path")
    parser.add_argument("--speech", choices=("real", "commands"), default="real")
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--distractors", type=int, nargs="+", default=[0, 100, 1000, 10_000])
    parser.add_argument("--factor", type=float, nargs="+", default=[1.0])
    parser.add_argument(
        "--by", choices=("both", "fusion", "attention"), nargs="+", default=["both"]
    )
    parser.add_argument(
        "--second-pass", choices=[mode.value for mode in SecondPassMode], default="full"
    )
    parser.add_argument("--set", type=setting, nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--most", type=int, default=200, metavar="CLIPS")
    arguments = parser.parse_args()
    make = spoken_commands(arguments.data, 2 * arguments.most)
    clips = list(real_clips(arguments.data) if arguments.speech == "real" else make)
    clips = clips[0 if arguments.half == "tune" else 1 :: 2][: arguments.most]
    others = distracting(arguments.data, 2 * max(arguments.distractors) + 1)
    bundle, second, changed = arguments.bundle, arguments.second_pass, dict(arguments.set)
    base = measure(clips, recognizer_of(bundle, second, "both", changed), None, 0)
    print("names | errors on listed words | errors on other words | time per clip")
    report("none", base, base)
    for by, factor in itertools.product(arguments.by, arguments.factor):
        recognizer = recognizer_of(bundle, second, by, changed | {"factor": factor})
        for count in arguments.distractors:
            found = measure(clips, recognizer, others, count)
            report(f"{by}, listed + {count}, factor {factor:g}", found, base)


if __name__ == "__main__":
    main()
