"""Draws what the attention to names learns from: utterances, names in them, and others.

In: heard clips and names that nobody says. Out: an endless stream of `Drawn`. Any word or words of
a transcript may be a name, as in "Deep context" (Pundak et al., SLT 2018), rare ones first. Most of
the others are drawn from transcripts too, or whether a name is said would show in its letters; some
are spelled like one that is said, for these are what a list of ten thousand is full of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auricle.recognizer.biasing.attending import LETTERS, numbered
from auricle_train.attending.heard import Heard
from auricle_train.network import STACK

MOST_SECONDS = 16.0
FRAMES_PER_SECOND = 25
POOL = 256  # utterances that are sorted by length together
SPANS = (1, 1, 1, 2, 2, 3)  # words of a name
LONGEST_DRAWN = 18  # letters: longer ones cost more than they teach
LIKE = str.maketrans("bcdefgiklmnoprstuvyz", "pktivjeknmnobrztovis")  # letters that sound alike


@dataclass
class Drawn:
    """A batch."""

    shared: Tensor  # (batch, n * STACK, width)
    frames: Tensor  # (batch, n, joint)
    heard: Tensor  # (batch, n) bool: frames that are not padding
    letters: Tensor  # (names, letters) int64
    said: Tensor  # (batch, names) bool: which name is in which utterance
    ends: Tensor  # (occurrences, 3) int64: utterance, name, frame of the name's last token
    seconds: float


@dataclass(frozen=True)
class Names:
    """How names are drawn."""

    a_clip: int = 3  # from each utterance, at most
    alike: float = 0.3  # for each of these
    elsewhere: int = 250  # of other utterances
    others: int = 150  # that nobody says


class Drawing:
    """An endless, seeded stream of batches."""

    def __init__(
        self,
        clips: Sequence[Heard],
        pool: Sequence[str],
        common: frozenset[str],
        seconds: float,
        seed: int,
        plan: Names | None = None,
    ) -> None:
        """Take what is drawn from.

        Args:
            clips: that are heard.
            pool: names that are listed and not said; where one is, it counts as said.
            common: words that are hardly ever names.
            seconds: of sound in a batch.
            seed: the same draws the same.
            plan: how names are drawn.
        """
        longest = MOST_SECONDS * FRAMES_PER_SECOND
        self._clips = [clip for clip in clips if clip.words and len(clip.frames) <= longest]
        self._pool, self._common, self._seconds = pool, common, seconds
        self._plan = plan or Names()
        self._generator = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Drawn]:
        while True:
            chosen = self._generator.integers(len(self._clips), size=POOL)
            clips = sorted((self._clips[i] for i in chosen), key=lambda clip: len(clip.frames))
            groups: list[list[Heard]] = [[]]
            most = self._seconds * FRAMES_PER_SECOND
            for clip in clips:
                if (len(groups[-1]) + 1) * len(clip.frames) > most and groups[-1]:
                    groups.append([])
                groups[-1].append(clip)
            for number in self._generator.permutation(len(groups)):
                yield self._batch(groups[number])

    def _batch(self, clips: Sequence[Heard]) -> Drawn:
        names = self._names(clips)
        longest = max(len(clip.frames) for clip in clips)
        shared = np.zeros((len(clips), longest * STACK, clips[0].shared.shape[1]), np.float32)
        frames = np.zeros((len(clips), longest, clips[0].frames.shape[1]), np.float32)
        heard = np.zeros((len(clips), longest), bool)
        said = np.zeros((len(clips), len(names)), bool)
        places = {name: place for place, name in enumerate(names)}
        ends = []
        for row, clip in enumerate(clips):
            shared[row, : len(clip.shared)] = clip.shared
            frames[row, : len(clip.frames)] = clip.frames
            heard[row, : len(clip.frames)] = True
            for name, end in _spans(clip):
                if name in places:
                    said[row, places[name]] = True
                    ends.append((row, places[name], end))
        letters = numbered(names)[:, : max(map(len, names))]
        return Drawn(
            torch.from_numpy(shared), torch.from_numpy(frames), torch.from_numpy(heard),
            torch.from_numpy(letters.astype(np.int64)), torch.from_numpy(said),
            torch.tensor(ends, dtype=torch.int64).view(-1, 3),
            float(heard.sum()) / FRAMES_PER_SECOND,
        )  # fmt: skip

    def _names(self, clips: Sequence[Heard]) -> list[str]:
        """Return names of these clips, some like them, and others, none twice."""
        found: list[str] = []
        for clip in clips:
            for _ in range(self._plan.a_clip):
                name = self._of(clip.words)
                found.append(name)
                if self._generator.random() < self._plan.alike:
                    found.append(self._like(name))
        chosen = self._generator.integers(len(self._clips), size=self._plan.elsewhere)
        found += [self._of(self._clips[i].words) for i in chosen]
        chosen = self._generator.integers(len(self._pool), size=self._plan.others)
        found += [self._pool[i] for i in chosen]
        return list(dict.fromkeys(name for name in found if 1 < len(name) <= LONGEST_DRAWN))

    def _of(self, words: Sequence[str]) -> str:
        """Return a few words of a text, mostly with a rare one among them."""
        for _ in range(4):
            count = min(int(self._generator.choice(SPANS)), len(words))
            first = int(self._generator.integers(len(words) - count + 1))
            span = words[first : first + count]
            if not self._common.issuperset(span):
                break
        return " ".join(span)

    def _like(self, name: str) -> str:
        """Return another name that looks or sounds much the same."""
        draw = self._generator
        kind = draw.integers(5)
        other = self._pool[int(draw.integers(len(self._pool)))]
        if kind == 0:  # the same beginning
            cut = max(2, len(name) // 2)
            return (name[:cut] + other[cut:]).strip()
        if kind == 1:  # the same end
            cut = max(2, len(name) // 2)
            return (other[:-cut] + name[-cut:]).strip()
        if kind == 2 and " " in name:  # one word of it is another
            words = name.split()
            words[int(draw.integers(len(words)))] = other.split()[0]
            return " ".join(words)
        place = int(draw.integers(len(name)))
        if kind == 3:
            letter = LETTERS[2 + int(draw.integers(26))]
            return (name[:place] + letter + name[place + 1 :]).strip()
        return (name[:place] + name[place:].translate(LIKE)).strip()


def _spans(clip: Heard) -> Iterator[tuple[str, int]]:
    """Yield all that may be a name in a clip, with the frame in which it ends."""
    for first in range(len(clip.words)):
        for last in range(first, min(first + max(SPANS), len(clip.words))):
            yield " ".join(clip.words[first : last + 1]), clip.ends[last]
