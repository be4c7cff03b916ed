"""Makes training batches of augmented utterances, some with a wake word before them.

In: clips and a seed. Out: an endless stream of `Batch`. An utterance is one clip, or two with a
pause, because people pause within a command. Silence of random length surrounds it. A wake word may
precede it: the encoder reads the wake word, but the transcript does not contain it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from auricle.errors import ArgumentError
from auricle.features import HOP, SAMPLE_RATE, SILENCE, LogMel
from auricle.tokenizer import Tokenizer
from auricle_train.augment import augment
from auricle_train.data.corpus import Clip
from auricle_train.models.attention_decoder import POSITIONS

FRAME = 4  # feature frames per joint frame (40 ms)
LONGEST = 24.0  # maximum seconds of two joined clips
MOST_PIECES = POSITIONS - 4  # maximum pieces after the prompt in the second pass
POOL = 96  # utterances sorted by length together
PATIENCE = 1000  # consecutive utterances with too long texts before an error


@dataclass
class Batch:
    """Utterances of similar length, padded with silence."""

    clean: Tensor | None  # (batch, feature frames, 80) input of the teacher; None: no teacher
    features: Tensor  # (batch, feature frames, 80) augmented input of the student
    skipped: Tensor  # (batch,) joint frames at the start that belong to the wake word
    frames: Tensor  # (batch,) joint frames, skipped ones included
    targets: Tensor  # (batch, tokens) int64, padded with blanks
    tokens: Tensor  # (batch,) int64, number of tokens
    pieces: Tensor  # (batch, pieces) int64 of the second pass, padded with its end token
    piece_counts: Tensor  # (batch,) int64, number of pieces
    seconds: float  # audio without padding
    dropped: int = 0  # utterances discarded before this batch because their text was too long

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        tensors = {item.name: getattr(self, item.name) for item in fields(self)}
        moved = {name: value.to(device, non_blocking=True) for name, value in tensors.items()
                 if isinstance(value, Tensor)}  # fmt: skip
        return replace(self, **moved)


@dataclass
class _Utterance:
    samples: np.ndarray
    skipped: int  # samples before the transcribed part
    targets: list[int]
    pieces: list[int]

    @property
    def frames(self) -> int:
        """Number of joint frames, skipped ones included."""
        return -(-len(self.samples) // (FRAME * HOP))

    @property
    def skipped_frames(self) -> int:
        """Joint frames before the transcribed part."""
        return self.skipped // (FRAME * HOP)

    def fits(self) -> bool:
        """Return whether the text is short enough for CTC and for the second pass."""
        repeats = sum(one == other for one, other in pairwise(self.targets))
        needed = len(self.targets) + repeats
        room = self.frames - self.skipped_frames
        return needed <= room and len(self.pieces) <= MOST_PIECES


class Batches:
    """An endless, seeded stream of batches."""

    def __init__(
        self,
        clips: Sequence[Clip],
        prefixes: Sequence[Clip],
        backgrounds: Sequence[Clip],
        tokenizers: tuple[Tokenizer, Tokenizer],
        seconds: float,
        seed: int | Sequence[int],
        taught: float = 1.0,
        disturbance: augment.Disturbance = augment.USUAL,
        rooms: Sequence[np.ndarray] = (),
        pool: int = POOL,
    ) -> None:
        """Create the stream.

        Args:
            clips: speech to recognise.
            prefixes: wake words, placed before some utterances.
            backgrounds: noise and music.
            tokenizers: tokenizers of the first and the second pass.
            seconds: audio per batch.
            seed: equal seeds give equal batches.
            taught: share of batches with clean features for the teacher.
            disturbance: augmentation of the student's input.
            rooms: impulse responses, see `augment.room_impulse_responses`.
            pool: utterances sorted by length together.
        """
        self._clips, self._prefixes = clips, prefixes
        # Sampling in proportion to length keeps single words from dominating sentences.
        lengths = np.array([len(clip.samples) for clip in clips], np.float64)
        self._odds = lengths / lengths.sum()
        self._sounds = augment.Sounds(
            [clip.samples.astype(np.float32) / 32768 for clip in backgrounds],
            [clip.samples for clip in clips],
            rooms,
        )
        self._disturbance = disturbance
        self._tokenizers, self._taught = tokenizers, taught
        self._seconds, self._pool = seconds, pool
        self._generator = np.random.default_rng(seed)
        self._log_mel = LogMel()
        self._dropped = 0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            # Sorting by length reduces padding.
            drawn = (self._draw_fitting() for _ in range(self._pool))
            pool = sorted(drawn, key=lambda item: len(item.samples))
            groups: list[list[_Utterance]] = [[]]
            for item in pool:
                if (len(groups[-1]) + 1) * len(item.samples) > self._seconds * SAMPLE_RATE:
                    groups.append([])
                groups[-1].append(item)
            order = self._generator.permutation(len(groups))
            yield from (self._batch(groups[number]) for number in order if groups[number])

    def _silence(self, low: float, high: float) -> np.ndarray:
        count = int(self._generator.uniform(low, high) * SAMPLE_RATE)
        level = 10.0 ** self._generator.uniform(-5.0, -3.0)
        return (self._generator.standard_normal(count) * level).astype(np.float32)

    def _clip(self) -> tuple[np.ndarray, str, str]:
        """Return samples, first-pass text and second-pass text of a random clip."""
        clip = self._clips[int(self._generator.choice(len(self._clips), p=self._odds))]
        samples = clip.samples.astype(np.float32) / 32768
        if self._generator.random() < self._disturbance.speed:
            factor = self._generator.uniform(*self._disturbance.speed_factors)
            samples = augment.change_speed(samples, factor)
        return samples, clip.text, clip.written or f"{clip.text[:1].upper()}{clip.text[1:]}."

    def _draw_fitting(self) -> _Utterance:
        for _ in range(PATIENCE):
            item = self._draw()
            if item.fits():
                return item
            self._dropped += 1
        raise ArgumentError(
            f"data: {PATIENCE} utterances in a row had texts longer than their frames: "
            "check that texts and recordings match"
        )

    def _draw(self) -> _Utterance:
        samples, text, written = self._clip()
        parts, skipped = [], 0
        if self._generator.random() < 0.4:
            prefix = self._prefixes[int(self._generator.integers(len(self._prefixes)))]
            parts += [prefix.samples.astype(np.float32) / 32768, self._silence(0.0, 0.3)]
            skipped = sum(map(len, parts))
        parts += [self._silence(0.05, 0.6), samples]
        if len(samples) < 5 * SAMPLE_RATE and self._generator.random() < 0.4:
            other, more, more_written = self._clip()
            if len(samples) + len(other) < LONGEST * SAMPLE_RATE:
                parts += [self._silence(0.1, 1.2), other]
                text, written = f"{text} {more}", f"{written} {more_written}"
        parts.append(self._silence(0.2, 1.2 if self._generator.random() < 0.8 else 4.0))
        first, second = self._tokenizers
        return _Utterance(
            np.concatenate(parts), skipped, first.encode(text), second.encode(written)
        )

    def _batch(self, items: Sequence[_Utterance]) -> Batch:
        # The losses start at the joint frame after the wake word, as the search does.
        skipped = [item.skipped_frames for item in items]
        frames = [item.frames for item in items]
        dropped, self._dropped = self._dropped, 0
        longest = max(frames)
        taught = self._generator.random() < self._taught
        clean = np.full((len(items), longest * FRAME, 80), SILENCE, np.float32)
        noisy = clean.copy()
        for row, item in enumerate(items):
            if taught:
                log_mel = self._log_mel.whole(item.samples)
                clean[row, : len(log_mel)] = log_mel
            disturbed = augment.disturb(
                item.samples, self._sounds, self._generator, self._disturbance
            )
            log_mel = self._log_mel.whole(disturbed)
            augment.disturb_features(log_mel, self._generator, self._disturbance)
            noisy[row, : len(log_mel)] = log_mel
        return Batch(
            torch.from_numpy(clean) if taught else None, torch.from_numpy(noisy),
            torch.tensor(skipped), torch.tensor(frames),
            *_padded([item.targets for item in items]), *_padded([item.pieces for item in items]),
            sum(len(item.samples) for item in items) / SAMPLE_RATE, dropped,
        )  # fmt: skip


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return (rows, longest) int64, padded with 0, and the length of each."""
    counts = torch.tensor([len(row) for row in rows])
    padded = torch.zeros(len(rows), max(1, int(counts.max())), dtype=torch.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = torch.tensor(row)
    return padded, counts
