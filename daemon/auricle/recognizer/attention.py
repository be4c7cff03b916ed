"""The attention decoder of the second pass: which piece follows, given all encoder frames.

In: encoder frames of 20 ms, chunk by chunk, and the pieces before. Out: log probabilities of the
next piece, for a few hypotheses at once. `tools/auricle_train/export_decoder.py` makes the graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPart:
    """What attention needs of one chunk of encoder frames; never changed in place."""

    keys: Floats  # (layers, heads, frames, width / heads)
    values: Floats  # (layers, heads, width / heads, frames)


class AttentionState(Protocol):
    """The pieces before of a few hypotheses of one utterance; a value, never changed in place."""

    @property
    def rows(self) -> int:
        """How many hypotheses there are."""
        ...


class AttentionScorer(Protocol):
    """Scores the next piece of hypotheses; piece 0 ends the utterance."""

    @property
    def rows(self) -> int:
        """How many hypotheses one step takes at most."""
        ...

    @property
    def places(self) -> int:
        """How many pieces may follow one another: so many steps may be taken after `begin`."""
        ...

    @property
    def frames(self) -> int:
        """How many frames of an utterance can be heard."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many pieces there are, the end among them."""
        ...

    def remember(self, encoded: Floats) -> MemoryPart:
        """Compute once what all steps need of one chunk; (frames, width) float32."""
        ...

    def begin(
        self, parts: Sequence[MemoryPart], heard: tuple[int, int]
    ) -> tuple[AttentionState, Floats]:
        """Begin an utterance.

        Args:
            parts: its chunks, in the order of time.
            heard: the first frame in them that counts, and the one after the last.

        Returns:
            The state of one hypothesis without pieces, and (1, vocabulary) float32: natural log of
            what its first piece may be.

        Raises:
            ArgumentError: no frame is heard, or more than `frames`.
        """
        ...

    def step(
        self, state: AttentionState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[AttentionState, Floats]:
        """Let hypotheses go on by a piece each.

        Args:
            state: of the step before, or of any earlier one, of any utterance.
            pieces: one for each hypothesis, at most `rows`.
            parents: for each, the row of the step before that it goes on from.

        Returns:
            The next state, and (len(pieces), vocabulary) float32: natural log of what comes next.

        Raises:
            ArgumentError: the hypotheses are too many, or too long for `places`.
        """
        ...
