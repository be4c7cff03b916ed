"""The hypotheses of the beam search, and how those with the same future are merged.

In: the candidates of a frame with their scores. Out: one candidate per `HypothesisKey`. The better
one continues; the other stays in its word history as an alternative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import scorer
from auricle.recognizer import acoustic, word_history
from auricle.recognizer.acoustic import Mixture, Streams
from auricle.recognizer.shallow_fusion import LanguageState
from auricle.recognizer.transducer import Context
from auricle.recognizer.word_history import HistoryLimits, WordLink, WordLinks


class HypothesisKey(NamedTuple):
    """Everything that the future scores of a hypothesis depend on."""

    context: Context
    word: str
    language: LanguageState | None
    names: scorer.TokenScorerState | None


@dataclass(frozen=True, slots=True, eq=False)
class BeamHypothesis:
    """A token sequence in the beam, with its word histories."""

    context: Context  # its last two tokens
    word: str  # word in progress, without the mark of its start
    branches: tuple[WordLink, ...]  # word histories before that word, best first
    graph: float  # natural log graph score of the best history: language models and names
    language: LanguageState | None = None  # state of the external language models, if any
    names: scorer.TokenScorerState | None = None  # state of the name scorer, if names are favoured
    parent: HypothesisKey | None = None  # its key before its last token
    key: HypothesisKey = field(init=False)  # hypotheses with equal keys are merged

    def __post_init__(self) -> None:
        """Compute the key once: it is used often."""
        key = HypothesisKey(self.context, self.word, self.language, self.names)
        object.__setattr__(self, "key", key)

    def with_histories(self, branches: tuple[WordLink, ...], graph: float) -> BeamHypothesis:
        """Return the hypothesis with other word histories."""
        if branches is self.branches and graph == self.graph:
            return self
        same = self.context, self.word, branches, graph, self.language, self.names, self.parent
        return BeamHypothesis(*same)


class FrameCandidate(NamedTuple):
    """A hypothesis after the current frame, before pruning."""

    hypothesis: BeamHypothesis
    score: float  # natural log, acoustic plus graph score
    blanks: float  # sum of blank probabilities since its last token
    streams: Streams  # components of the score


class Parents(NamedTuple):
    """Hypotheses that may emit a token."""

    hypotheses: Sequence[BeamHypothesis]
    scores: NDArray[np.float64]  # (hypotheses,) natural log
    streams: NDArray[np.float64]  # (hypotheses, 3) components of the scores

    @property
    def last(self) -> list[int]:
        """The last token of each hypothesis."""
        return [hypothesis.context[1] for hypothesis in self.hypotheses]


class HypothesisPool:
    """Collects the candidates of a frame and merges those with equal keys."""

    def __init__(self, limits: HistoryLimits, mixture: Mixture, lowest: float) -> None:
        self._limits, self._mixture, self._lowest = limits, mixture, lowest
        self._candidates: dict[HypothesisKey, FrameCandidate] = {}

    def add_all(
        self,
        hypotheses: Sequence[BeamHypothesis],
        streams: NDArray[np.float64],
        blanks: NDArray[np.float64],
    ) -> None:
        """Add hypotheses.

        Args:
            hypotheses: n hypotheses.
            streams: (n, 3) components of their scores.
            blanks: (n,) sums of blank probabilities since the last token.
        """
        scores = self._mixture.scores(streams, self._lowest).tolist()
        columns = hypotheses, scores, blanks.tolist(), streams.tolist()
        for hypothesis, score, blank, three in zip(*columns, strict=True):
            self.add(FrameCandidate(hypothesis, score, blank, Streams(*three)))

    def add(self, candidate: FrameCandidate) -> None:
        """Add a candidate; merge it with one of the same key."""
        key = candidate.hypothesis.key
        known = self._candidates.get(key)
        self._candidates[key] = candidate if known is None else self._join(known, candidate)

    def _join(self, one: FrameCandidate, other: FrameCandidate) -> FrameCandidate:
        """Return the merge of two candidates with the same key."""
        better, worse = (one, other) if one.score >= other.score else (other, one)
        ways = word_history.merge(
            WordLinks(better.hypothesis.branches, better.score, better.hypothesis.graph),
            WordLinks(worse.hypothesis.branches, worse.score, worse.hypothesis.graph),
            self._limits,
        )
        if _words_of(better) == _words_of(worse):
            streams = better.streams.joined(worse.streams)
        else:
            streams = better.streams.plus(ways.score - better.score)
        hypothesis = better.hypothesis.with_histories(ways.branches, ways.graph)
        score = self._mixture.score(streams, self._lowest)
        return FrameCandidate(hypothesis, score, better.blanks, streams)

    def parents(self) -> Parents:
        """Return all candidates in order of arrival, as parents of the next token."""
        some = self._candidates.values()
        streams = acoustic.array_of([candidate.streams for candidate in some])
        return Parents(self.hypotheses(), self.scores(), streams)

    def hypotheses(self) -> tuple[BeamHypothesis, ...]:
        """Return all hypotheses in order of arrival."""
        return tuple(candidate.hypothesis for candidate in self._candidates.values())

    def scores(self) -> NDArray[np.float64]:
        """Return the scores of all hypotheses in the same order, natural log."""
        return np.array([candidate.score for candidate in self._candidates.values()])

    def ranked(self) -> list[FrameCandidate]:
        """Return all candidates, best first."""
        return sorted(self._candidates.values(), key=lambda candidate: -candidate.score)


def _words_of(candidate: FrameCandidate) -> bytes:
    """Return the digest of the words before the one in progress."""
    return candidate.hypothesis.branches[0].source.identity
