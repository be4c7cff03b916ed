"""Samples training batches of the context attention: utterances, spoken and unspoken names.

In: aligned utterances and distractor names. Out: an endless stream of `Drawn`. Any one to three
words of a transcript may be a name, as in "Deep context" (Pundak et al., SLT 2018), preferably with
a rare word. Most unspoken names come from transcripts too; otherwise their letters would give them
away. Some are spelled like a spoken name, because a list of ten thousand names has many of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auricle.biasing.context_attention import LETTERS, numbered
from auricle_train.context_attention.word_alignment import AlignedUtterance
from auricle_train.top.data import SEARCH_SECONDS

MOST_SECONDS = 16.0
POOL = 256  # utterances sorted by length together
SPANS = (1, 1, 1, 2, 2, 3)  # distribution of the number of words in a name
LONGEST_DRAWN = 18  # maximum letters; longer names are not worth their cost
LIKE = str.maketrans("bcdefgiklmnoprstuvyz", "pktivjeknmnobrztovis")  # letters that sound alike


@dataclass
class Drawn:
    """A batch."""

    stacked: Tensor  # (batch, n, inputs) float32: encoder frames, stacked to search frames
    heard: Tensor  # (batch, n) bool: search frames that are not padding
    letters: Tensor  # (names, letters) int64
    said: Tensor  # (batch, names) bool: whether a name is spoken in an utterance
    ends: Tensor  # (occurrences, 3) int64: utterance, name, search frame of its last token
    seconds: float


@dataclass(frozen=True)
class Names:
    """How names are sampled."""

    a_clip: int = 3  # maximum names from each utterance
    alike: float = 0.3  # probability of a similar name for each of these
    elsewhere: int = 250  # names from random utterances
    others: int = 150  # distractor names


class Drawing:
    """An endless, seeded stream of batches."""

    def __init__(
        self,
        utterances: Sequence[AlignedUtterance],
        pool: Sequence[str],
        common: frozenset[str],
        seconds: float,
        seed: int,
        plan: Names | None = None,
    ) -> None:
        """Create the stream.

        Args:
            utterances: aligned utterances; empty and longer ones than MOST_SECONDS are skipped.
            pool: distractor names; if one occurs in an utterance, it counts as spoken.
            common: words that are rarely names.
            seconds: audio per batch.
            seed: equal seeds give equal batches.
            plan: how names are sampled.
        """
        longest = MOST_SECONDS / SEARCH_SECONDS
        self._utterances = [one for one in utterances if one.words and one.frames <= longest]
        self._pool, self._common, self._seconds = pool, common, seconds
        self._plan = plan or Names()
        self._generator = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Drawn]:
        while True:
            chosen = self._generator.integers(len(self._utterances), size=POOL)
            pool = sorted((self._utterances[i] for i in chosen), key=lambda one: one.frames)
            groups: list[list[AlignedUtterance]] = [[]]
            most = self._seconds / SEARCH_SECONDS
            for one in pool:
                if (len(groups[-1]) + 1) * one.frames > most and groups[-1]:
                    groups.append([])
                groups[-1].append(one)
            for number in self._generator.permutation(len(groups)):
                yield self._batch(groups[number])

    def _batch(self, utterances: Sequence[AlignedUtterance]) -> Drawn:
        names = self._names(utterances)
        longest = max(one.frames for one in utterances)
        rows = [one.utterance.stacked() for one in utterances]
        stacked = np.zeros((len(rows), longest, rows[0].shape[1]), np.float32)
        heard = np.zeros((len(rows), longest), bool)
        said = np.zeros((len(rows), len(names)), bool)
        places = {name: place for place, name in enumerate(names)}
        ends = []
        for row, (one, frames) in enumerate(zip(utterances, rows, strict=True)):
            stacked[row, : len(frames)] = frames
            heard[row, : len(frames)] = True
            for name, end in _spans(one):
                if name in places:
                    said[row, places[name]] = True
                    ends.append((row, places[name], end))
        letters = numbered(names)[:, : max(map(len, names))]
        return Drawn(
            torch.from_numpy(stacked), torch.from_numpy(heard),
            torch.from_numpy(letters.astype(np.int64)), torch.from_numpy(said),
            torch.tensor(ends, dtype=torch.int64).view(-1, 3),
            float(heard.sum()) * SEARCH_SECONDS,
        )  # fmt: skip

    def _names(self, utterances: Sequence[AlignedUtterance]) -> list[str]:
        """Return distinct names, sorted by length: from these utterances, similar ones, others."""
        found: list[str] = []
        for one in utterances:
            for _ in range(self._plan.a_clip):
                name = self._of(one.words)
                found.append(name)
                if self._generator.random() < self._plan.alike:
                    found.append(self._like(name))
        chosen = self._generator.integers(len(self._utterances), size=self._plan.elsewhere)
        found += [self._of(self._utterances[i].words) for i in chosen]
        chosen = self._generator.integers(len(self._pool), size=self._plan.others)
        found += [self._pool[i] for i in chosen]
        found = [name for name in dict.fromkeys(found) if 1 < len(name) <= LONGEST_DRAWN]
        return sorted(found, key=len)

    def _of(self, words: Sequence[str]) -> str:
        """Return one to three words of a text, usually with a rare word."""
        for _ in range(4):
            count = min(int(self._generator.choice(SPANS)), len(words))
            first = int(self._generator.integers(len(words) - count + 1))
            span = words[first : first + count]
            if not self._common.issuperset(span):
                break
        return " ".join(span)

    def _like(self, name: str) -> str:
        """Return another name with similar spelling or sound."""
        draw = self._generator
        kind = draw.integers(5)
        other = self._pool[int(draw.integers(len(self._pool)))]
        if kind == 0:  # same start
            cut = max(2, len(name) // 2)
            return (name[:cut] + other[cut:]).strip()
        if kind == 1:  # same end
            cut = max(2, len(name) // 2)
            return (other[:-cut] + name[-cut:]).strip()
        if kind == 2 and " " in name:  # one word replaced
            words = name.split()
            words[int(draw.integers(len(words)))] = other.split()[0]
            return " ".join(words)
        place = int(draw.integers(len(name)))
        if kind == 3:
            letter = LETTERS[2 + int(draw.integers(26))]
            return (name[:place] + letter + name[place + 1 :]).strip()
        return (name[:place] + name[place:].translate(LIKE)).strip()


def _spans(one: AlignedUtterance) -> Iterator[tuple[str, int]]:
    """Yield all possible names in an utterance with the search frame of their end."""
    for first in range(len(one.words)):
        for last in range(first, min(first + max(SPANS), len(one.words))):
            yield " ".join(one.words[first : last + 1]), one.ends[last]
