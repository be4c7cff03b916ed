"""Time-synchronous beam search through the transducer.

In: search frames, in chunks of any size, and what CTC says of each. Out: the best text so far and
the silence behind it; at any moment the words, the n-best list and the lattice. The state never
changes in place, so that a copy costs nothing and a peek at the future disturbs nothing.

The search is that of Graves, "Sequence transduction with recurrent neural networks"
(arXiv:1211.3711), run in step with time and with a bound on the symbols of a frame, as the TSD of
Saon, Tüske and Audhkhasi, "Alignment-length synchronous decoding for RNN transducer" (ICASSP
2020). Hypotheses with the same future share it: the better one goes on, the other stays in its
history as an alternative, which is what makes the lattice. Where CTC has a share in the score, each
hypothesis also carries its forward probabilities by CTC (see `acoustic.py`).

If a frame may emit one token only, that token ends it, and no blank has to follow, as in Tripathi
et al., "Monotonic recurrent neural network transducer" (arXiv:1911.06393): the joint then runs once
a frame. If it may emit more, a blank ends it, as the transducer was trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import scorer
from auricle.biasing.biasing import Biasing
from auricle.biasing.scorer import TokenScorer
from auricle.biasing.tagging import named_result
from auricle.errors import ArgumentError, ModelError
from auricle.lattice.result import Result
from auricle.recognizer import acoustic, word_history
from auricle.recognizer.acoustic import Mixture, Streams
from auricle.recognizer.hypotheses import BeamHypothesis, FrameCandidate, HypothesisPool, Parents
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.shallow_fusion import Fusion, LanguageContext, LanguageState, Weights
from auricle.recognizer.transducer import FrameScores, Scorer
from auricle.recognizer.word_history import Clock, HistoryLimits, WordLink, WordLinks
from auricle.recognizer.word_model import WordModel
from auricle.recognizer.word_scores import WordScores
from auricle.tokenizer import BLANK, WORD_START

_SPARE = 4  # one hypothesis in so many more is made than goes on, for some turn out to be alike
_WORTH_A_LINK = 5.0  # nats by which CTC's new alignments may fall behind those known


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How wide the search is and what it keeps."""

    beam: int = 6  # hypotheses that go on after each frame
    score_beam: float = 8.0  # nats by which a hypothesis may fall behind the best one
    max_symbols: int = 1  # tokens that one frame may emit; 1: a token ends its frame
    alternatives: int = 6  # histories that one hypothesis keeps
    joined_words: int = 2  # words back to which the histories of alignments are joined
    lattice_beam: float = 5.0  # nats by which a path of the lattice may fall behind the best one
    nbest: int = 10  # texts in a result
    frame_seconds: float = 0.04  # length of a search frame
    weights: Weights | None = None  # of language models; None: those of the bundle, if any
    biasing_beam: int = 4  # hypotheses within a name that go on besides
    biasing_score_beam: float = 8.0  # nats by which these may fall behind the best one
    min_bonus: float = 1.0  # nats that a name must have lent a hypothesis to be within it
    skip_blank: float = 0.95  # probability of blank by CTC above which the joint is not asked
    ctc_floor: float = acoustic.FLOOR  # nats; see `acoustic.Mixture`

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("beam", "max_symbols", "alternatives", "joined_words", "nbest"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        for name in ("score_beam", "lattice_beam", "frame_seconds", "biasing_score_beam",
                     "skip_blank", "ctc_floor"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} must be more than 0, not {getattr(self, name)}.")
        for name in ("biasing_beam", "min_bonus"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")


@dataclass(frozen=True, slots=True, eq=False)
class SearchState:
    """All that the search remembers; nothing in it ever changes."""

    start_time: float  # seconds on the audio clock: where the first frame begins
    frames: int  # frames consumed
    hypotheses: tuple[BeamHypothesis, ...]
    scores: NDArray[np.float64]  # (hypotheses,) natural log, acoustic and graph together
    streams: NDArray[np.float64]  # (hypotheses, 3) what the scores are made of, see `acoustic`
    blanks: NDArray[np.float64]  # (hypotheses,) blank probabilities, summed since the last token
    biasing: Biasing | None = None  # names that are favoured


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after a chunk."""

    text: str  # the best hypothesis so far
    trailing_seconds: float  # time since it emitted its last token, or since the start
    blank: float  # mean probability of blank over that time, 0 to 1; 0 if there was none


class _TokenPick(NamedTuple):
    """One more token of a hypothesis."""

    parent: int  # index of the hypothesis
    token: int
    score: float  # natural log, after the token
    graph: float  # what language adds to it
    streams: Streams  # after the token
    forced: bool  # goes on whatever it scores


class _Frame(NamedTuple):
    """What is the same for all hypotheses within a frame."""

    vector: NDArray[np.float32]  # (encoder_dim,)
    ctc: NDArray[np.float32] | None  # (vocabulary,) natural log
    lowest: float  # natural log, at which CTC's score is held
    top: float  # natural log, the best score of all
    names: TokenScorer | None  # to bonus


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
        words: WordModel | None = None,
    ) -> None:
        """Take the networks, the vocabulary, whose token 0 is blank, and language models.

        Raises:
            ArgumentError: the options give a weight to a language model, and there is none.
        """
        self._scorer = scorer
        self._pieces = tuple(pieces)
        self._options = options or SearchOptions()
        weights = self._options.weights or Weights()
        known = WordScores(words, self._pieces, weights.unknown) if words else None
        self._fusion = (
            Fusion(scorer, len(self._pieces), weights, language, known)
            if weights.of_language
            else None
        )
        self._mixture = Mixture(weights.ctc, self._options.ctc_floor)
        self._skip = math.log(self._options.skip_blank)
        self._limits = HistoryLimits(
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
            biasing: names to bonus; made for the pieces of this search.
        """
        language = self._fusion.initial_state() if self._fusion else None
        before = scorer.TokenScorerState() if biasing else None
        nothing = BeamHypothesis((BLANK, BLANK), "", word_history.begin(), 0.0, language, before)
        zero, streams = _frozen([0.0]), _frozen([acoustic.BEGINNING])
        return SearchState(start_time, 0, (nothing,), zero, streams, zero, biasing)

    def step(
        self,
        state: SearchState,
        frames: NDArray[np.float32],
        ctc: NDArray[np.float32] | None = None,
    ) -> tuple[SearchState, Progress]:
        """Consume search frames.

        Args:
            state: from `initial_state` or the last step.
            frames: (frames, encoder_dim) float32, what the joint sees; there may be none.
            ctc: (frames, vocabulary) float32, natural log, what CTC says of the same frames;
                needed if the weights give it a share.

        Raises:
            ArgumentError: frames are not two-dimensional, or CTC's are missing or others.
            ModelError: the networks give no finite scores, or not one for each piece.
        """
        if frames.ndim != 2:
            raise ArgumentError(
                f"frames must be of shape (frames, encoder_dim), not {frames.shape}."
            )
        heard: list[NDArray[np.float32] | None] = [None] * len(frames)
        if self._mixture.ctc:
            heard = list(self._checked(ctc, len(frames), state.frames))
        for frame, row in zip(frames, heard, strict=True):
            state = self._advance(state, frame, row)
        return state, self.progress(state)

    def progress(self, state: SearchState) -> Progress:
        """Return the best text so far and the silence behind it."""
        best = int(np.argmax(state.scores + self._at_end(state)))
        hypothesis = state.hypotheses[best]
        trailing = state.frames - 1 - hypothesis.branches[0].last
        return Progress(
            text=" ".join(word_history.best_words(hypothesis.word, hypothesis.branches)),
            trailing_seconds=trailing * self._options.frame_seconds,
            blank=min(1.0, float(state.blanks[best]) / trailing) if trailing else 0.0,
        )

    def settled(self, state: SearchState) -> tuple[str, ...]:
        """Return the complete words with which all hypotheses that go on begin."""
        texts = [word_history.best_words("", one.branches) for one in state.hypotheses]
        shared = takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False))
        return tuple(words[0] for words in shared)

    def result(self, state: SearchState, *, named: bool = True) -> Result:
        """Return all that is known, as if the utterance ended here.

        Args:
            state: after the last frame.
            named: whether to tell names; a second pass does that for itself.
        """
        more = self._at_end(state)
        readings = [
            (hypothesis.word, WordLinks(hypothesis.branches, score, hypothesis.graph + added))
            for hypothesis, score, added in zip(
                state.hypotheses, (state.scores + more).tolist(), more.tolist(), strict=True
            )
        ]
        ends = word_history.endings(readings, self._limits)
        clock = Clock(state.start_time, self._options.frame_seconds, state.frames)
        lattice = word_history.build_lattice(ends, clock, self._options.lattice_beam)
        return named_result(lattice, self._options.nbest, state.biasing if named else None)

    def _at_end(self, state: SearchState) -> NDArray[np.float64]:
        """Return what each score gains if the utterance ends here (hypotheses,), natural log.

        What names in progress have lent goes back, and the last word gets what it is due.
        """
        names = state.biasing.search if state.biasing else None
        return np.array([
            (names.end(one.names) if names and one.names else 0.0) + self._word_end(one)
            for one in state.hypotheses
        ])  # fmt: skip

    def _word_end(self, hypothesis: BeamHypothesis) -> float:
        """Return what language adds at the end of the word in progress."""
        if self._fusion is None or hypothesis.language is None:
            return 0.0
        return self._fusion.end(hypothesis.language)

    def _checked(
        self, ctc: NDArray[np.float32] | None, count: int, first: int
    ) -> NDArray[np.float32]:
        """Return what CTC says of frames, if it does."""
        expected = count, len(self._pieces)
        if ctc is None:
            raise ArgumentError(
                f"ctc is missing, and its share is {self._mixture.ctc}: give it, or a share of 0."
            )
        if ctc.shape != expected:
            raise ArgumentError(f"ctc must be of shape {expected}, not {ctc.shape}.")
        finite = np.isfinite(ctc).all(axis=1)
        if not finite.all():
            raise ModelError(
                f"CTC gives scores that are not finite at search frame "
                f"{first + int(finite.argmin())}: the model is damaged, reinstall its bundle."
            )
        return ctc

    def _advance(
        self, state: SearchState, vector: NDArray[np.float32], ctc: NDArray[np.float32] | None
    ) -> SearchState:
        """Return the state after one frame: see `step`."""
        parents = Parents(state.hypotheses, state.scores, state.streams)
        names = state.biasing.search if state.biasing else None
        skips = ctc is not None and float(ctc[BLANK]) >= self._skip
        rows = FrameScores(self._scorer, vector, len(self._pieces), state.frames)
        log_probs = self._heard(rows, parents.hypotheses, ctc, silent=skips)
        streams = self._mixture.stay(parents.streams, log_probs[:, BLANK], ctc, parents.last)
        lowest = self._mixture.lowest(streams)
        stayed = self._mixture.scores(streams, lowest)
        blanks = state.blanks + np.exp(log_probs[:, BLANK] if ctc is None else ctc[BLANK])
        frame = _Frame(vector, ctc, lowest, float(stayed.max()), names)
        picks = (
            [] if skips else self._pick(parents, log_probs, self._cutoff(stayed), frame, streams)
        )
        if not picks:
            # Most frames end here: the hypotheses stay what they are.
            keep = stayed >= self._cutoff(stayed)
            if names is not None and not keep.all():
                keep |= self._sheltered(state.hypotheses, stayed, keep, names)
            hypotheses = state.hypotheses
            if not keep.all():
                hypotheses = tuple(hypotheses[index] for index in np.flatnonzero(keep))
                stayed, blanks, streams = stayed[keep], blanks[keep], streams[keep]
            return replace(
                state,
                frames=state.frames + 1,
                hypotheses=hypotheses,
                scores=_frozen(stayed),
                streams=_frozen(self._mixture.held(streams, lowest)),
                blanks=_frozen(blanks),
            )
        best = self._best(
            self._emissions(state, parents, rows, frame, picks, (streams, blanks)), names
        )
        return replace(
            state,
            frames=state.frames + 1,
            hypotheses=tuple(candidate.hypothesis for candidate in best),
            scores=_frozen([candidate.score for candidate in best]),
            streams=_frozen(
                self._mixture.held(acoustic.array_of([one.streams for one in best]), lowest)
            ),
            blanks=_frozen([candidate.blanks for candidate in best]),
        )

    def _emissions(
        self,
        state: SearchState,
        parents: Parents,
        rows: FrameScores,
        frame: _Frame,
        picks: list[_TokenPick],
        stayed: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> list[FrameCandidate]:
        """Return all hypotheses after a frame, best first.

        Args:
            state: before it.
            parents: the hypotheses before it.
            rows: what the transducer says.
            frame: see `_Frame`.
            picks: the tokens that the hypotheses emit first.
            stayed: streams and blanks of those that emit none.
        """
        pool = HypothesisPool(self._limits, self._mixture, frame.lowest)
        if self._options.max_symbols == 1:
            self._emit_last(pool, state, parents, frame, picks, stayed)
            return pool.ranked()
        pool.add_all(parents.hypotheses, *stayed)
        for emitted in range(1, self._options.max_symbols + 1):
            parents = self._emit(parents, picks, state, frame).parents()
            # After a token, nothing more is asked of CTC: it has said all of the frame.
            log_probs = self._heard(rows, parents.hypotheses, frame.ctc)
            ended = parents.streams.copy()
            ended[:, 0] += log_probs[:, BLANK]
            pool.add_all(parents.hypotheses, ended, np.zeros(len(ended)))
            if emitted < self._options.max_symbols:
                later = frame._replace(ctc=None)
                picks = self._pick(parents, log_probs, self._cutoff(pool.scores()), later)
                if not picks:
                    break
        return pool.ranked()

    def _emit_last(
        self,
        pool: HypothesisPool,
        state: SearchState,
        parents: Parents,
        frame: _Frame,
        picks: list[_TokenPick],
        stayed: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> None:
        """Fill a pool with those that emit nothing and those that emit the frame's only token.

        Most of them would not go on: they are left out before they are made. See `_emissions`.
        """
        streams, blanks = stayed
        scores = self._mixture.scores(streams, frame.lowest)
        both = np.concatenate([scores, [pick.score for pick in picks]])
        cutoff = self._cutoff(both, self._options.beam + self._options.beam // _SPARE)
        keep = scores >= cutoff
        if frame.names is not None and not keep.all():
            keep |= self._sheltered(parents.hypotheses, scores, keep, frame.names)
        kept = np.flatnonzero(keep)
        pool.add_all(
            [parents.hypotheses[index] for index in kept.tolist()], streams[kept], blanks[kept]
        )
        self._emit(
            parents, [one for one in picks if one.forced or one.score >= cutoff], state, frame, pool
        )

    def _heard(
        self,
        rows: FrameScores,
        hypotheses: Sequence[BeamHypothesis],
        ctc: NDArray[np.float32] | None,
        *,
        silent: bool = False,
    ) -> NDArray[np.float32]:
        """Return what the transducer says of each token (hypotheses, vocabulary), natural log.

        Where it has no share, CTC stands for it; where CTC is sure of blank, it is not asked.
        """
        if ctc is not None and (silent or self._mixture.ctc == 1.0):
            row = np.zeros_like(ctc) if silent else ctc
            return np.broadcast_to(row, (len(hypotheses), len(ctc)))
        return rows.of([hypothesis.context for hypothesis in hypotheses])

    def _best(
        self, ranked: Sequence[FrameCandidate], names: TokenScorer | None
    ) -> list[FrameCandidate]:
        """Return those that go on of all, best first."""
        scores = np.array([candidate.score for candidate in ranked])
        kept = scores >= scores[0] - self._options.score_beam
        kept[self._options.beam :] = False
        if names is not None:
            kept |= self._sheltered([one.hypothesis for one in ranked], scores, kept, names)
        return [one for one, stays in zip(ranked, kept.tolist(), strict=True) if stays]

    def _sheltered(
        self,
        hypotheses: Sequence[BeamHypothesis],
        scores: NDArray[np.float64],
        kept: NDArray[np.bool_],
        names: TokenScorer,
    ) -> NDArray[np.bool_]:
        """Return which others go on because they are within a name (hypotheses,)."""
        floor = scores.max() - self._options.biasing_score_beam
        found = [
            index
            for index in np.flatnonzero(~kept & (scores >= floor)).tolist()
            if _pending_bonus(hypotheses[index], names) >= self._options.min_bonus
        ]
        chosen = np.zeros(len(scores), bool)
        chosen[sorted(found, key=lambda index: -scores[index])[: self._options.biasing_beam]] = True
        return chosen

    def _cutoff(self, scores: NDArray[np.float64], beam: int | None = None) -> float:
        """Return the least score among those within both beams."""
        cutoff = float(scores.max()) - self._options.score_beam
        last = len(scores) - (beam or self._options.beam)
        if last < 0:
            return cutoff
        return max(cutoff, float(np.partition(scores, last)[last]))

    def _pick(
        self,
        parents: Parents,
        log_probs: NDArray[np.float32],
        cutoff: float,
        frame: _Frame,
        stayed: NDArray[np.float64] | None = None,
    ) -> list[_TokenPick]:
        """Return the extensions of hypotheses by one token that score above a cutoff.

        Args:
            parents: the hypotheses.
            log_probs: (hypotheses, vocabulary) natural log, by the transducer.
            cutoff: natural log; blank can only lower a score, so that no other can come to more.
            frame: see `_Frame`; without CTC if it has had its token.
            stayed: (hypotheses, 3) streams of those that emit nothing, if CTC has a share.

        Returns:
            The best ones, a beam of them at most, a few within names, and those by which CTC
            reaches a hypothesis that is there already.
        """
        names = frame.names
        transducer = parents.streams[:, :1] + log_probs
        ctc = self._mixture.extended(parents.streams, frame.ctc, parents.last)
        # Most hypotheses are out of reach whatever language says: it is asked of the others only.
        most = self._fusion.most if self._fusion else np.float32(0.0)
        reach = self._mixture.mixed(transducer, ctc, frame.lowest) + most
        reach[:, BLANK] = -np.inf
        floor = (
            cutoff if names is None else min(cutoff, frame.top - self._options.biasing_score_beam)
        )
        reached = reach.max(axis=1) > floor - (names.most if names else 0.0)
        links = self._links(parents.hypotheses, ctc, stayed)
        reached[[parent for parent, _ in links]] = True
        near = np.flatnonzero(reached)
        if not len(near):
            return []
        chosen = [parents.hypotheses[index] for index in near.tolist()]
        bonus = None
        if names is not None:
            bonus = np.stack([names.row(one.names or scorer.TokenScorerState()) for one in chosen])
        language = self._language(chosen, len(frame.vector), bonus)
        transducer, ctc = transducer[near], ctc[near]
        if language is not None:
            transducer, ctc = transducer + language, ctc + language
        totals = self._mixture.mixed(transducer, ctc, frame.lowest)
        totals[:, BLANK] = -np.inf
        flat = totals.ravel()
        above = np.flatnonzero(flat > cutoff)
        if len(above) > self._options.beam:
            best = np.argpartition(flat[above], -self._options.beam)[-self._options.beam :]
            above = above[best]
        if names is not None and bonus is not None:
            forced = self._within(chosen, flat, above, bonus, floor, names)
        else:
            forced = above[:0]
        if links:
            place = {index: row for row, index in enumerate(near.tolist())}
            linked = {place[parent] * totals.shape[1] + token for parent, token in links}
            linked.difference_update(above.tolist(), forced.tolist())
            forced = np.concatenate([forced, np.array(sorted(linked), np.int64)])
        at_will = len(above)
        above = np.concatenate([above, forced])
        rows, tokens = np.divmod(above, totals.shape[1])
        graph = np.zeros(len(above)) if language is None else language.ravel()[above]
        heard = ctc[rows, tokens] if ctc.shape[1] > 1 else ctc[rows, 0]
        columns = (near[rows], tokens, flat[above], graph, transducer.ravel()[above], heard)
        return [
            _TokenPick(
                parent, token, score, more, Streams(first, acoustic.NOTHING, second), at >= at_will
            )
            for at, (parent, token, score, more, first, second) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            )
        ]

    def _links(
        self,
        hypotheses: Sequence[BeamHypothesis],
        ctc: NDArray[np.float64],
        stayed: NDArray[np.float64] | None,
    ) -> list[tuple[int, int]]:
        """Return the hypotheses from which CTC reaches another one, and the token by which.

        Args:
            hypotheses: those before the frame.
            ctc: (hypotheses, vocabulary) CTC's score of each extension.
            stayed: see `_pick`; None: there is nothing to be reached.
        """
        if stayed is None or not self._mixture.ctc:
            return []
        places = {hypothesis.key: index for index, hypothesis in enumerate(hypotheses)}
        known = np.logaddexp(stayed[:, 1], stayed[:, 2]).tolist()
        found = []
        for index, hypothesis in enumerate(hypotheses):
            parent = places.get(hypothesis.parent) if hypothesis.parent else None
            token = hypothesis.context[1]
            if parent is not None and ctc[parent, token] > known[index] - _WORTH_A_LINK:
                found.append((parent, token))
        return found

    def _within(
        self,
        parents: Sequence[BeamHypothesis],
        totals: NDArray[np.float64],
        chosen: NDArray[np.int64],
        bonus: NDArray[np.float32],
        floor: float,
        names: TokenScorer,
    ) -> NDArray[np.int64]:
        """Return the places of the best other extensions that lead on within a name.

        Args:
            parents: the hypotheses.
            totals: (parents * vocabulary,) natural log.
            chosen: places in it of those that go on anyway.
            bonus: (parents, vocabulary) what names add.
            floor: natural log that such an extension has to come to.
            names: those that are favoured.
        """
        pending = np.array([[_pending_bonus(parent, names)] for parent in parents], np.float32)
        inner = (bonus > 0) & (bonus + pending >= self._options.min_bonus)
        inner.ravel()[chosen] = False
        found = np.flatnonzero(inner.ravel() & (totals > floor))
        return found[np.argsort(-totals[found])[: self._options.biasing_beam]]

    def _language(
        self, parents: Sequence[BeamHypothesis], width: int, bonus: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """Return what language and names add to each token (parents, vocabulary), natural log.

        Args:
            parents: the hypotheses.
            width: of an encoder frame.
            bonus: what names add.
        """
        language = None
        if self._fusion:
            states = [parent.language or LanguageState() for parent in parents]
            places = [
                LanguageContext(parent.context[1], known)
                for parent, known in zip(parents, states, strict=True)
            ]
            language = self._fusion.of(places, width)
        if bonus is None:
            return language
        return bonus if language is None else language + bonus

    def _emit(
        self,
        parents: Parents,
        picks: list[_TokenPick],
        state: SearchState,
        frame: _Frame,
        pool: HypothesisPool | None = None,
    ) -> HypothesisPool:
        """Put hypotheses after one more token each into a pool, or into a new one; return it."""
        if pool is None:
            pool = HypothesisPool(self._limits, self._mixture, frame.lowest)
        ended: dict[int, tuple[WordLink, ...]] = {}
        for index, token, score, graph, streams, _ in picks:
            parent = parents.hypotheses[index]
            piece = self._pieces[token]
            starts = piece.startswith(WORD_START)
            branches = parent.branches
            if starts:
                if index not in ended:
                    ended[index] = self._end_word(parent, float(parents.scores[index]))
                branches = ended[index]
            language = None
            if self._fusion and parent.language is not None:
                language = self._fusion.step(parent.language, token)
            hypothesis = BeamHypothesis(
                context=(parent.context[1], token),
                word=piece[len(WORD_START) :] if starts else parent.word + piece,
                branches=word_history.hear(branches, state.frames, first=starts or not parent.word),
                graph=parent.graph + graph,
                language=language,
                names=_after(state.biasing, parent.names, token),
                parent=parent.key if self._mixture.ctc else None,
            )
            pool.add(FrameCandidate(hypothesis, score, 0.0, streams))
        return pool

    def _end_word(self, hypothesis: BeamHypothesis, score: float) -> tuple[WordLink, ...]:
        """Return the branches of a hypothesis after its word in progress."""
        more = self._word_end(hypothesis)
        ways = WordLinks(hypothesis.branches, score + more, hypothesis.graph + more)
        return word_history.end_word(hypothesis.word, ways)


def _pending_bonus(hypothesis: BeamHypothesis, names: TokenScorer) -> float:
    """Return the nats that a name in progress has lent a hypothesis."""
    return names.pending_bonus(hypothesis.names) if hypothesis.names else 0.0


def _after(
    biasing: Biasing | None, names: scorer.TokenScorerState | None, token: int
) -> scorer.TokenScorerState | None:
    """Return where names stand after one more token."""
    return biasing.search.step(names, token) if biasing and names else None


def _frozen(
    values: Sequence[float] | Sequence[Streams] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
