"""Time-synchronous beam search through the transducer.

In: encoder frames, in chunks of any size. Out: the best text so far and the silence behind it;
at any moment the words, the n-best list and the lattice. The state never changes in place, so
that a copy costs nothing and a peek at the future disturbs nothing.

The search is that of Graves, "Sequence transduction with recurrent neural networks"
(arXiv:1211.3711), run in step with time and with a bound on the symbols of a frame, as the TSD of
Saon, Tüske and Audhkhasi, "Alignment-length synchronous decoding for RNN transducer" (ICASSP
2020). Hypotheses with the same future share it: the better one goes on, the other stays in its
history as an alternative, which is what makes the lattice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle.recognizer import history
from auricle.recognizer.biasing import steps
from auricle.recognizer.biasing.biasing import Biasing
from auricle.recognizer.biasing.steps import Steps
from auricle.recognizer.fusion import Fusion, Place, Weights
from auricle.recognizer.history import Branch, Clock, Limits, Ways
from auricle.recognizer.language import LanguageModel, State
from auricle.recognizer.result import Result, result_of
from auricle.recognizer.scorer import Context, FrameScores, Scorer
from auricle.recognizer.tokenizer import BLANK, WORD_START


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How wide the search is and what it keeps."""

    beam: int = 6  # hypotheses that go on after each frame
    score_beam: float = 8.0  # nats by which a hypothesis may fall behind the best one
    max_symbols: int = 3  # tokens that one frame may emit
    alternatives: int = 6  # histories that one hypothesis keeps
    joined_words: int = 2  # words back to which the histories of alignments are joined
    lattice_beam: float = 5.0  # nats by which a path of the lattice may fall behind the best one
    nbest: int = 10  # texts in a result
    frame_seconds: float = 0.04  # length of an encoder frame
    weights: Weights | None = None  # of language models; None: those of the bundle, if any
    sheltered: int = 4  # hypotheses within a name that go on besides
    shelter: float = 8.0  # nats by which these may fall behind the best one
    depth: float = 1.0  # nats that a name must have lent a hypothesis to be within it

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("beam", "max_symbols", "alternatives", "joined_words", "nbest"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        for name in ("score_beam", "lattice_beam", "frame_seconds", "shelter"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} must be more than 0, not {getattr(self, name)}.")
        for name in ("sheltered", "depth"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")


class Key(NamedTuple):
    """All that the future of a hypothesis depends on."""

    context: Context
    word: str
    language: State
    names: steps.State | None


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """A sequence of tokens that may be what was said, and the histories that it stands for."""

    context: Context
    word: str  # the word in progress, without the mark of its start
    branches: tuple[Branch, ...]  # the ways into that word
    graph: float  # natural log score of language model and context on the best way
    language: State = ()  # of the external language model
    names: steps.State | None = None  # of the names that are favoured; None: there are none

    @property
    def key(self) -> Key:
        """All that the future depends on: hypotheses of equal keys are continued as one."""
        return Key(self.context, self.word, self.language, self.names)


@dataclass(frozen=True, slots=True, eq=False)
class SearchState:
    """All that the search remembers; nothing in it ever changes."""

    start_time: float  # seconds on the audio clock: where the first frame begins
    frames: int  # frames consumed
    hypotheses: tuple[Hypothesis, ...]
    scores: NDArray[np.float64]  # (hypotheses,) natural log, acoustic and graph together
    blanks: NDArray[np.float64]  # (hypotheses,) blank probabilities, summed since the last token
    biasing: Biasing | None = None  # names that are favoured


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after a chunk."""

    text: str  # the best hypothesis so far
    trailing_seconds: float  # time since it emitted its last token, or since the start
    blank: float  # mean probability of blank over that time, 0 to 1; 0 if there was none


class _Candidate(NamedTuple):
    """A hypothesis within a frame."""

    hypothesis: Hypothesis
    score: float
    blanks: float


class _Pick(NamedTuple):
    """One more token of a hypothesis."""

    parent: int  # index of the hypothesis
    token: int
    score: float  # natural log, after the token
    graph: float  # what language adds to it


class BeamSearch:
    """The search, as a stream: `initial_state`, `step`, and `result` at any moment.

    A state does not depend on the options: the beam may change from one chunk to the next by
    going on with another search.
    """

    def __init__(
        self,
        scorer: Scorer,
        pieces: Sequence[str],
        options: SearchOptions | None = None,
        language: LanguageModel | None = None,
    ) -> None:
        """Take the networks, the vocabulary, whose token 0 is blank, and a language model.

        Raises:
            ArgumentError: the options give a weight to a language model, and there is none.
        """
        self._scorer = scorer
        self._pieces = tuple(pieces)
        self._options = options or SearchOptions()
        weights = self._options.weights
        self._fusion = (
            Fusion(scorer, len(self._pieces), weights, language)
            if weights is not None and weights != Weights()
            else None
        )
        self._limits = Limits(
            alternatives=self._options.alternatives,
            beam=self._options.lattice_beam,
            depth=self._options.joined_words,
        )

    def narrowed(self, beam: int) -> BeamSearch:
        """Return a search by the same networks with another beam."""
        search = copy(self)
        search._options = replace(self._options, beam=beam)
        return search

    def initial_state(self, start_time: float = 0.0, biasing: Biasing | None = None) -> SearchState:
        """Return the state before the first frame.

        Args:
            start_time: seconds on the audio clock at which that frame begins.
            biasing: names to favour; made for the pieces of this search.
        """
        language = self._fusion.initial_state() if self._fusion else ()
        before = steps.State() if biasing else None
        nothing = Hypothesis((BLANK, BLANK), "", history.begin(), 0.0, language, before)
        return SearchState(start_time, 0, (nothing,), _frozen([0.0]), _frozen([0.0]), biasing)

    def step(self, state: SearchState, frames: NDArray[np.float32]) -> tuple[SearchState, Progress]:
        """Consume encoder frames.

        Args:
            state: from `initial_state` or the last step.
            frames: (frames, encoder_dim) float32; there may be none.

        Raises:
            ArgumentError: frames are not two-dimensional.
            ModelError: the networks give no finite scores, or not one for each piece.
        """
        if frames.ndim != 2:
            raise ArgumentError(
                f"frames must be of shape (frames, encoder_dim), not {frames.shape}."
            )
        for frame in frames:
            state = self._advance(state, frame)
        return state, self.progress(state)

    def progress(self, state: SearchState) -> Progress:
        """Return the best text so far and the silence behind it."""
        best = int(np.argmax(state.scores + _to_give_back(state)))
        hypothesis = state.hypotheses[best]
        trailing = state.frames - 1 - hypothesis.branches[0].last
        return Progress(
            text=" ".join(history.best_words(hypothesis.word, hypothesis.branches)),
            trailing_seconds=trailing * self._options.frame_seconds,
            blank=min(1.0, float(state.blanks[best]) / trailing) if trailing else 0.0,
        )

    def settled(self, state: SearchState) -> tuple[str, ...]:
        """Return the complete words with which all hypotheses that go on begin."""
        texts = [history.best_words("", one.branches) for one in state.hypotheses]
        shared = takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False))
        return tuple(words[0] for words in shared)

    def result(self, state: SearchState, *, named: bool = True) -> Result:
        """Return all that is known, as if the utterance ended here.

        Args:
            state: after the last frame.
            named: whether to tell names; a second pass does that for itself.
        """
        back = _to_give_back(state)
        readings = [
            (hypothesis.word, Ways(hypothesis.branches, score, hypothesis.graph + more))
            for hypothesis, score, more in zip(
                state.hypotheses, (state.scores + back).tolist(), back.tolist(), strict=True
            )
        ]
        ends = history.endings(readings, self._limits)
        clock = Clock(state.start_time, self._options.frame_seconds, state.frames)
        lattice = history.build_lattice(ends, clock, self._options.lattice_beam)
        return result_of(lattice, self._options.nbest, state.biasing if named else None)

    def _advance(self, state: SearchState, frame: NDArray[np.float32]) -> SearchState:
        """Return the state after one frame (encoder_dim,)."""
        rows = FrameScores(self._scorer, frame, len(self._pieces), state.frames)
        log_probs = rows.of([hypothesis.context for hypothesis in state.hypotheses])
        stayed = state.scores + log_probs[:, BLANK]
        blanks = state.blanks + np.exp(log_probs[:, BLANK])
        names = state.biasing.search if state.biasing else None
        pick = partial(self._pick, frame=frame, names=names, top=float(stayed.max()))
        picks = pick(state.hypotheses, state.scores, log_probs, self._cutoff(stayed))
        if not picks:
            # Most frames end here: the hypotheses stay what they are.
            keep = stayed >= self._cutoff(stayed)
            if names is not None and not keep.all():
                keep |= self._sheltered(state.hypotheses, stayed, keep, names)
            hypotheses = state.hypotheses
            if not keep.all():
                hypotheses = tuple(hypotheses[index] for index in np.flatnonzero(keep))
                stayed, blanks = stayed[keep], blanks[keep]
            return replace(
                state,
                frames=state.frames + 1,
                hypotheses=hypotheses,
                scores=_frozen(stayed),
                blanks=_frozen(blanks),
            )
        pool = _Pool(self._limits)
        pool.add(map(_Candidate, state.hypotheses, stayed.tolist(), blanks.tolist()))
        parents, scores = state.hypotheses, state.scores
        for emitted in range(1, self._options.max_symbols + 1):
            parents, scores = self._emit(parents, scores, picks, state)
            log_probs = rows.of([parent.context for parent in parents])
            stayed = scores + log_probs[:, BLANK]
            pool.add(_Candidate(*pair, 0.0) for pair in zip(parents, stayed.tolist(), strict=True))
            if emitted < self._options.max_symbols:
                picks = pick(parents, scores, log_probs, self._cutoff(pool.scores()))
                if not picks:
                    break
        best = self._best(pool.ranked(), names)
        return replace(
            state,
            frames=state.frames + 1,
            hypotheses=tuple(candidate.hypothesis for candidate in best),
            scores=_frozen([candidate.score for candidate in best]),
            blanks=_frozen([candidate.blanks for candidate in best]),
        )

    def _best(self, ranked: Sequence[_Candidate], names: Steps | None) -> list[_Candidate]:
        """Return those that go on of all, best first."""
        scores = np.array([candidate.score for candidate in ranked])
        kept = scores >= scores[0] - self._options.score_beam
        kept[self._options.beam :] = False
        if names is not None:
            kept |= self._sheltered([one.hypothesis for one in ranked], scores, kept, names)
        return [one for one, stays in zip(ranked, kept.tolist(), strict=True) if stays]

    def _sheltered(
        self,
        hypotheses: Sequence[Hypothesis],
        scores: NDArray[np.float64],
        kept: NDArray[np.bool_],
        names: Steps,
    ) -> NDArray[np.bool_]:
        """Return which others go on because they are within a name (hypotheses,)."""
        floor = scores.max() - self._options.shelter
        found = [
            index
            for index in np.flatnonzero(~kept & (scores >= floor)).tolist()
            if _lent(hypotheses[index], names) >= self._options.depth
        ]
        chosen = np.zeros(len(scores), bool)
        chosen[sorted(found, key=lambda index: -scores[index])[: self._options.sheltered]] = True
        return chosen

    def _cutoff(self, scores: NDArray[np.float64]) -> float:
        """Return the least score among those within both beams."""
        cutoff = float(scores.max()) - self._options.score_beam
        last = len(scores) - self._options.beam
        if last < 0:
            return cutoff
        return max(cutoff, float(np.partition(scores, last)[last]))

    def _pick(
        self,
        parents: Sequence[Hypothesis],
        scores: NDArray[np.float64],
        log_probs: NDArray[np.float32],
        cutoff: float,
        *,
        frame: NDArray[np.float32],
        names: Steps | None,
        top: float,
    ) -> list[_Pick]:
        """Return the extensions of hypotheses by one token that score above a cutoff.

        Args:
            parents: the hypotheses.
            scores: (hypotheses,) natural log.
            log_probs: (hypotheses, vocabulary) natural log.
            cutoff: natural log; blank can only lower a score, so that no other can come to more.
            frame: (encoder_dim,), the encoder's output.
            names: those to favour.
            top: natural log, the best score of all.

        Returns:
            The best ones, a beam of them at most, and a few within names.
        """
        totals = scores[:, np.newaxis] + log_probs
        totals[:, BLANK] = -np.inf
        # Most hypotheses are out of reach whatever language says: it is asked of the others only.
        most = (self._fusion.most if self._fusion else 0.0) + (names.most if names else 0.0)
        floor = cutoff if names is None else min(cutoff, top - self._options.shelter)
        near = np.flatnonzero(totals.max(axis=1) > floor - most)
        if not len(near):
            return []
        totals = totals[near]
        chosen = [parents[index] for index in near.tolist()]
        favour = None
        if names is not None:
            favour = np.stack([names.row(one.names or steps.State()) for one in chosen])
        language = self._language(chosen, len(frame), favour)
        if language is not None:
            totals += language
        flat = totals.ravel()
        above = np.flatnonzero(flat > cutoff)
        if len(above) > self._options.beam:
            best = np.argpartition(flat[above], -self._options.beam)[-self._options.beam :]
            above = above[best]
        if names is not None and favour is not None:
            above = np.concatenate([above, self._within(chosen, flat, above, favour, floor, names)])
        rows, tokens = np.divmod(above, totals.shape[1])
        graph = np.zeros(len(above)) if language is None else language.ravel()[above]
        columns = (near[rows], tokens, flat[above], graph)
        return list(map(_Pick, *(column.tolist() for column in columns)))

    def _within(
        self,
        parents: Sequence[Hypothesis],
        totals: NDArray[np.float64],
        chosen: NDArray[np.int64],
        favour: NDArray[np.float32],
        floor: float,
        names: Steps,
    ) -> NDArray[np.int64]:
        """Return the places of the best other extensions that lead on within a name.

        Args:
            parents: the hypotheses.
            totals: (parents * vocabulary,) natural log.
            chosen: places in it of those that go on anyway.
            favour: (parents, vocabulary) what names add.
            floor: natural log that such an extension has to come to.
            names: those that are favoured.
        """
        lent = np.array([[_lent(parent, names)] for parent in parents], np.float32)
        inner = (favour > 0) & (favour + lent >= self._options.depth)
        inner.ravel()[chosen] = False
        found = np.flatnonzero(inner.ravel() & (totals > floor))
        return found[np.argsort(-totals[found])[: self._options.sheltered]]

    def _language(
        self, parents: Sequence[Hypothesis], width: int, favour: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """Return what language and names add to each token (parents, vocabulary), natural log.

        Args:
            parents: the hypotheses.
            width: of an encoder frame.
            favour: what names add.
        """
        language = None
        if self._fusion:
            places = [Place(parent.context[1], parent.language) for parent in parents]
            language = self._fusion.of(places, width)
        if favour is None:
            return language
        return favour if language is None else language + favour

    def _emit(
        self,
        parents: tuple[Hypothesis, ...],
        scores: NDArray[np.float64],
        picks: list[_Pick],
        state: SearchState,
    ) -> tuple[tuple[Hypothesis, ...], NDArray[np.float64]]:
        """Return hypotheses after one more token each, and their scores."""
        pool = _Pool(self._limits)
        ended: dict[int, tuple[Branch, ...]] = {}
        for index, token, score, graph in picks:
            parent = parents[index]
            piece = self._pieces[token]
            starts = piece.startswith(WORD_START)
            branches = parent.branches
            if starts:
                if index not in ended:
                    ways = Ways(branches, float(scores[index]), parent.graph)
                    ended[index] = history.end_word(parent.word, ways)
                branches = ended[index]
            hypothesis = Hypothesis(
                context=(parent.context[1], token),
                word=piece[len(WORD_START) :] if starts else parent.word + piece,
                branches=history.hear(branches, state.frames, first=starts or not parent.word),
                graph=parent.graph + graph,
                language=self._fusion.step(parent.language, token) if self._fusion else (),
                names=_after(state.biasing, parent.names, token),
            )
            pool.add([_Candidate(hypothesis, score, 0.0)])
        return pool.hypotheses(), pool.scores()


class _Pool:
    """Hypotheses that are alike in all that the future depends on become one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._candidates: dict[Key, _Candidate] = {}

    def add(self, candidates: Iterable[_Candidate]) -> None:
        """Add hypotheses to those that are there."""
        for candidate in candidates:
            key = candidate.hypothesis.key
            known = self._candidates.get(key)
            self._candidates[key] = candidate if known is None else self._join(known, candidate)

    def _join(self, one: _Candidate, other: _Candidate) -> _Candidate:
        """Return the hypothesis that stands for both."""
        better, worse = (one, other) if one.score >= other.score else (other, one)
        ways = history.merge(
            Ways(better.hypothesis.branches, better.score, better.hypothesis.graph),
            Ways(worse.hypothesis.branches, worse.score, worse.hypothesis.graph),
            self._limits,
        )
        hypothesis = replace(better.hypothesis, branches=ways.branches, graph=ways.graph)
        return _Candidate(hypothesis, ways.score, better.blanks)

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Return all, in the order in which they came."""
        return tuple(candidate.hypothesis for candidate in self._candidates.values())

    def scores(self) -> NDArray[np.float64]:
        """Return their scores, natural log."""
        return np.array([candidate.score for candidate in self._candidates.values()])

    def ranked(self) -> list[_Candidate]:
        """Return all, best first."""
        return sorted(self._candidates.values(), key=lambda candidate: -candidate.score)


def _to_give_back(state: SearchState) -> NDArray[np.float64]:
    """Return what the score of each hypothesis gains if the utterance ends here: (hypotheses,)."""
    if state.biasing is None:
        return np.zeros(len(state.hypotheses))
    names = state.biasing.search
    return np.array([names.end(one.names) for one in state.hypotheses if one.names], np.float64)


def _lent(hypothesis: Hypothesis, names: Steps) -> float:
    """Return the nats that a name in progress has lent a hypothesis."""
    return names.lent(hypothesis.names) if hypothesis.names else 0.0


def _after(biasing: Biasing | None, names: steps.State | None, token: int) -> steps.State | None:
    """Return where names stand after one more token."""
    return biasing.search.step(names, token) if biasing and names else None


def _frozen(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
