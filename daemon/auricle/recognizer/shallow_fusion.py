"""Shallow fusion: adds language-model scores to the tokens of the beam search.

In: the tokens of a hypothesis so far, as a `LanguageContext`. Out: for each next token the weighted
log probability of the token language model and of the word language model (`word_scores.py`), minus
the weighted internal language model, plus rewards that compensate for the length of a text.

The internal language model is what the transducer itself has learned of language. It is estimated
with predictor and joint on a zero encoder frame, over all tokens but blank, as in Variani et al.,
"Hybrid autoregressive transducer" (arXiv:2003.07705), and Meng et al., "Internal language model
estimation for domain-adaptive end-to-end speech recognition" (arXiv:2011.01991). Here it depends
only on the last token, which works as well and needs only a small table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle.recognizer import language_model
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.transducer import FrameScores, Scorer
from auricle.recognizer.word_scores import ENTRY, WordScores, WordState
from auricle.tokenizer import BLANK

_CACHED_ROWS = 4096  # 8 MB for 512 tokens
_CACHED_STATES = 16384
_LEAST = -12.0  # nats: floor of the internal language model, which bounds what it can add


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the components of a score; 0 turns a component off."""

    language: float = 0.0  # token language model
    internal: float = 0.0  # internal language model, which is subtracted
    reward: float = 0.0  # nats per token
    words: float = 0.0  # word language model
    word_reward: float = 0.0  # nats per word
    unknown: float = ENTRY  # nats for a word not in the lexicon, in addition to its tokens,
    # before it is multiplied by `words`
    ctc: float = 0.0  # share of CTC in the acoustic score; the rest is the transducer's

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("language", "internal", "words", "ctc"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be 0 to 1, not {getattr(self, name)}.")
        for name in ("reward", "word_reward"):
            if not abs(getattr(self, name)) <= 10:
                raise ArgumentError(f"{name} must be -10 to 10, not {getattr(self, name)}.")
        if not -100 <= self.unknown < 0:
            raise ArgumentError(f"unknown must be -100 to below 0, not {self.unknown}.")

    @property
    def of_language(self) -> bool:
        """Whether any language score or reward is added to the acoustic score."""
        return bool(self.language or self.internal or self.reward or self.words or self.word_reward)


class LanguageState(NamedTuple):
    """States of the external language models."""

    tokens: language_model.State = ()
    words: WordState | None = None  # None: no word language model


class LanguageContext(NamedTuple):
    """Everything about earlier tokens that the language scores depend on."""

    token: int  # last token; blank before the first
    state: LanguageState


class Fusion:
    """Computes the language scores of tokens; its caches do not change any result."""

    def __init__(
        self,
        scorer: Scorer,
        vocabulary: int,
        weights: Weights,
        model: LanguageModel | None,
        words: WordScores | None = None,
    ) -> None:
        """Join the models.

        Args:
            scorer: predictor and joint, for the internal language model.
            vocabulary: number of tokens, including blank.
            weights: weights of the components.
            model: token language model, if there is one.
            words: scores of the word language model, if there is one.

        Raises:
            ArgumentError: an external model has a weight but is missing.
        """
        if weights.words and words is None:
            raise ArgumentError(
                f"words is {weights.words}, but there is no word language model: give one, or 0."
            )
        if weights.language and model is None:
            raise ArgumentError(
                f"language is {weights.language}, but there is no token language model: "
                "give one, or 0."
            )
        self._scorer = scorer
        self._vocabulary = vocabulary
        self._weights = weights
        self._model = model if weights.language else None
        self._words = words if weights.words else None
        self._rewards = np.full(vocabulary, weights.reward, np.float32)
        if words is not None:
            self._rewards[words.starts] += np.float32(weights.word_reward)
        self._internal: dict[int, NDArray[np.float32]] = {}
        self._rows: dict[LanguageContext, NDArray[np.float32]] = {}
        self._states: dict[tuple[LanguageState, int], LanguageState] = {}

    @property
    def most(self) -> NDArray[np.float32]:
        """Upper bound of the language score of each token (vocabulary,), natural log."""
        found: NDArray[np.float32] = self._rewards - np.float32(self._weights.internal * _LEAST)
        return found

    def initial_state(self) -> LanguageState:
        """Return the state before the first token.

        The token language model starts without the beginning of a sentence as context: a command
        may be a single word, and an utterance may continue after a pause.
        """
        return LanguageState(
            self._model.initial_state() if self._model else (),
            self._words.initial_state() if self._words else None,
        )

    def step(self, state: LanguageState, token: int) -> LanguageState:
        """Return the state after one more token."""
        key = state, token
        known = self._states.get(key)
        if known is None:
            if len(self._states) >= _CACHED_STATES:
                self._states = {}
            known = self._states[key] = LanguageState(
                self._model.step(state.tokens, token) if self._model else (),
                self._words.step(state.words, token) if self._words and state.words else None,
            )
        return known

    def end(self, state: LanguageState) -> float:
        """Return the score of the end of the word in progress, natural log."""
        if self._words is None or state.words is None:
            return 0.0
        return self._weights.words * self._words.end(state.words)

    def of(self, places: Sequence[LanguageContext], width: int) -> NDArray[np.float32]:
        """Return the language score of each token.

        Args:
            places: contexts of hypotheses; may repeat.
            width: encoder_dim.

        Returns:
            (places, vocabulary) float32, natural log; 0 for blank.

        Raises:
            ModelError: the scores of the internal language model are not finite.
        """
        if len(self._rows) + len(places) > _CACHED_ROWS:
            self._rows = {}  # recomputing is cheap; this keeps memory bounded
        new = [place for place in dict.fromkeys(places) if place not in self._rows]
        for place in new:
            row = self._rewards.copy()
            if self._weights.internal:
                row -= self._weights.internal * self._internal_log_probs(place.token, width)
            if self._model is not None:
                # Quantization may give a probability above 1.
                scores = self._model.log_probs(place.state.tokens)
                row += self._weights.language * np.minimum(scores, 0.0)
            if self._words is not None and place.state.words is not None:
                row += np.float32(self._weights.words) * self._words.gains(place.state.words)
            row[BLANK] = 0.0
            self._rows[place] = row
        return np.stack([self._rows[place] for place in places])

    def _internal_log_probs(self, token: int, width: int) -> NDArray[np.float32]:
        """Return the internal language model's log probabilities after a token (vocabulary,)."""
        if token not in self._internal:
            scores = FrameScores(self._scorer, np.zeros(width, np.float32), self._vocabulary, 0)
            row = scores.of([(BLANK, token)])[0]
            total = np.log(np.exp(row[BLANK + 1 :]).sum())
            self._internal[token] = np.maximum(row - total, np.float32(_LEAST))
        return self._internal[token]
