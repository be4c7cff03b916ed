"""Interface between the beam search and the predictor and joint networks.

In: one search frame (80 ms) from the encoder and the last two tokens of each hypothesis. Out: the
log probabilities of all tokens, checked, and computed once per context. `encoder.py` implements
`Scorer` with TFLite graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError

Context = tuple[int, int]  # the last two tokens; blank before the first


class Scorer(Protocol):
    """The predictor and joint networks."""

    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[Context]
    ) -> NDArray[np.float32]:
        """Return the log probabilities of all tokens after each context.

        Args:
            frame: (encoder_dim,) float32, search frame from the encoder.
            contexts: distinct contexts.

        Returns:
            (len(contexts), vocabulary) float32, natural log.
        """
        ...


class FrameScores:
    """The scores of one search frame, computed once per context."""

    def __init__(
        self, scorer: Scorer, frame: NDArray[np.float32], vocabulary: int, index: int
    ) -> None:
        """Begin a frame.

        Args:
            scorer: predictor and joint.
            frame: (encoder_dim,) float32, search frame from the encoder.
            vocabulary: number of tokens that the scorer must give, for the check.
            index: number of the frame, for error messages.
        """
        self._scorer = scorer
        self._frame = frame
        self._vocabulary = vocabulary
        self._index = index
        self._rows: dict[Context, NDArray[np.float32]] = {}

    def of(self, contexts: Sequence[Context]) -> NDArray[np.float32]:
        """Return log probabilities (contexts, vocabulary) float32; contexts may repeat."""
        new = [context for context in dict.fromkeys(contexts) if context not in self._rows]
        if new:
            computed = self._compute(new)
            self._rows.update(zip(new, computed, strict=True))
            if len(new) == len(contexts):
                return computed
        return np.stack([self._rows[context] for context in contexts])

    def _compute(self, contexts: Sequence[Context]) -> NDArray[np.float32]:
        """Run the networks and check their output."""
        log_probs = self._scorer.log_probs(self._frame, contexts)
        expected = (len(contexts), self._vocabulary)
        if log_probs.shape != expected:
            raise ModelError(
                f"joint network gives scores of shape {log_probs.shape}, not {expected}: "
                f"the model and its token list must come from one bundle."
            )
        if not np.isfinite(log_probs).all():
            raise ModelError(
                f"joint network gives scores that are not finite at search frame {self._index}: "
                f"the model is damaged, reinstall its bundle."
            )
        return log_probs
