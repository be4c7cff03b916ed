"""Batches of cached utterances for the top, sorted by length within a pool.

In: utterances of `encoder_cache` and a seed. Out: an endless stream of batches. The cached frames
get new masks in time and over channels (after SpecAugment, arXiv:1904.08779) and new noise each
time they are read. Without them the top memorises a copy that it reads ten times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auricle.errors import ArgumentError
from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import CachedUtterance

SEARCH_SECONDS = 0.08
POOL = 1024  # utterances sorted by length together


@dataclass(frozen=True)
class FrameAugmentation:
    """How cached frames are augmented each time they are read."""

    every: int = 15  # search frames per time mask
    longest: int = 6  # maximum search frames that a time mask covers
    share: float = 0.15  # maximum share of channels set to 0 in a whole utterance
    noise: float = 0.3  # maximum standard deviation of the noise, relative to the frames


@dataclass(frozen=True)
class TopBatch:
    """Utterances of similar length, padded with zeros."""

    stacked: Tensor  # (batch, n, inputs) float32: stacked encoder frames
    skipped: Tensor  # (batch,) search frames at the start without a transcript
    frames: Tensor  # (batch,) search frames, skipped ones included
    targets: Tensor  # (batch, tokens) int64, padded with blanks
    tokens: Tensor  # (batch,) int64
    seconds: float  # of audio, padding excluded

    def to(self, device: torch.device) -> TopBatch:
        """Return a copy on a device."""
        tensors = {item.name: getattr(self, item.name) for item in fields(self)}
        moved = {name: value.to(device, non_blocking=True) for name, value in tensors.items()
                 if isinstance(value, Tensor)}  # fmt: skip
        return replace(self, **moved)


@dataclass(frozen=True)
class Example:
    """An utterance with its tokens."""

    utterance: CachedUtterance
    tokens: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """Length of the audio in seconds."""
        return self.utterance.search_frames * SEARCH_SECONDS


def examples_of(utterances: Sequence[CachedUtterance], tokenizer: Tokenizer) -> list[Example]:
    """Return the utterances whose text is short enough for their frames.

    Raises:
        ArgumentError: no utterance fits.
    """
    word = cache(lambda word: tuple(tokenizer.encode(word)))
    found = [
        Example(item, tuple(token for one in item.text.split() for token in word(one)))
        for item in utterances
    ]
    kept = [item for item in found if fits(item.tokens, item.utterance)]
    if not kept:
        raise ArgumentError(
            f"cache: the texts of all {len(found)} utterances are too long for their frames: check "
            "that the cache was written with the right texts"
        )
    return kept


def fits(tokens: Sequence[int], utterance: CachedUtterance) -> bool:
    """Return whether CTC has a frame for each token and a blank between equal tokens."""
    repeats = sum(one == other for one, other in pairwise(tokens))
    return len(tokens) + repeats <= utterance.search_frames - utterance.skipped


class TopBatches:
    """An endless, seeded stream of batches."""

    def __init__(
        self,
        examples: Sequence[Example],
        seconds: float,
        seed: int | Sequence[int],
        augmentation: FrameAugmentation | None = FrameAugmentation(),
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """Create the stream.

        Args:
            examples: at least one utterance per process.
            seconds: audio per batch.
            seed: equal seeds give equal batches.
            augmentation: None leaves the frames unchanged.
            share: rank and size of the process group; each process takes different utterances.

        Raises:
            ArgumentError: there are fewer utterances than processes.
        """
        if len(examples) < share[1]:
            raise ArgumentError(
                f"cache: {len(examples)} utterances for {share[1]} processes: start fewer processes"
            )
        self._examples, self._seconds = examples, seconds
        self._lengths = [example.seconds for example in examples]
        self._seed, self._augmentation = np.random.default_rng(seed), augmentation
        self._share = share

    def __iter__(self) -> Iterator[TopBatch]:
        while True:
            yield from self.epoch()

    def epoch(self) -> Iterator[TopBatch]:
        """Yield batches of this process's share of the utterances, once each, shuffled."""
        rank, size = self._share
        order = self._seed.permutation(len(self._examples))[rank::size]
        for first in range(0, len(order), POOL):
            pool = sorted(order[first : first + POOL].tolist(), key=self._lengths.__getitem__)
            groups = list(grouped(pool, self._lengths, self._seconds))
            for number in self._seed.permutation(len(groups)):
                yield self._batch(groups[number])

    def _batch(self, numbers: Sequence[int]) -> TopBatch:
        chosen = [self._examples[number] for number in numbers]
        return batch_of(chosen, self._seed, self._augmentation)


def grouped(
    numbers: Sequence[int], lengths: Sequence[float], seconds: float
) -> Iterator[list[int]]:
    """Yield groups of utterances that, padded, hold at most `seconds`, or one utterance.

    Args:
        numbers: indices of at least one utterance, shortest first.
        lengths: seconds of each utterance, by index.
        seconds: maximum length of a padded group.
    """
    group: list[int] = []
    for number in numbers:
        if group and (len(group) + 1) * lengths[number] > seconds:
            yield group
            group = []
        group.append(number)
    yield group


def batch_of(
    examples: Sequence[Example],
    generator: np.random.Generator | None = None,
    augmentation: FrameAugmentation | None = None,
) -> TopBatch:
    """Return a padded batch, augmented if a generator and an augmentation are given."""
    rows = [example.utterance.stacked() for example in examples]
    if augmentation is not None and generator is not None:
        for row in rows:
            augment(row, augmentation, generator)
    longest, most = max(map(len, rows)), max(1, *(len(example.tokens) for example in examples))
    padded = np.zeros((len(rows), longest, rows[0].shape[1]), np.float32)
    targets = np.zeros((len(rows), most), np.int64)
    for number, (row, example) in enumerate(zip(rows, examples, strict=True)):
        padded[number, : len(row)] = row
        targets[number, : len(example.tokens)] = example.tokens
    return TopBatch(
        torch.from_numpy(padded),
        torch.tensor([example.utterance.skipped for example in examples]),
        torch.tensor([len(row) for row in rows]),
        torch.from_numpy(targets),
        torch.tensor([len(example.tokens) for example in examples]),
        sum(map(len, rows)) * SEARCH_SECONDS,
    )


def augment(
    row: NDArray[np.float32], plan: FrameAugmentation, generator: np.random.Generator
) -> None:
    """Augment stacked frames (n, inputs) in place."""
    scale = plan.noise * generator.random() * row.std()
    row += generator.standard_normal(row.shape, np.float32) * np.float32(scale)
    row[:, generator.random(row.shape[1]) < plan.share * generator.random()] = 0.0
    for _ in range(max(1, len(row) // plan.every)):
        length = int(generator.integers(plan.longest + 1))
        start = int(generator.integers(max(1, len(row) - length)))
        row[start : start + length] = 0.0
