"""A phrase: as much of an utterance as the second pass takes in at once.

In: chunks of features and of the encoder, as they come. Out: what attention and alignment need of
them. A long utterance is divided where its speaker pauses; the results of its phrases are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.lattice.lattice import concatenate
from auricle.lattice.result import Result, result_of

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What the second pass needs of one chunk."""

    features: Floats  # (n, 80): log-mel, 10 ms each, without the filling of the last chunk
    ctc: Floats  # (frames, vocabulary): CTC's log probabilities of the searched frames, 80 ms each
    names: Floats | None = None  # (keys,): the best score of each name in it, if any are listed


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The chunks of a phrase; never changed in place."""

    chunks: tuple[Chunk, ...] = ()
    skipped: int = 0  # search frames at the start of the first chunk that are not of it

    def take(self, chunk: Chunk, skipped: int) -> Segment:
        """Return the phrase with another chunk, of which `skipped` search frames were not used."""
        return Segment((*self.chunks, chunk), self.skipped if self.chunks else skipped)

    @property
    def features(self) -> Floats:
        """(n, 80) of its chunks."""
        return np.concatenate([chunk.features for chunk in self.chunks])

    @property
    def ctc(self) -> Floats:
        """(frames, vocabulary): CTC's log probabilities of its search frames."""
        return np.concatenate([chunk.ctc for chunk in self.chunks])

    @property
    def names(self) -> Floats | None:
        """(keys,): the best score of each name in it, nats against no name."""
        known = [chunk.names for chunk in self.chunks if chunk.names is not None]
        best: Floats | None = np.maximum.reduce(known) if known else None
        return best


def joined(results: Sequence[Result], count: int) -> Result:
    """Return the result of phrases that follow one another.

    Args:
        results: of each phrase, in the order of time; at least one.
        count: readings to give.
    """
    spoken = [result for result in results if result.text] or list(results[-1:])
    if len(spoken) == 1:
        return spoken[0]
    whole = result_of(concatenate([result.lattice for result in spoken]), count)
    return replace(whole, names=tuple(name for result in spoken for name in result.names))
