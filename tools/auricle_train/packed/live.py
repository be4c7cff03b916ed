"""Batches for the top from live audio: augmented by worker processes, encoded on the device.

In: clips and the frozen encoder. Out: an endless stream of batches like those of `TopBatches`. Each
worker process draws different utterances, and every use of a clip is augmented differently.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from auricle.features import SILENCE
from auricle.tokenizer import Tokenizer
from auricle_train.data.batches import FRAME, Batch, Batches
from auricle_train.data.corpus import Clip
from auricle_train.data.encoder_cache import SEARCH_FRAME, FrozenEncoder
from auricle_train.models.transducer import STRIDE
from auricle_train.top.data import SEARCH_SECONDS, TopBatch

POOL = 384  # utterances sorted by length together
AHEAD = 2  # prefetched batches per worker


@dataclass(frozen=True)
class LiveSounds:
    """Clips and rooms for augmentation."""

    speech: Sequence[Clip]
    prefixes: Sequence[Clip]
    backgrounds: Sequence[Clip]
    rooms: Sequence[np.ndarray] = ()


class _Disturbed(IterableDataset[Batch]):
    """Batches of augmented features; each worker has its own stream."""

    def __init__(
        self, sounds: LiveSounds, tokenizer: Tokenizer, seconds: float, seed: Sequence[int]
    ) -> None:
        super().__init__()
        self._sounds, self._tokenizer = sounds, tokenizer
        self._seconds, self._seed = seconds, tuple(seed)

    def __iter__(self) -> Iterator[Batch]:
        about = get_worker_info()
        worker = 0 if about is None else about.id
        sounds = self._sounds
        return iter(Batches(
            sounds.speech, sounds.prefixes, sounds.backgrounds, (self._tokenizer, self._tokenizer),
            self._seconds, (*self._seed, worker), 0.0, rooms=sounds.rooms, pool=POOL,
        ))  # fmt: skip


def live_batches(
    sounds: LiveSounds, tokenizer: Tokenizer, encoder: FrozenEncoder, seconds: float,
    seed: Sequence[int], workers: int,
) -> Iterator[TopBatch]:  # fmt: skip
    """Yield batches on the encoder's device, endlessly.

    Args:
        sounds: clips and rooms.
        tokenizer: tokenizer of the first pass.
        encoder: frozen encoder on the training device.
        seconds: audio per batch.
        seed: equal seeds and worker counts give equal batches.
        workers: augmentation processes; 0: augment in this process.
    """
    loader = DataLoader(
        _Disturbed(sounds, tokenizer, seconds, seed), batch_size=None, num_workers=workers,
        prefetch_factor=AHEAD if workers else None, worker_init_fn=_ignore_interrupt,
        multiprocessing_context="fork" if workers else None,
    )  # fmt: skip
    for batch in loader:
        kept = _fitting(batch)
        if len(kept):
            yield encoded_batch(batch, kept, encoder)


def _ignore_interrupt(_: int) -> None:
    """Make a worker ignore SIGINT; the loader ends it with SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _search_frames(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the number of search frames of each utterance, and of skipped ones."""
    step = STRIDE * SEARCH_FRAME
    return -(-batch.frames * FRAME // step), batch.skipped * FRAME // step


def _fitting(batch: Batch) -> Tensor:
    """Return the indices of utterances whose text fits into their 80 ms frames."""
    frames, skipped = _search_frames(batch)
    repeats = torch.tensor([
        sum(one == other for one, other in pairwise(row[:count]))
        for row, count in zip(batch.targets.tolist(), batch.tokens.tolist(), strict=True)
    ])  # fmt: skip
    return (batch.tokens + repeats <= frames - skipped).nonzero()[:, 0]


def encoded_batch(batch: Batch, kept: Tensor, encoder: FrozenEncoder) -> TopBatch:
    """Encode the utterances `kept` of a batch with the frozen encoder, on its device."""
    frames, skipped = (part[kept] for part in _search_frames(batch))
    features = batch.features[kept]
    whole = encoder.shape.chunk * STRIDE
    missing = -features.shape[1] % whole
    features = torch.nn.functional.pad(features, (0, 0, 0, missing), value=SILENCE)
    encoded, most = encoder.encode_batch(features), int(frames.max())
    stacked = encoded[:, : most * SEARCH_FRAME].reshape(len(kept), most, -1).float()
    inside = torch.arange(most) < frames[:, None]
    tokens = batch.tokens[kept]
    return TopBatch(
        stacked * inside.to(stacked.device)[..., None], skipped, frames,
        batch.targets[kept][:, : max(1, int(tokens.max()))], tokens,
        float(frames.sum()) * SEARCH_SECONDS,
    ).to(encoder.device)  # fmt: skip
