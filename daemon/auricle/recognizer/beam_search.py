"""Time-synchronous beam search through the transducer.

In: search frames (80 ms) from the encoder, in chunks of any size, and CTC's log probabilities of
each. Out: after each chunk the best text so far (`Progress`); at any moment a `Result` with words,
n-best list and lattice. The state never changes in place, so the caller can keep an old state and
continue from it.

The search is that of Graves, "Sequence transduction with recurrent neural networks"
(arXiv:1211.3711). It is time-synchronous with a bound on the symbols of a frame, like the TSD of
Saon, Tüske and Audhkhasi, "Alignment-length synchronous decoding for RNN transducer" (ICASSP
2020). Hypotheses with the same future are merged: the better one continues and keeps the other in
its word history as an alternative. The lattice is built from these histories. Where CTC has a share
in the score, each hypothesis also carries CTC's forward probabilities (see `acoustic.py`).

With `max_symbols` 1, a token ends its frame and no blank has to follow, as in Tripathi et al.,
"Monotonic recurrent neural network transducer" (arXiv:1911.06393). The joint then runs once per
frame. With more symbols a blank ends the frame, as in training.

"Frame" in this module means search frame.
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

from auricle import defaults
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

_SPARE = 4  # makes beam // _SPARE hypotheses more than the beam, because some will be merged
_LINK_BEAM = 5.0  # nats by which a new CTC alignment may fall behind those known


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How wide the search is and what it keeps."""

    beam: int = defaults.BEAM  # hypotheses kept after each frame
    score_beam: float = 8.0  # nats by which a hypothesis may fall behind the best one
    max_symbols: int = defaults.MAX_SYMBOLS  # tokens that one search frame may emit
    alternatives: int = 6  # word histories that one hypothesis keeps
    joined_words: int = 2  # words back to which histories of the same words are merged
    # nats by which a path of the lattice may fall behind the best one
    lattice_beam: float = defaults.LATTICE_BEAM
    nbest: int = defaults.NBEST  # texts in a result
    frame_seconds: float = 0.04  # length of a search frame
    weights: Weights | None = None  # weights of the language models; None: those of the bundle
    biasing_beam: int = 4  # hypotheses within a name kept in addition to the beam
    biasing_score_beam: float = 8.0  # nats by which these may fall behind the best one
    min_bonus: float = 1.0  # nats of pending bonus from which a hypothesis is within a name
    skip_blank: float = 0.95  # CTC's blank probability from which the joint is not run
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
    """State of the search; never changed in place."""

    start_time: float  # start of the first frame, in seconds on the audio clock
    frames: int  # frames consumed
    hypotheses: tuple[BeamHypothesis, ...]
    scores: NDArray[np.float64]  # (hypotheses,) natural log, acoustic plus graph score
    streams: NDArray[np.float64]  # (hypotheses, 3) components of the scores, see `acoustic`
    blanks: NDArray[np.float64]  # (hypotheses,) sum of blank probabilities since the last token
    biasing: Biasing | None = None  # names to favour


@dataclass(frozen=True, slots=True)
class Progress:
    """The best hypothesis after a chunk."""

    text: str
    trailing_seconds: float  # time since its last token, or since the start
    blank: float  # mean blank probability over that time, 0 to 1; 0 if it has no frame


class _TokenPick(NamedTuple):
    """An extension of a hypothesis by one token."""

    parent: int  # index of the hypothesis
    token: int
    score: float  # natural log score after the token
    graph: float  # graph score of the token, natural log
    streams: Streams  # streams after the token
    forced: bool  # kept whatever its score


class _Frame(NamedTuple):
    """What all hypotheses share within a frame."""

    vector: NDArray[np.float32]  # (encoder_dim,) output of the encoder
    ctc: NDArray[np.float32] | None  # (vocabulary,) CTC's log probabilities
    lowest: float  # natural log, floor of CTC's score
    top: float  # natural log, the best score
    names: TokenScorer | None  # scores of the names to favour


