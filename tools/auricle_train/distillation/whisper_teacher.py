"""Whisper (Radford et al., arXiv:2212.04356) as a teacher: whole clips, full context, in batches.

In: a folder of CTranslate2's files (model.bin, config.json, tokenizer.json, vocabulary). Out: a
teacher. It runs int8 on the CPU. Whisper was trained with silence up to 30 s after every clip; less
saves most of the time, but with little silence it repeats itself. Tiny.en and base on 20 training
clips (words and learners' sentences, beam 5): word error rates of 44 and 41 % at 30 s, 49 and 43 %
at 14 s, 56 and 43 % at 8 s, 67 and 56 % at 4 s, for 26, 8.5, 4.5 and 2.7 s of a processor.
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

WINDOW = 30.0  # seconds that Whisper's positions reach
TOKENS_A_SECOND = 8  # more than anybody speaks: cuts endless repetitions short
LEAST_TOKENS = 32
FILES = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True)
class WhisperOptions:
    """How Whisper reads."""

    beam: int = 5
    silence: float = 14.0  # seconds after the longest clip of a batch
    threads: int = 1


class WhisperTeacher:
    """See `teacher.Teacher`."""

    def __init__(self, folder: Path, options: WhisperOptions) -> None:
        """Load the model.

        Raises:
            ModelError: a file is missing or damaged.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"{folder}: has no {', '.join(missing)}: name a folder of a Whisper model in "
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
        """Return (80, frames) of the clip and silence after it, as Whisper was trained."""
        samples = np.zeros(int(seconds * SAMPLE_RATE) // HOP * HOP, np.float32)
        kept = clip[: len(samples)]
        samples[: len(kept)] = kept / 32768.0
        return self._model.feature_extractor(samples, padding=0).astype(np.float32)


def _mean(score: float, tokens: int) -> float:
    """Return the mean with the end counted; CTranslate2's leaves it out of the divisor."""
    return score * tokens / (tokens + 1)
