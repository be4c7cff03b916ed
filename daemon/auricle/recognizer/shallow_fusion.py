"""What language adds to the score of a token in the search.

In: the tokens before. Out: for each token the weighted log probability of the external language
models, of tokens and of words (see `word_scores.py`), less that of what the transducer itself has
learned of language, plus rewards that make up for the length of a text. The transducer's own share
is estimated from predictor and joint without sound, over all tokens but blank, as in Variani et
al., "Hybrid autoregressive transducer" (arXiv:2003.07705), and Meng et al., "Internal language
model estimation for domain-adaptive end-to-end speech recognition" (arXiv:2011.01991); here after
the last token alone, which serves as well and makes it a small table.
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
_LEAST = -12.0  # nats: what the transducer never learned is not for that made likelier still


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much language counts; 0 turns a part off."""

    language: float = 0.0  # of the log probability of the model of tokens
    internal: float = 0.0  # of the transducer's own, which is subtracted
    reward: float = 0.0  # nats for each token
    words: float = 0.0  # of the log probability of the model of words
    word_reward: float = 0.0  # nats for each word
    unknown: float = ENTRY  # nats, before `words` applies: what a word costs beyond its tokens
    # if the lexicon lacks it
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
        """Whether anything is added to what is heard."""
        return bool(self.language or self.internal or self.reward or self.words or self.word_reward)


class LanguageState(NamedTuple):
    """What the external models know of the tokens before."""

    tokens: language_model.State = ()
    words: WordState | None = None  # None: words do not count


class LanguageContext(NamedTuple):
    """All of the tokens before that what language says depends on."""

    token: int  # the last one; blank before the first
    state: LanguageState


class Fusion:
    """The share of language in the scores of tokens."""

    def __init__(
        self,
        scorer: Scorer,
        vocabulary: int,
        weights: Weights,
        model: LanguageModel | None,
        words: WordScores | None = None,
    ) -> None:
        """Take the transducer's networks and the external models, of tokens and of words.

        Raises:
            ArgumentError: an external model has a weight and is missing.
        """
        if weights.words and words is None:
            raise ArgumentError(
                f"words is {weights.words}, and there is no word language model: give one, or 0."
            )
        if weights.language and model is None:
            raise ArgumentError(
                f"language is {weights.language}, and there is no language model: give one, or 0."
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
        """Return what language adds to each token at most (vocabulary,), natural log."""
        found: NDArray[np.float32] = self._rewards - np.float32(self._weights.internal * _LEAST)
        return found

    def initial_state(self) -> LanguageState:
        """Return the state before the first token.

        To the model of tokens, what sentences begin with does not count: one word may be the whole
        command, and an utterance may go on after a pause.
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
        """Return what the end of the word in progress adds, natural log."""
        if self._words is None or state.words is None:
            return 0.0
        return self._weights.words * self._words.end(state.words)

    def of(self, places: Sequence[LanguageContext], width: int) -> NDArray[np.float32]:
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
            row = self._rewards.copy()
            if self._weights.internal:
                row -= self._weights.internal * self._without_sound(place.token, width)
            if self._model is not None:
                # A quantized probability may come out above 1.
                scores = self._model.log_probs(place.state.tokens)
                row += self._weights.language * np.minimum(scores, 0.0)
            if self._words is not None and place.state.words is not None:
                row += np.float32(self._weights.words) * self._words.gains(place.state.words)
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
