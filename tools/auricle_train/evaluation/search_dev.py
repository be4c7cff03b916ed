"""Word errors of the first pass on cached dev frames, with the daemon's own search.

In: a checkpoint of the top, cached encoder frames, language models, weights. Out: for each choice
of weights the word error rate by set, of the best hypothesis and of the n-best oracle, and the
cost. One half of the clips is for tuning, the other for reporting.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from auricle.recognizer.beam_search import BeamSearch
from auricle_train.data.encoder_cache import read_cache
from auricle_train.evaluation.lm_weights import Half
from auricle_train.models.top import Top
from auricle_train.text.word_errors import Errors, compare, score
from auricle_train.top.data import SEARCH_SECONDS
from auricle_train.top.training import load_top

Floats = NDArray[np.float32]
CACHED_CONTEXTS = 4096


@dataclass(frozen=True)
class HeardClip:
    """A clip and the inputs of the search."""

    text: str
    source: str  # set
    frames: Floats  # (n, joint) what the joint sees
    ctc: Floats  # (n, vocabulary) natural log

    @property
    def seconds(self) -> float:
        """Length of the audio in seconds."""
        return len(self.frames) * SEARCH_SECONDS


class NumpyScorer:
    """Predictor and joint of a top; implements `auricle.recognizer.transducer.Scorer`."""

    def __init__(self, top: Top) -> None:
        self._top = top
        self._weight = top.output.weight.detach().numpy().T.copy()
        self._bias = top.output.bias.detach().numpy().copy()
        self._known: dict[tuple[int, int], Floats] = {}

    @torch.no_grad()
    def log_probs(self, frame: Floats, contexts: Sequence[tuple[int, int]]) -> Floats:
        """See `Scorer`."""
        new = [context for context in contexts if context not in self._known]
        if new:
            if len(self._known) + len(new) > CACHED_CONTEXTS:
                self._known, new = {}, list(contexts)
            found = self._top.predictions(torch.tensor(new)).numpy()
            self._known.update(zip(new, found, strict=True))
        predictions = np.stack([self._known[context] for context in contexts])
        logits = np.tanh(predictions + frame) @ self._weight + self._bias
        logits -= logits.max(axis=1, keepdims=True)
        found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return found.astype(np.float32)


@torch.no_grad()
def hear(checkpoint: Path, cache: Path) -> tuple[list[HeardClip], NumpyScorer]:
    """Return all dev clips as encoded by a top, and its predictor and joint.

    Raises:
        ModelError: the checkpoint or the cache is damaged, or they do not match.
    """
    top, saved = load_top(checkpoint)
    top.eval()
    clips = []
    for item in read_cache(cache, top.shape.streams, saved["digest"]):
        encoded = top.encode(torch.from_numpy(item.stacked())[None])
        frames = top.project(encoded)[0].numpy()
        ctc = top.ctc_log_probs(encoded)[0].numpy()
        clips.append(HeardClip(item.text, item.source, frames, ctc))
    return clips, NumpyScorer(top)


def choose(clips: Sequence[HeardClip], half: Half, limit: int) -> list[HeardClip]:
    """Return the clips of a half, at most `limit` per set, evenly spaced; 0: all."""
    sets: dict[str, list[HeardClip]] = {}
    for clip in clips:
        if clip.text:
            sets.setdefault(clip.source, []).append(clip)
    chosen = []
    for some in sets.values():
        kept = some[1::2] if half is Half.REPORT else some[:: 2 if half is Half.TUNE else 1]
        chosen += kept[:: max(1, -(-len(kept) // limit))] if limit else kept
    return chosen


@dataclass(frozen=True)
class Measured:
    """Errors and cost of a search."""

    best: dict[str, list[Errors]]  # of the best hypothesis, by set
    fewest: dict[str, list[Errors]]  # of the n-best oracle, by set
    real_time: float  # processor time per second of audio

    def lines(self) -> list[str]:
        """Return the table."""
        rows = [*self.best.items()]
        if len(rows) > 1:
            rows.append(("all", [one for some in self.best.values() for one in some]))
        fewest = self.fewest | {"all": [one for some in self.fewest.values() for one in some]}
        return [
            f"  {name:24} {len(found):4} clips  WER {score(found)}  "
            f"best of the n-best {score(fewest[name])}"
            for name, found in rows
        ] + [f"  search: {self.real_time:.4f} of real time"]


def measure(search: BeamSearch, clips: Sequence[HeardClip]) -> Measured:
    """Search clips and count the errors."""
    best: dict[str, list[Errors]] = {}
    fewest: dict[str, list[Errors]] = {}
    spent = 0.0
    for clip in clips:
        began = time.process_time()
        state, _ = search.step(search.initial_state(), clip.frames, clip.ctc)
        result = search.result(state)
        spent += time.process_time() - began
        found = [compare(clip.text, reading.text) for reading in result.nbest]
        best.setdefault(clip.source, []).append(found[0])
        fewest.setdefault(clip.source, []).append(min(found, key=lambda one: one.errors))
    return Measured(best, fewest, spent / sum(clip.seconds for clip in clips))
