"""Word errors of the second pass on dev recordings, for several weights of its scores.

In: a bundle, recordings, weights to try. Out: rows by set and condition, with word error rates and
95 % intervals. The daemon's recogniser decodes each recording once. Candidates keep separate
attention and CTC scores, so that each choice of weights only ranks them again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.bundle.manifest import load_bundle
from auricle.errors import ArgumentError
from auricle.features import SAMPLE_RATE
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.second_pass import Candidate, SecondPassOptions, certainty, chosen
from auricle_train.data.corpus import Clip, read_set
from auricle_train.evaluation.conditions import Background, Condition, Place
from auricle_train.evaluation.peers import Peer
from auricle_train.evaluation.readings import Readings
from auricle_train.text.word_errors import Errors, Score, compare, score

LONGEST = 14.0  # seconds; longer recordings may be split at a pause
NOISE = Condition(Place.KITCHEN, 12.0)
FIRST, BOTH, BEST = "first pass", "both passes", "best candidate"
SETS = ("commonvoice_en", "speechocean762_train", "librispeech_small", "kathleen",
        "ljspeech_subset", "words_speech_commands", "synthetic_kokoro")  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What to measure."""

    bundle: Path  # folder
    sets: Sequence[str] = SETS
    limit: int = 60  # recordings of each set; 0: all
    noise: bool = True  # also in NOISE
    second: SecondPassOptions = field(default_factory=SecondPassOptions)
    ctc_weights: Sequence[float] = ()  # to try
    contradictions: Sequence[float] = ()  # to try


@dataclass(frozen=True)
class Decoded:
    """One recording with all that the second pass found in it."""

    text: str  # what was said
    first: str  # best text of the first pass
    candidates: Sequence[Candidate]  # empty where the first pass heard nothing
    certainty: float  # of CTC
    seconds: float  # of audio
    compute_seconds: float  # of the second pass
    peers: Mapping[str, str]  # texts of other recognisers, by name

    def best(self, options: SecondPassOptions) -> str:
        """Return the text that options choose."""
        weight = options.weight(self.certainty)
        kept = chosen(self.candidates, options)
        return max(kept, key=lambda one: one.score(weight)).text if kept else self.first


@dataclass(frozen=True)
class Row:
    """Word error rates on the recordings of one set in one condition."""

    name: str
    decoded: Sequence[Decoded]

    def errors(self, options: SecondPassOptions) -> list[Errors]:
        """Return the errors of both passes with these options."""
        return [compare(one.text, one.best(options)) for one in self.decoded]

    def scores(self, options: SecondPassOptions) -> dict[str, Score]:
        """Return the word error rate of each reader."""
        found = {FIRST: [compare(one.text, one.first) for one in self.decoded]}
        found[BOTH] = self.errors(options)
        found[BEST] = [_least(one) for one in self.decoded]
        for name in self.decoded[0].peers:
            found[name] = [compare(one.text, one.peers[name]) for one in self.decoded]
        return {name: score(errors) for name, errors in found.items()}

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing of the second pass to a second of audio."""
        spent = sum(one.compute_seconds for one in self.decoded)
        return spent / sum(one.seconds for one in self.decoded)


def decode(
    data: Path, options: Options, peers: Sequence[Peer] = (), readings: Readings | None = None
) -> Iterator[Row]:
    """Yield a row for each set and condition.

    Args:
        data: data folder, see `data.corpus`.
        options: what to measure.
        peers: other recognisers for comparison.
        readings: cache of the peers' texts.

    Raises:
        ArgumentError: the bundle has no second pass, or a set has no speech.
        ModelError: the bundle cannot be loaded.
    """
    bundle = load_bundle(options.bundle, "recognizer")
    recognizer = load_recognizer(bundle, SearchOptions(), 1, second=options.second)
    if recognizer.second_pass is None:
        raise ArgumentError(f"--bundle {options.bundle}: has no second pass; name one that has")
    noises = list(read_set(data, "noise", "dev")) if options.noise else []
    background = Background(voices=[], noises=noises, music=[])
    kept = readings or Readings()
    for name in options.sets:
        clips = _choose([clip for clip in read_set(data, name, "dev") if clip.text], options.limit)
        if not clips:
            raise ArgumentError(f"{data}: the dev split of {name} holds no speech")
        for condition in (None, NOISE) if options.noise else (None,):
            decoded = []
            for clip in clips:
                samples = clip.samples
                if condition is not None:
                    samples = background.mix(clip, samples, condition)
                read = {peer.name: kept.of(peer, samples).text for peer in peers}
                decoded.append(_decode(recognizer, clip, samples, read))
            yield Row(f"{name}, {condition or 'quiet'}", decoded)


def grid(rows: Sequence[Row], options: Options) -> list[tuple[SecondPassOptions, list[Score]]]:
    """Return the word error rates on each row for all weights to try, the best mean first."""
    tried = [
        replace(options.second, ctc_weight=weight, contradiction=contradiction)
        for weight, contradiction in product(
            options.ctc_weights or (options.second.ctc_weight,),
            options.contradictions or (options.second.contradiction,),
        )
    ]
    found = [(one, [score(row.errors(one)) for row in rows]) for one in tried]
    return sorted(found, key=lambda item: float(np.mean([one.rate for one in item[1]])))


def _decode(
    recognizer: Recognizer, clip: Clip, samples: NDArray[np.int16], peers: Mapping[str, str]
) -> Decoded:
    """Decode one recording, which is shorter than LONGEST."""
    state, _ = recognizer.step(recognizer.initial_state(), samples)
    state, _ = recognizer.look_ahead(state)
    found = recognizer.second_pass_input(state)
    begin = time.process_time()
    seconds = len(samples) / SAMPLE_RATE
    if found is None or recognizer.second_pass is None:
        return Decoded(clip.text, "", (), 0.0, seconds, 0.0, peers)
    first, utterance = found
    candidates = recognizer.second_pass.candidates(first, utterance)
    spent = time.process_time() - begin
    sure = certainty(utterance.log_probs)
    return Decoded(clip.text, first.text, candidates, sure, seconds, spent, peers)


def _choose(clips: Sequence[Clip], count: int) -> Sequence[Clip]:
    """Return `count` recordings of one phrase, spread over the set; 0 is all of them."""
    short = [clip for clip in clips if len(clip.samples) < LONGEST * SAMPLE_RATE]
    if not count or count >= len(short):
        return short
    return [short[index] for index in np.linspace(0, len(short) - 1, count).astype(int)]


def _least(one: Decoded) -> Errors:
    """Return the errors of the candidate with the fewest."""
    texts = [candidate.text for candidate in one.candidates] or [one.first]
    return min((compare(one.text, text) for text in texts), key=lambda errors: errors.errors)
