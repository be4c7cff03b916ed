"""Word errors of the first pass on real dev speech, for several language model weights.

In: recordings, a bundle, an n-gram model, weights. Out: a table. Each clip is encoded once and
searched for each choice of weights. One half of the clips is for tuning, the other for reporting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.bundle.manifest import Bundle
from auricle.features import BANDS, SILENCE, LogMel
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.encoder import Encoder, TransducerScorer
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.shallow_fusion import Weights
from auricle.tokenizer import Tokenizer
from auricle_train.data.corpus import Clip, read_set
from auricle_train.text.word_errors import Errors, compare, score

WORDS = "words_speech_commands"  # one word per clip, reported separately


class Half(StrEnum):
    """Which half of the clips in a set is used."""

    TUNE = "tune"  # the first, the third, ...
    REPORT = "report"  # the others
    ALL = "all"


@dataclass(frozen=True)
class Encoded:
    """A clip and its search frames."""

    text: str
    frames: NDArray[np.float32]  # (frames, width)


def choose(clips: Sequence[Clip], half: Half, limit: int) -> Sequence[Clip]:
    """Return the clips of a half, at most `limit`, evenly spaced; 0: all."""
    kept = clips[1::2] if half is Half.REPORT else clips[:: 2 if half is Half.TUNE else 1]
    return kept[:: max(1, -(-len(kept) // limit))] if limit else kept


class FirstPass:
    """The first pass of a bundle, with any language model."""

    def __init__(self, bundle: Bundle, language: Path) -> None:
        """Load the networks and the language model.

        Raises:
            ModelError: a file is damaged, or the language model has another vocabulary.
        """
        self._encoder = Encoder(
            bundle.path("trunk.tflite.gz"), bundle.path("top.tflite.gz"), threads=1
        )
        self._scorer = TransducerScorer(
            bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads=1
        )
        self._pieces = Tokenizer.load(bundle.path("tokens.txt")).pieces
        self._language = LanguageModel.load(language, self._pieces)
        self._frame = int(bundle.settings["frame_features"])

    def encode(self, clip: Clip) -> Encoded:
        """Encode a whole clip; the last chunk is padded with silence."""
        features = LogMel().whole(clip.samples)
        size = self._encoder.chunk
        filled = np.full((-(-len(features) // size) * size, BANDS), SILENCE, np.float32)
        filled[: len(features)] = features
        state, parts = self._encoder.initial_state(), []
        for first in range(0, len(filled), size):
            state, encoded = self._encoder.step(state, filled[first : first + size])
            parts.append(encoded.frames.copy())
        return Encoded(clip.text, np.concatenate(parts)[: -(-len(features) // self._frame)])

    def measure(
        self, clips: Sequence[Encoded], weights: Weights, beam: int
    ) -> tuple[list[Errors], list[Errors]]:
        """Return the errors of each clip: of the best hypothesis, and the oracle of the n best."""
        options = SearchOptions(beam=beam, weights=weights)
        search = BeamSearch(self._scorer, self._pieces, options, self._language)
        best, fewest = [], []
        for clip in clips:
            state, _ = search.step(search.initial_state(), clip.frames)
            found = [compare(clip.text, reading.text) for reading in search.result(state).nbest]
            best.append(found[0])
            fewest.append(min(found, key=lambda errors: errors.errors))
        return best, fewest


def table(
    data: Path,
    first_pass: FirstPass,
    sets: Sequence[str],
    choices: Sequence[Weights],
    beams: Sequence[int],
    half: Half,
    limit: int,
) -> Iterator[str]:
    """Yield the lines of the table, one block per beam and choice of weights."""
    clips = {}
    for name in sets:
        spoken = [clip for clip in read_set(data, name, "dev") if clip.text]
        clips[name] = [first_pass.encode(clip) for clip in choose(spoken, half, limit)]
    for beam in beams:
        for weights in choices:
            yield (
                f"beam {beam}: language {weights.language:g}, internal {weights.internal:g}, "
                f"reward {weights.reward:g}"
            )
            sentences: tuple[list[Errors], list[Errors]] = ([], [])
            for name in sets:
                best, fewest = first_pass.measure(clips[name], weights, beam)
                yield _line(name, best, fewest)
                if name != WORDS:
                    sentences[0].extend(best)
                    sentences[1].extend(fewest)
            if sentences[0]:
                yield _line("all sentences", *sentences)


def _line(name: str, best: Sequence[Errors], fewest: Sequence[Errors]) -> str:
    told = score(best)
    return (
        f"  {name:24} {told.utterances:4} clips {told.words:5} words  WER {told}  "
        f"best of the n-best {score(fewest)}"
    )
