"""Acoustic score of hypotheses: a mixture of the transducer's and CTC's forward probabilities.

In: the log probabilities of both networks for a search frame. Out: for each hypothesis three
"streams", natural log: the forward probability of the transducer (Graves, arXiv:1211.3711), and
CTC's forward probabilities of the alignments that end with blank and with the last token (the
prefix search of Hannun et al., arXiv:1408.2873). Each stream includes the graph score, so any
mixture of streams does. The score is log-linear with weight `Mixture.ctc` for CTC and the rest for
the transducer.

Transducer and CTC may emit the same token at different frames, and the beam may drop the alignments
of one of them. CTC's score of a hypothesis is therefore never more than `FLOOR` below that of the
best one; a hypothesis at the floor continues as if CTC had just emitted its last token.
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
    """Forward probabilities of one hypothesis, natural log, including the graph score."""

    transducer: float
    blank: float  # CTC's alignments that end with blank
    token: float  # CTC's alignments that end with the last token

    def plus(self, nats: float) -> Streams:
        """Return the streams with `nats` added to each."""
        return Streams(self.transducer + nats, self.blank + nats, self.token + nats)

    def joined(self, other: Streams) -> Streams:
        """Return the streams of both sets of alignments together."""
        return Streams(*map(log_add, self, other))


BEGINNING = Streams(0.0, 0.0, NOTHING)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Combines the streams of a hypothesis into its score."""

    ctc: float = 0.0  # weight of CTC, 0 to 1
    floor: float = FLOOR  # nats by which CTC's score may fall below the best one

    def lowest(self, streams: Floats) -> float:
        """Return the floor of CTC's score in a frame.

        Args:
            streams: (n, 3) streams of all hypotheses that emit no token in the frame.
        """
        if not self.ctc:
            return NOTHING
        return float(np.logaddexp(streams[:, 1], streams[:, 2]).max()) - self.floor

    def held(self, streams: Floats, lowest: float) -> Floats:
        """Return streams (n, 3) with CTC's raised to `lowest`; may change the array given."""
        if self.ctc:
            low = np.logaddexp(streams[:, 1], streams[:, 2]) < lowest
            streams[low, 1], streams[low, 2] = NOTHING, lowest
        return streams

    def scores(self, streams: Floats, lowest: float) -> Floats:
        """Return the score (n,) of each hypothesis, given its streams (n, 3)."""
        if not self.ctc:
            return streams[:, 0]
        ctc_scores = np.maximum(np.logaddexp(streams[:, 1], streams[:, 2]), lowest)
        scores: Floats = (1.0 - self.ctc) * streams[:, 0] + self.ctc * ctc_scores
        return scores

    def score(self, streams: Streams, lowest: float) -> float:
        """Return the score of one hypothesis."""
        if not self.ctc:
            return streams.transducer
        ctc_score = max(log_add(streams.blank, streams.token), lowest)
        return (1.0 - self.ctc) * streams.transducer + self.ctc * ctc_score

    def stay(
        self,
        streams: Floats,
        blank: NDArray[np.float32],
        ctc: NDArray[np.float32] | None,
        last: list[int],
    ) -> Floats:
        """Return the streams after a frame without a new token.

        Args:
            streams: (n, 3) streams before the frame.
            blank: (n,) the transducer's log probability of blank.
            ctc: (vocabulary,) CTC's log probabilities; None if CTC has no weight.
            last: last token of each hypothesis; blank before the first token.
        """
        stayed = streams.copy()
        stayed[:, 0] += blank
        if self.ctc and ctc is not None:
            stayed[:, 1] = np.logaddexp(streams[:, 1], streams[:, 2]) + ctc[BLANK]
            stayed[:, 2] += ctc[last]
        return stayed

    def extended(self, streams: Floats, ctc: NDArray[np.float32] | None, last: list[int]) -> Floats:
        """Return CTC's score of each hypothesis after each possible token.

        Args:
            streams: (n, 3) streams before the frame.
            ctc: (vocabulary,) CTC's log probabilities; None if CTC cannot emit another token.
            last: last token of each hypothesis; blank before the first token.

        Returns:
            (n, vocabulary) natural log without the graph score of the new token; (n, 1) if CTC
            scores no token.
        """
        if not self.ctc or ctc is None:
            return np.full((len(streams), 1), NOTHING)
        found: Floats = np.logaddexp(streams[:, 1], streams[:, 2])[:, np.newaxis] + ctc
        rows = np.arange(len(streams))
        # CTC can repeat a token only after a blank.
        found[rows, last] = streams[:, 1] + ctc[last]
        return found

    def mixed(self, transducer: Floats, ctc: Floats, lowest: float) -> Floats:
        """Return the scores of extensions, given the transducer's and CTC's (n, vocabulary)."""
        if not self.ctc:
            return transducer
        found: Floats = (1.0 - self.ctc) * transducer + self.ctc * np.maximum(ctc, lowest)
        return found


def array_of(streams: list[Streams]) -> Floats:
    """Return the streams of hypotheses as an array (n, 3)."""
    return np.array(streams, np.float64).reshape(-1, 3)
