"""What language adds to the score of a token in the search.

In: the tokens before. Out: for each token the weighted log probability of an external language
model, less that of what the transducer itself has learned of language, plus a reward that makes up
for the length of a text. The transducer's own share is estimated from predictor and joint without
sound, over all tokens but blank, as in Variani et al., "Hybrid autoregressive transducer"
(arXiv:2003.07705), and Meng et al., "Internal language model estimation for domain-adaptive
end-to-end speech recognition" (arXiv:2011.01991); here after the last token alone, which serves as
well and makes it a small table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle.recognizer.language import LanguageModel, State
from auricle.recognizer.scorer import FrameScores, Scorer
from auricle.recognizer.tokenizer import BLANK

_CACHED_ROWS = 4096  # 8 MB for 512 tokens
_CACHED_STATES = 16384
_LEAST = -12.0  # nats: what the transducer never learned is not for that made likelier still


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much language counts; 0 turns a part off."""

    language: float = 0.0  # of the external model's log probability
    internal: float = 0.0  # of the transducer's own, which is subtracted
    reward: float = 0.0  # nats for each token

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("language", "internal"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be 0 to 1, not {getattr(self, name)}.")
        if not abs(self.reward) <= 10:
            raise ArgumentError(f"reward must be -10 to 10, not {self.reward}.")


class Place(NamedTuple):
    """All of the tokens before that what language says depends on."""

    token: int  # the last one; blank before the first
    state: State  # of the external model; () without one


class Fusion:
    """The share of language in the scores of tokens."""

    def __init__(
        self, scorer: Scorer, vocabulary: int, weights: Weights, model: LanguageModel | None
    ) -> None:
        """Take the transducer's networks and the external model.

        Raises:
            ArgumentError: the external model has a weight and is missing.
        """
        if weights.language and model is None:
            raise ArgumentError(
                f"language is {weights.language}, and there is no language model: give one, or 0."
            )
        self._scorer = scorer
        self._vocabulary = vocabulary
        self._weights = weights
        self._model = model if weights.language else None
        self._internal: dict[int, NDArray[np.float32]] = {}
        self._rows: dict[Place, NDArray[np.float32]] = {}
        self._states: dict[tuple[State, int], State] = {}

    @property
    def most(self) -> float:
        """Nats that language adds to a token at most."""
        return max(0.0, self._weights.reward - self._weights.internal * _LEAST)

    def initial_state(self) -> State:
        """Return the state before the first token.

        What sentences begin with does not count: one word may be the whole command, and an
        utterance may go on after a pause.
        """
        return self._model.initial_state() if self._model else ()

    def step(self, state: State, token: int) -> State:
        """Return the state after one more token."""
        if self._model is None:
            return ()
        key = state, token
        if key not in self._states:
            if len(self._states) >= _CACHED_STATES:
                self._states = {}
            self._states[key] = self._model.step(state, token)
        return self._states[key]

    def of(self, places: Sequence[Place], width: int) -> NDArray[np.float32]:
        """Return what language adds to the score of each token.

        Args:
            places: where hypotheses stand; they may repeat.
            width: of an encoder frame.

        Returns:
            (places, vocabulary) float32, natural log; 0 for blank.

        Raises:
            ModelError: the networks give no finite scores without sound.
        """
        if len(self._rows) + len(places) > _CACHED_ROWS:
            self._rows = {}  # recomputing is cheap; this keeps memory bounded
        new = [place for place in dict.fromkeys(places) if place not in self._rows]
        for place in new:
            row = np.full(self._vocabulary, self._weights.reward, np.float32)
            if self._weights.internal:
                row -= self._weights.internal * self._without_sound(place.token, width)
            if self._model is not None:
                # A quantized probability may come out above 1.
                row += self._weights.language * np.minimum(self._model.log_probs(place.state), 0.0)
            row[BLANK] = 0.0
            self._rows[place] = row
        return np.stack([self._rows[place] for place in places])

    def _without_sound(self, token: int, width: int) -> NDArray[np.float32]:
        """Return what the transducer expects after a token (vocabulary,), natural log."""
        if token not in self._internal:
            scores = FrameScores(self._scorer, np.zeros(width, np.float32), self._vocabulary, 0)
            row = scores.of([(BLANK, token)])[0]
            spoken = np.log(np.exp(row[BLANK + 1 :]).sum())
            self._internal[token] = np.maximum(row - spoken, np.float32(_LEAST))
        return self._internal[token]
