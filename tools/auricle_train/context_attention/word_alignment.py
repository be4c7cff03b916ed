"""Aligns the words of utterances with the CTC head of the first pass.

In: cached utterances and a trained top. Out: the utterances with the search frame in which each
word ends. The top is only used for alignment; networks trained with it do not depend on the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from auricle.recognizer.ctc_alignment import IMPOSSIBLE, align
from auricle.tokenizer import WORD_START, Tokenizer
from auricle_train.data.encoder_cache import CachedUtterance
from auricle_train.models.top import Top
from auricle_train.top.data import Example, batch_of
from auricle_train.training.precision import computing

BATCH = 32


@dataclass(frozen=True)
class AlignedUtterance:
    """A cached utterance and the ends of its words."""

    utterance: CachedUtterance
    words: tuple[str, ...]
    ends: tuple[int, ...]  # search frame (80 ms) of each word's last token

    @property
    def frames(self) -> int:
        """Number of search frames, skipped ones included."""
        return self.utterance.search_frames

    def reading(self, streams: slice) -> AlignedUtterance:
        """Return a copy that reads only some of the utterance's streams."""
        columns = self.utterance.columns[streams]
        return replace(self, utterance=replace(self.utterance, columns=columns))


def align_words(
    utterances: Sequence[CachedUtterance], top: Top, tokenizer: Tokenizer
) -> list[AlignedUtterance]:
    """Return the utterances whose text can be aligned, sorted by length.

    Args:
        utterances: utterances whose streams start with those of the top.
        top: top in evaluation mode, whose CTC head aligns.
        tokenizer: tokenizer of the first pass.
    """
    examples = [Example(one, tuple(tokenizer.encode(one.text))) for one in utterances]
    examples.sort(key=lambda example: example.utterance.search_frames)
    found = []
    for first in range(0, len(examples), BATCH):
        group = examples[first : first + BATCH]
        for example, log_probs in zip(group, _log_probs(group, top), strict=True):
            ends = _word_ends(example, log_probs, tokenizer)
            if ends is not None:
                words = tuple(example.utterance.text.split())
                found.append(AlignedUtterance(example.utterance, words, ends))
    return found


@torch.no_grad()
def _log_probs(examples: Sequence[Example], top: Top) -> Iterator[NDArray[np.float32]]:
    """Yield the CTC log probabilities of each utterance, (search frames, tokens)."""
    heard = slice(len(top.shape.streams))
    batch = batch_of([
        replace(one, utterance=replace(one.utterance, columns=one.utterance.columns[heard]))
        for one in examples
    ])  # fmt: skip
    with computing(torch.device("cpu")):
        log_probs = top.ctc_log_probs(top.encode(batch.stacked)).numpy()
    for row, example in zip(log_probs, examples, strict=True):
        yield row[: example.utterance.search_frames]


def _word_ends(
    example: Example, log_probs: NDArray[np.float32], tokenizer: Tokenizer
) -> tuple[int, ...] | None:
    """Return the search frame of each word's last token; None if alignment is impossible."""
    starts = [
        place for place, token in enumerate(example.tokens)
        if tokenizer.pieces[token].startswith(WORD_START)
    ]  # fmt: skip
    skipped, words = example.utterance.skipped, example.utterance.text.split()
    if not words or len(starts) != len(words) or skipped >= len(log_probs):
        return None
    (alignment,) = align(log_probs[skipped:], [example.tokens])
    if alignment.score <= IMPOSSIBLE:
        return None
    last = [following - 1 for following in (*starts[1:], len(example.tokens))]
    return tuple(skipped + alignment.frames[token] for token in last)