class BeamSearch:
    """Follows `auricle.streaming.Streaming`; `result` may be called at any moment.

    A state does not depend on the options. A search with another beam may continue from it.
    """

    def __init__(
        self,
        scorer: Scorer,
        pieces: Sequence[str],
        options: SearchOptions | None = None,
        language: LanguageModel | None = None,
        words: WordModel | None = None,
    ) -> None:
        """Join networks, vocabulary and language models.

        Args:
            scorer: predictor and joint.
            pieces: vocabulary of the first pass; token 0 is blank.
            options: width of the search; None: the defaults.
            language: token language model, if there is one.
            words: word language model, if there is one.

        Raises:
            ArgumentError: the options give a weight to a language model that is missing.
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
        """Return a search with the same networks and another beam."""
        search = copy(self)
        search._options = replace(self._options, beam=beam)
        return search

    def initial_state(self, start_time: float = 0.0, biasing: Biasing | None = None) -> SearchState:
        """Return the state before the first frame.

        Args:
            start_time: start of that frame, in seconds on the audio clock.
            biasing: names to favour; built for the vocabulary of this search.
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
            state: state from `initial_state` or the last step.
            frames: (frames, encoder_dim) float32, input of the joint; may have no frames.
            ctc: (frames, vocabulary) float32, CTC's log probabilities of the same frames;
                needed if CTC has a share in the score.

        Raises:
            ArgumentError: `frames` is not two-dimensional, or `ctc` is missing or of another shape.
            ModelError: the scores of the networks are not finite, or not one for each piece.
        """
        if frames.ndim != 2:
            raise ArgumentError(
                f"frames must be of shape (frames, encoder_dim), not {frames.shape}."
            )
        ctc_rows: list[NDArray[np.float32] | None] = [None] * len(frames)
        if self._mixture.ctc:
            ctc_rows = list(self._checked(ctc, len(frames), state.frames))
        for frame, row in zip(frames, ctc_rows, strict=True):
            state = self._advance(state, frame, row)
        return state, self.progress(state)

    def progress(self, state: SearchState) -> Progress:
        """Return the best text so far and the silence after it."""
        best = int(np.argmax(state.scores + self._at_end(state)))
        hypothesis = state.hypotheses[best]
        trailing = state.frames - 1 - hypothesis.branches[0].last
        return Progress(
            text=" ".join(word_history.best_words(hypothesis.word, hypothesis.branches)),
            trailing_seconds=trailing * self._options.frame_seconds,
            blank=min(1.0, float(state.blanks[best]) / trailing) if trailing else 0.0,
        )

    def settled(self, state: SearchState) -> tuple[str, ...]:
        """Return the complete words with which all hypotheses of the beam begin."""
        texts = [word_history.best_words("", one.branches) for one in state.hypotheses]
        shared = takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False))
        return tuple(words[0] for words in shared)

    def result(self, state: SearchState, *, named: bool = True) -> Result:
        """Return the result as if the utterance ended here.

        Args:
            state: state after the last frame.
            named: whether to tag the names; False where a second pass will do so.
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
        """Return the change of each score if the utterance ends here (hypotheses,), natural log.

        The pending bonus of an incomplete name is subtracted; the end of the last word is scored.
        """
        names = state.biasing.search if state.biasing else None
        return np.array([
            (names.end(one.names) if names and one.names else 0.0) + self._word_end(one)
            for one in state.hypotheses
        ])  # fmt: skip

    def _word_end(self, hypothesis: BeamHypothesis) -> float:
        """Return the language score of the end of the word in progress, natural log."""
        if self._fusion is None or hypothesis.language is None:
            return 0.0
        return self._fusion.end(hypothesis.language)

    def _checked(
        self, ctc: NDArray[np.float32] | None, count: int, first: int
    ) -> NDArray[np.float32]:
        """Return CTC's log probabilities after a check; raises as `step` does."""
        expected = count, len(self._pieces)
        if ctc is None:
            raise ArgumentError(
                f"ctc is missing, but its share is {self._mixture.ctc}: give it, or a share of 0."
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
        log_probs = self._token_log_probs(rows, parents.hypotheses, ctc, silent=skips)
        streams = self._mixture.stay(parents.streams, log_probs[:, BLANK], ctc, parents.last)
        lowest = self._mixture.lowest(streams)
        stayed = self._mixture.scores(streams, lowest)
        blanks = state.blanks + np.exp(log_probs[:, BLANK] if ctc is None else ctc[BLANK])
        frame = _Frame(vector, ctc, lowest, float(stayed.max()), names)
        picks = (
            [] if skips else self._pick(parents, log_probs, self._cutoff(stayed), frame, streams)
        )
        if not picks:
            # Most frames end here: no hypothesis emits a token.
            keep = stayed >= self._cutoff(stayed)
            if names is not None and not keep.all():
                keep |= self._kept_within_names(state.hypotheses, stayed, keep, names)
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
            state: state before the frame.
            parents: hypotheses before the frame.
            rows: the transducer's scores of the frame.
            frame: what all hypotheses share.
            picks: the first token of each extended hypothesis.
            stayed: streams and blanks of the hypotheses that emit no token.
        """
        pool = HypothesisPool(self._limits, self._mixture, frame.lowest)
        if self._options.max_symbols == 1:
            self._emit_last(pool, state, parents, frame, picks, stayed)
            return pool.ranked()
        pool.add_all(parents.hypotheses, *stayed)
        for emitted in range(1, self._options.max_symbols + 1):
            parents = self._emit(parents, picks, state, frame).parents()
            # CTC emits at most one token per frame, so it adds nothing to later tokens.
            log_probs = self._token_log_probs(rows, parents.hypotheses, frame.ctc)
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
        """Fill a pool with the hypotheses after a frame that emits at most one token.

        Those that would fall out of the beam are left out before they are created. For the
        arguments see `_emissions`.
        """
        streams, blanks = stayed
        scores = self._mixture.scores(streams, frame.lowest)
        both = np.concatenate([scores, [pick.score for pick in picks]])
        cutoff = self._cutoff(both, self._options.beam + self._options.beam // _SPARE)
        keep = scores >= cutoff
        if frame.names is not None and not keep.all():
            keep |= self._kept_within_names(parents.hypotheses, scores, keep, frame.names)
        kept = np.flatnonzero(keep)
        pool.add_all(
            [parents.hypotheses[index] for index in kept.tolist()], streams[kept], blanks[kept]
        )
        self._emit(
            parents, [one for one in picks if one.forced or one.score >= cutoff], state, frame, pool
        )

    def _token_log_probs(
        self,
        rows: FrameScores,
        hypotheses: Sequence[BeamHypothesis],
        ctc: NDArray[np.float32] | None,
        *,
        silent: bool = False,
    ) -> NDArray[np.float32]:
        """Return the log probability of each token (hypotheses, vocabulary).

        Args:
            rows: the transducer's scores of the frame.
            hypotheses: the hypotheses.
            ctc: (vocabulary,) CTC's log probabilities, used if the transducer has no share.
            silent: CTC is sure of blank; the joint is not run and the result is 0.
        """
        if ctc is not None and (silent or self._mixture.ctc == 1.0):
            row = np.zeros_like(ctc) if silent else ctc
            return np.broadcast_to(row, (len(hypotheses), len(ctc)))
        return rows.of([hypothesis.context for hypothesis in hypotheses])

    def _best(
        self, ranked: Sequence[FrameCandidate], names: TokenScorer | None
    ) -> list[FrameCandidate]:
        """Return the candidates that are kept after a frame, best first.

        Args:
            ranked: all candidates, best first.
            names: scores of the names to favour.
        """
        scores = np.array([candidate.score for candidate in ranked])
        kept = scores >= scores[0] - self._options.score_beam
        kept[self._options.beam :] = False
        if names is not None:
            hypotheses = [one.hypothesis for one in ranked]
            kept |= self._kept_within_names(hypotheses, scores, kept, names)
        return [one for one, stays in zip(ranked, kept.tolist(), strict=True) if stays]

    def _kept_within_names(
        self,
        hypotheses: Sequence[BeamHypothesis],
        scores: NDArray[np.float64],
        kept: NDArray[np.bool_],
        names: TokenScorer,
    ) -> NDArray[np.bool_]:
        """Return which hypotheses outside the beam are kept because they are within a name.

        Args:
            hypotheses: all hypotheses.
            scores: (hypotheses,) natural log.
            kept: (hypotheses,) whether each is kept by the beam.
            names: scores of the names to favour.
        """
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
        """Return the lowest score within the score beam and the beam (default: the options')."""
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
            log_probs: (hypotheses, vocabulary) the transducer's log probabilities.
            cutoff: natural log; later blanks only lower a score, so an extension below the
                cutoff cannot return to the beam.
            frame: what all hypotheses share; `ctc` is None after the frame's first token.
            stayed: (hypotheses, 3) streams of the hypotheses that emit no token, if CTC has a
                share in the score.

        Returns:
            The best extensions, `beam` of them at most; `biasing_beam` more within names; and the
            extensions by which CTC reaches another hypothesis of the beam.
        """
        names = frame.names
        transducer = parents.streams[:, :1] + log_probs
        ctc = self._mixture.extended(parents.streams, frame.ctc, parents.last)
        # Language scores are computed only for hypotheses that can reach the cutoff with them.
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
        unforced = len(above)
        above = np.concatenate([above, forced])
        rows, tokens = np.divmod(above, totals.shape[1])
        graph = np.zeros(len(above)) if language is None else language.ravel()[above]
        ctc_scores = ctc[rows, tokens] if ctc.shape[1] > 1 else ctc[rows, 0]
        columns = (near[rows], tokens, flat[above], graph, transducer.ravel()[above], ctc_scores)
        return [
            _TokenPick(
                parent, token, score, more, Streams(first, acoustic.NOTHING, second), at >= unforced
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
        """Return the extensions that lead to another hypothesis of the beam by CTC.

        Args:
            hypotheses: hypotheses before the frame.
            ctc: (hypotheses, vocabulary) CTC's score of each extension.
            stayed: see `_pick`; None gives no extensions.

        Returns:
            Pairs of a hypothesis' index and a token.
        """
        if stayed is None or not self._mixture.ctc:
            return []
        places = {hypothesis.key: index for index, hypothesis in enumerate(hypotheses)}
        known = np.logaddexp(stayed[:, 1], stayed[:, 2]).tolist()
        found = []
        for index, hypothesis in enumerate(hypotheses):
            parent = places.get(hypothesis.parent) if hypothesis.parent else None
            token = hypothesis.context[1]
            if parent is not None and ctc[parent, token] > known[index] - _LINK_BEAM:
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
        """Return the indices in `totals` of the best further extensions that continue a name.

        Args:
            parents: the hypotheses.
            totals: (parents * vocabulary,) natural log score of each extension.
            chosen: indices in `totals` of the extensions that are kept anyway.
            bonus: (parents, vocabulary) bonus of the names, in nats.
            floor: natural log score that an extension must exceed.
            names: scores of the names to favour.
        """
        pending = np.array([[_pending_bonus(parent, names)] for parent in parents], np.float32)
        inner = (bonus > 0) & (bonus + pending >= self._options.min_bonus)
        inner.ravel()[chosen] = False
        found = np.flatnonzero(inner.ravel() & (totals > floor))
        return found[np.argsort(-totals[found])[: self._options.biasing_beam]]

    def _language(
        self, parents: Sequence[BeamHypothesis], width: int, bonus: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """Return the graph score of each token (parents, vocabulary), natural log.

        It is the sum of the language scores and the bonus of names; None without either.

        Args:
            parents: the hypotheses.
            width: encoder_dim.
            bonus: (parents, vocabulary) bonus of the names, in nats; None without names.
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
        """Add the extended hypotheses to a pool and return it.

        Args:
            parents: hypotheses before the token.
            picks: extensions.
            state: state before the frame.
            frame: what all hypotheses share.
            pool: where to add them; None: a new pool.
        """
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
                branches=word_history.emit_token(
                    branches, state.frames, first=starts or not parent.word
                ),
                graph=parent.graph + graph,
                language=language,
                names=_names_after(state.biasing, parent.names, token),
                parent=parent.key if self._mixture.ctc else None,
            )
            pool.add(FrameCandidate(hypothesis, score, 0.0, streams))
        return pool

    def _end_word(self, hypothesis: BeamHypothesis, score: float) -> tuple[WordLink, ...]:
        """Return the branches of a hypothesis after its word in progress has ended."""
        more = self._word_end(hypothesis)
        ways = WordLinks(hypothesis.branches, score + more, hypothesis.graph + more)
        return word_history.end_word(hypothesis.word, ways)


def _pending_bonus(hypothesis: BeamHypothesis, names: TokenScorer) -> float:
    """Return the pending bonus of a name in progress, in nats."""
    return names.pending_bonus(hypothesis.names) if hypothesis.names else 0.0


def _names_after(
    biasing: Biasing | None, names: scorer.TokenScorerState | None, token: int
) -> scorer.TokenScorerState | None:
    """Return the state of the name scorer after one more token."""
    return biasing.search.step(names, token) if biasing and names else None


def _frozen(
    values: Sequence[float] | Sequence[Streams] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values as a read-only float64 array."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
