"""The hypotheses of the search, and how those with the same future become one.

In: hypotheses with what the networks give them in a frame. Out: one for each future; the better one
goes on, the other stays in its history as an alternative.
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
    """All that the future of a hypothesis depends on."""

    context: Context
    word: str
    language: LanguageState | None
    names: scorer.TokenScorerState | None


@dataclass(frozen=True, slots=True, eq=False)
class BeamHypothesis:
    """A sequence of tokens that may be what was said, and the histories that it stands for."""

    context: Context
    word: str  # the word in progress, without the mark of its start
    branches: tuple[WordLink, ...]  # the ways into that word
    graph: float  # natural log score of language model and context on the best way
    language: LanguageState | None = None  # of the external language models, if there are some
    names: scorer.TokenScorerState | None = (
        None  # of the names that are favoured; None: there are none
    )
    parent: HypothesisKey | None = None  # what it was before its last token
    key: HypothesisKey = field(init=False)  # hypotheses of equal keys are continued as one

    def __post_init__(self) -> None:
        """Make the key, which is asked for often."""
        key = HypothesisKey(self.context, self.word, self.language, self.names)
        object.__setattr__(self, "key", key)

    def rewritten(self, branches: tuple[WordLink, ...], graph: float) -> BeamHypothesis:
        """Return the same with other histories."""
        if branches is self.branches and graph == self.graph:
            return self
        same = self.context, self.word, branches, graph, self.language, self.names, self.parent
        return BeamHypothesis(*same)


class FrameCandidate(NamedTuple):
    """A hypothesis within a frame."""

    hypothesis: BeamHypothesis
    score: float
    blanks: float
    streams: Streams


class Parents(NamedTuple):
    """Hypotheses that may emit a token."""

    hypotheses: Sequence[BeamHypothesis]
    scores: NDArray[np.float64]  # (hypotheses,)
    streams: NDArray[np.float64]  # (hypotheses, 3)

    @property
    def last(self) -> list[int]:
        """The last token of each."""
        return [hypothesis.context[1] for hypothesis in self.hypotheses]


class HypothesisPool:
    """Hypotheses that are alike in all that the future depends on become one."""

    def __init__(self, limits: HistoryLimits, mixture: Mixture, lowest: float) -> None:
        self._limits, self._mixture, self._lowest = limits, mixture, lowest
        self._candidates: dict[HypothesisKey, FrameCandidate] = {}

    def add_all(
        self,
        hypotheses: Sequence[BeamHypothesis],
        streams: NDArray[np.float64],
        blanks: NDArray[np.float64],
    ) -> None:
        """Add hypotheses with their streams (n, 3) and blanks (n,)."""
        scores = self._mixture.scores(streams, self._lowest).tolist()
        columns = hypotheses, scores, blanks.tolist(), streams.tolist()
        for hypothesis, score, blank, three in zip(*columns, strict=True):
            self.add(FrameCandidate(hypothesis, score, blank, Streams(*three)))

    def add(self, candidate: FrameCandidate) -> None:
        """Add a hypothesis to those that are there."""
        key = candidate.hypothesis.key
        known = self._candidates.get(key)
        self._candidates[key] = candidate if known is None else self._join(known, candidate)

    def _join(self, one: FrameCandidate, other: FrameCandidate) -> FrameCandidate:
        """Return the hypothesis that stands for both."""
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
        hypothesis = better.hypothesis.rewritten(ways.branches, ways.graph)
        score = self._mixture.score(streams, self._lowest)
        return FrameCandidate(hypothesis, score, better.blanks, streams)

    def parents(self) -> Parents:
        """Return all, in the order in which they came."""
        some = self._candidates.values()
        streams = acoustic.array_of([candidate.streams for candidate in some])
        return Parents(self.hypotheses(), self.scores(), streams)

    def hypotheses(self) -> tuple[BeamHypothesis, ...]:
        """Return all, in the order in which they came."""
        return tuple(candidate.hypothesis for candidate in self._candidates.values())

    def scores(self) -> NDArray[np.float64]:
        """Return their scores, natural log."""
        return np.array([candidate.score for candidate in self._candidates.values()])

    def ranked(self) -> list[FrameCandidate]:
        """Return all, best first."""
        return sorted(self._candidates.values(), key=lambda candidate: -candidate.score)


def _words_of(candidate: FrameCandidate) -> bytes:
    """Return what tells the words before the one in progress from others."""
    return candidate.hypothesis.branches[0].source.identity
