"""The forward probabilities of hypotheses, by the transducer and by CTC, and what both make.

In: what the networks say of a frame. Out: for each hypothesis three streams, natural log: the
transducer's forward probability (Graves, arXiv:1211.3711), and CTC's of the alignments that end
with blank and with the last token (the prefix search of Hannun et al., arXiv:1408.2873). Each holds
the graph score as well, so that any mixture of them does. The score is log-linear: `ctc` of CTC's,
the rest of the transducer's.

Both emit a token each at a frame of its own, and the beam may lose the alignments of one of them.
So what CTC gives a hypothesis is never less than `FLOOR` below what it gives the best: from there
it goes on as if CTC had just emitted the last token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.lattice.lattice import log_add
from auricle.tokenizer import BLANK

Floats = NDArray[np.float64]
FLOOR = 12.0  # nats
NOTHING = -math.inf


class Streams(NamedTuple):
    """Of one hypothesis; natural log, the graph score included."""

    transducer: float
    blank: float  # CTC: the last frame was blank
    token: float  # CTC: the last frame was the last token

    def plus(self, nats: float) -> Streams:
        """Return them with as much more in each."""
        return Streams(self.transducer + nats, self.blank + nats, self.token + nats)

    def joined(self, other: Streams) -> Streams:
        """Return those of both sets of alignments together."""
        return Streams(*map(log_add, self, other))


BEGINNING = Streams(0.0, 0.0, NOTHING)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Makes one score of the streams."""

    ctc: float = 0.0  # share of CTC, 0 to 1
    floor: float = FLOOR  # nats below the best, at which CTC's score is held

    def lowest(self, streams: Floats) -> float:
        """Return where CTC's score is held in a frame, given all streams (n, 3) without a token."""
        if not self.ctc:
            return NOTHING
        return float(np.logaddexp(streams[:, 1], streams[:, 2]).max()) - self.floor

    def held(self, streams: Floats, lowest: float) -> Floats:
        """Return streams (n, 3) with none of CTC's below the lowest; those given may change."""
        if self.ctc:
            low = np.logaddexp(streams[:, 1], streams[:, 2]) < lowest
            streams[low, 1], streams[low, 2] = NOTHING, lowest
        return streams

    def scores(self, streams: Floats, lowest: float) -> Floats:
        """Return the score of each hypothesis (n,) of streams (n, 3)."""
        if not self.ctc:
            return streams[:, 0]
        heard = np.maximum(np.logaddexp(streams[:, 1], streams[:, 2]), lowest)
        found: Floats = (1.0 - self.ctc) * streams[:, 0] + self.ctc * heard
        return found

    def score(self, streams: Streams, lowest: float) -> float:
        """Return the score of one hypothesis."""
        if not self.ctc:
            return streams.transducer
        heard = max(log_add(streams.blank, streams.token), lowest)
        return (1.0 - self.ctc) * streams.transducer + self.ctc * heard

    def stay(
        self,
        streams: Floats,
        blank: NDArray[np.float32],
        ctc: NDArray[np.float32] | None,
        last: list[int],
    ) -> Floats:
        """Return the streams after a frame without a new token.

        Args:
            streams: (n, 3) before it.
            blank: (n,) the transducer's log probability of blank.
            ctc: (vocabulary,) CTC's of all tokens; not needed without a share of CTC.
            last: last token of each hypothesis; blank before the first.
        """
        stayed = streams.copy()
        stayed[:, 0] += blank
        if self.ctc and ctc is not None:
            stayed[:, 1] = np.logaddexp(streams[:, 1], streams[:, 2]) + ctc[BLANK]
            stayed[:, 2] += ctc[last]
        return stayed

    def extended(self, streams: Floats, ctc: NDArray[np.float32] | None, last: list[int]) -> Floats:
        """Return CTC's score of each hypothesis after one more token of any kind.

        Args:
            streams: (n, 3) before the frame.
            ctc: (vocabulary,); None: the frame has had its token.
            last: see `stay`.

        Returns:
            (n, vocabulary) natural log, without what language adds; (n, 1) where all are alike.
        """
        if not self.ctc or ctc is None:
            return np.full((len(streams), 1), NOTHING)
        found: Floats = np.logaddexp(streams[:, 1], streams[:, 2])[:, np.newaxis] + ctc
        rows = np.arange(len(streams))
        # The same token again has to have a blank before it.
        found[rows, last] = streams[:, 1] + ctc[last]
        return found

    def mixed(self, transducer: Floats, ctc: Floats, lowest: float) -> Floats:
        """Return the scores of extensions, given both of their scores (n, vocabulary)."""
        if not self.ctc:
            return transducer
        found: Floats = (1.0 - self.ctc) * transducer + self.ctc * np.maximum(ctc, lowest)
        return found


def array_of(streams: list[Streams]) -> Floats:
    """Return the streams of hypotheses as an array (n, 3)."""
    return np.array(streams, np.float64).reshape(-1, 3)
