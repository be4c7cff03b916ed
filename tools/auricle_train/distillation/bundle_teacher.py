"""A bundle as a teacher: transcribes whole clips with both passes of the daemon's recogniser.

In: the folder of a bundle. Out: a teacher that runs the bundle's int8 graphs as the daemon does,
one clip at a time. `log_prob` is the mean natural log of the lattice posteriors of the words in
the best hypothesis. It is not comparable with Whisper's mean over tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from auricle.audio.format import FRAME_SAMPLES
from auricle.config.schema import Config
from auricle.lattice.result import Result
from auricle.offline.transcription import transcribe_whole
from auricle.service.assembly import budget_of, load_models
from auricle_train.distillation.teacher import Reading
from auricle_train.text.normalizer import normalize

MANIFEST = "manifest.yaml"
LEAST_POSTERIOR = 1e-4  # lower bound, keeps the logarithm finite
EMPTY_LOG_PROB = -20.0  # log_prob of an empty text; below every threshold


class BundleTeacher:
    """Implements `teacher.Teacher`."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Load the bundle.

        Raises:
            ModelError: a file of the bundle is missing or damaged.
        """
        self.name = folder.name
        default = Config()
        config = replace(
            default,
            recognizer=replace(default.recognizer, bundle=str(folder.resolve())),
            arbiter=replace(default.arbiter, level="full", threads=threads),
        )
        self._recognizer = load_models(config, budget_of(config), wake=False).recognizer

    def read(self, clips: Sequence[NDArray[np.int16]]) -> list[Reading]:
        """See `Teacher`."""
        results = (transcribe_whole(_frames(clip), self._recognizer).result for clip in clips)
        return [self._reading(result) for result in results]

    def _reading(self, result: Result) -> Reading:
        logs = [math.log(max(word.confidence, LEAST_POSTERIOR)) for word in result.words]
        log_prob = round(fmean(logs), 4) if logs else EMPTY_LOG_PROB
        return Reading(self.name, normalize(result.text), log_prob, 0.0 if logs else 1.0)


def is_bundle(folder: Path) -> bool:
    """Return whether a folder contains an Auricle bundle."""
    return (folder / MANIFEST).is_file()


def _frames(samples: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Yield (160,) frames; the last one is padded with zeros."""
    for first in range(0, len(samples), FRAME_SAMPLES):
        frame = samples[first : first + FRAME_SAMPLES]
        yield np.pad(frame, (0, FRAME_SAMPLES - len(frame)))
