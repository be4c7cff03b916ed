"""A segment: the part of an utterance that the second pass reads at once.

In: the chunks of features and CTC scores as they arrive. Out: the concatenated arrays that the
attention decoder and the CTC alignment need. The recogniser divides a long utterance at pauses;
`joined` joins the results of its segments.
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
    """Input of the second pass from one chunk."""

    features: Floats  # (n, 80) feature frames (10 ms) without the padding of the last chunk
    ctc: Floats  # (frames, vocabulary) CTC's log probabilities of the search frames (80 ms)
    names: Floats | None = None  # (keys,) best context-attention score of each key, if any, nats


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The chunks of a segment; never changed in place."""

    chunks: tuple[Chunk, ...] = ()
    skipped: int = 0  # search frames of the first chunk that come before the segment

    def take(self, chunk: Chunk, skipped: int) -> Segment:
        """Return the segment with another chunk.

        Args:
            chunk: the next chunk.
            skipped: search frames of the chunk that come before the segment, if it is the first.
        """
        return Segment((*self.chunks, chunk), self.skipped if self.chunks else skipped)

    @property
    def features(self) -> Floats:
        """(n, 80) feature frames of all chunks."""
        return np.concatenate([chunk.features for chunk in self.chunks])

    @property
    def ctc(self) -> Floats:
        """(frames, vocabulary) CTC's log probabilities of all search frames."""
        return np.concatenate([chunk.ctc for chunk in self.chunks])

    @property
    def names(self) -> Floats | None:
        """(keys,) best context-attention score of each key, nats above no-bias; None without."""
        known = [chunk.names for chunk in self.chunks if chunk.names is not None]
        best: Floats | None = np.maximum.reduce(known) if known else None
        return best


def joined(results: Sequence[Result], count: int) -> Result:
    """Return the result of consecutive segments.

    Args:
        results: result of each segment in order of time; at least one.
        count: size of the n-best list.
    """
    spoken = [result for result in results if result.text] or list(results[-1:])
    if len(spoken) == 1:
        return spoken[0]
    whole = result_of(concatenate([result.lattice for result in spoken]), count)
    return replace(
        whole,
        names=tuple(name for result in spoken for name in result.names),
        punctuated=" ".join(result.punctuated or result.text for result in spoken),
    )
