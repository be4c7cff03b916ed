"""Whisper (Radford et al., arXiv:2212.04356) as a teacher: transcribes batches of whole clips.

In: a CTranslate2 folder (model.bin, config.json, tokenizer.json, vocabulary). Out: a teacher that
runs in int8 on the CPU. Whisper was trained on clips padded with silence to 30 s. Less silence
saves most of the processor time, but with too little silence Whisper repeats itself. Results of
tiny.en and base on 20 training clips (words and learners' sentences, beam 5):

    silence                  30 s   14 s    8 s    4 s
    word error rate, tiny.en  44 %   49 %   56 %   67 %
    word error rate, base     41 %   43 %   43 %   56 %
    processor time            26 s  8.5 s  4.5 s  2.7 s
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.features import HOP, SAMPLE_RATE
from auricle_train.distillation.teacher import Reading
from auricle_train.text.normalizer import normalize

WINDOW = 30.0  # seconds covered by Whisper's position encodings
TOKENS_A_SECOND = 8  # more than in real speech; limits endless repetitions
LEAST_TOKENS = 32  # minimum token limit per clip
FILES = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True)
class WhisperOptions:
    """Options of the decoding."""

    beam: int = 5
    silence: float = 14.0  # seconds after the longest clip of a batch
    threads: int = 1


class WhisperTeacher:
    """Implements `teacher.Teacher`."""

    def __init__(self, folder: Path, options: WhisperOptions) -> None:
        """Load the model.

        Raises:
            ModelError: a file is missing or damaged.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"{folder}: has no {', '.join(missing)}: name the folder of a Whisper model in "
                "CTranslate2's format"
            )
        self.name, self._options = folder.name, options
        try:
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=options.threads
            )
        except RuntimeError as error:
            raise ModelError(f"{folder}: not a Whisper model in CTranslate2's format") from error
        multilingual = self._model.model.is_multilingual
        self._tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, "transcribe", "en")

    def read(self, clips: Sequence[NDArray[np.int16]]) -> list[Reading]:
        """See `Teacher`."""
        longest = max(map(len, clips)) / SAMPLE_RATE
        seconds = min(WINDOW, longest + self._options.silence)
        features = np.stack([self._features(clip, seconds) for clip in clips])
        prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        results = self._model.model.generate(
            StorageView.from_array(features),
            [prompt] * len(clips),
            beam_size=self._options.beam,
            return_scores=True,
            return_no_speech_prob=True,
            max_length=LEAST_TOKENS + int(TOKENS_A_SECOND * longest),
        )
        return [
            Reading(
                self.name,
                normalize(self._tokenizer.decode(result.sequences_ids[0])),
                round(_mean(result.scores[0], len(result.sequences_ids[0])), 4),
                round(result.no_speech_prob, 4),
            )
            for result in results
        ]

    def _features(self, clip: NDArray[np.int16], seconds: float) -> NDArray[np.float32]:
        """Return the features of a clip padded with silence, (80, frames)."""
        samples = np.zeros(int(seconds * SAMPLE_RATE) // HOP * HOP, np.float32)
        kept = clip[: len(samples)]
        samples[: len(kept)] = kept / 32768.0
        return self._model.feature_extractor(samples, padding=0).astype(np.float32)


def _mean(score: float, tokens: int) -> float:
    """Return the mean over all tokens and the end, which CTranslate2 omits from the divisor."""
    return score * tokens / (tokens + 1)
