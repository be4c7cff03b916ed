"""The second pass: an attention decoder rescores the n-best list of the first pass.

In: the first-pass result, feature frames and CTC scores of a segment (`Utterance`). Out: a `Result`
with n-best list and lattice, ranked by both passes. In mode FULL the attention decoder also adds
hypotheses of its own, found by beam search. The design is that of Sainath et al., "Two-pass
end-to-end speech recognition" (arXiv:1908.10992).

The score of a hypothesis joins attention and CTC, as in Watanabe et al., "Hybrid CTC/attention
architecture for end-to-end speech recognition" (IEEE JSTSP 11(8), 2017). Attention alone tends to
loop and to invent words; CTC scores such words low, because no audio supports them. A reading that
says words twice which the audio contains once (`repetition`) is left out, unless it is the best.

"Pieces" are the vocabulary of the attention decoder (Whisper's), "tokens" that of the first pass.
The pieces include capitals and punctuation; `surface_forms.Writing` converts between pieces and
plain text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.biasing import Biasing
from auricle.biasing.scorer import BiasingScorer
from auricle.biasing.tagging import named_result
from auricle.errors import ArgumentError
from auricle.lattice.from_nbest import NbestReading, SpokenWord, lattice_of
from auricle.lattice.result import Result
from auricle.recognizer.attention_decoder import AttentionScorer, AttentionState
from auricle.recognizer.ctc_alignment import Alignment, align
from auricle.recognizer.repetition import stutters
from auricle.recognizer.surface_forms import END, Writing
from auricle.recognizer.written_form import punctuated_text, punctuated_words
from auricle.tokenizer import BLANK, WORD_START, Tokenizer

Floats = NDArray[np.float32]
ENDINGS = 2  # complete hypotheses kept per hypothesis of the beam
LEAST = 12  # pieces allowed in the shortest utterance; loop detection needs some
REPEATS = (5, 4, 3)  # repetitions that make a loop of one piece, of two pieces, and of more
_Begun = tuple[AttentionState, Floats]  # result of `AttentionScorer.begin`


class SecondPassMode(Enum):
    """What the second pass may do."""

    OFF = "off"
    RESCORE = "rescore"  # rank the hypotheses of the first pass
    FULL = "full"  # also add its own


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPassOptions:
    """How the second pass ranks and how far it searches."""

    mode: SecondPassMode = SecondPassMode.FULL
    paths: int = 4  # hypotheses of the first pass to rescore
    beam: int = 4  # beam of the second pass' own search
    ctc_weight: float = 0.2  # weight of CTC's score at a certainty of 1; see `weight`
    contradiction: float = 11.0  # nats per word by which CTC may prefer the first pass' texts
    word_gap: float = 1.0  # most seconds between two tokens of one word; more: not spoken
    pieces_per_second: float = 9.0  # limit of the search; faster than any speech, it ends loops

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("paths", "beam"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        for name in ("ctc_weight", "contradiction", "word_gap", "pieces_per_second"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")

    def weight(self, certainty: float) -> float:
        """Return the weight of CTC's score, given its `certainty` of an utterance.

        The weight is quadratic in the certainty: with unseen voices and in noise CTC is less
        accurate than attention.
        """
        return self.ctc_weight * certainty**2


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """Input of the second pass besides the first-pass result."""

    features: Floats  # (n, 80) feature frames (10 ms) of all chunks of the segment
    first: int  # encoder frame (20 ms) in them at which the segment begins
    log_probs: Floats  # (frames, tokens) CTC's log probabilities of the search frames (80 ms)
    start: float  # start of the first search frame, in seconds on the audio clock
    frame_seconds: float  # length of a search frame


@dataclass(frozen=True, slots=True)
class _PieceHypothesis:
    """A sequence of pieces with its attention scores."""

    pieces: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()  # log probability of each piece and, if complete, of END
    names: Any = None  # state of the `BiasingScorer`
    bonus: float = 0.0  # bonus of names, in nats
    ends: tuple[float, ...] = ()  # log probability of END in place of each piece

    @property
    def score(self) -> float:
        """Natural log score of the whole sequence."""
        return sum(self.scores) + self.bonus

    def extended(
        self, pick: _PiecePick, names: BiasingScorer[Any] | None = None, end: float = 0.0
    ) -> _PieceHypothesis:
        """Return a copy extended by one piece; END adds its score only.

        Args:
            pick: the piece.
            names: scorer of the names to favour, if any.
            end: log probability of END in place of the piece.
        """
        pieces = self.pieces if pick.piece == END else (*self.pieces, pick.piece)
        after = self.names
        if names is not None and pick.piece != END:
            after = names.step(self.names, pick.piece)
        bonus = self.bonus + pick.bonus
        return _PieceHypothesis(pieces, (*self.scores, pick.score), after, bonus, (*self.ends, end))

    def cut(self, count: int) -> _PieceHypothesis:
        """Return the first `count` pieces as a complete hypothesis, without bonus."""
        return _PieceHypothesis(self.pieces[:count], (*self.scores[:count], self.ends[count]))


class _PiecePick(NamedTuple):
    """An extension by one piece."""

    piece: int
    score: float  # log probability
    bonus: float = 0.0  # bonus of names, in nats


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A text found by either pass, with its scores."""

    text: str
    judged: _PieceHypothesis  # its pieces with the scores of attention
    tokens: tuple[int, ...]  # the text in tokens of the first pass
    alignment: Alignment  # the tokens aligned by CTC
    is_given: bool  # whether the first pass found it
    holds_together: bool  # whether no word has a gap longer than `word_gap`
    stutters: bool  # whether it says words twice that the audio contains once

    def score(self, ctc_weight: float) -> float:
        """Return the joint score of attention and CTC, natural log."""
        return self.judged.score + ctc_weight * self.alignment.score


class SecondPass:
    """Rescores first-pass results; keeps no state between utterances."""

    def __init__(
        self,
        scorer: AttentionScorer,
        pieces: Tokenizer,
        tokens: Tokenizer,
        options: SecondPassOptions | None = None,
    ) -> None:
        """Join the attention decoder and the vocabularies.

        Args:
            scorer: attention decoder.
            pieces: its vocabulary.
            tokens: vocabulary of the first pass.
            options: how to rank; None: the defaults.
        """
        self.pieces = pieces
        self._scorer = scorer
        self._writing = Writing(pieces)
        self._tokens = tokens
        self._options = options or SecondPassOptions()

    def limited(self, mode: SecondPassMode, beam: int) -> SecondPass:
        """Return a second pass with the same network and another computing cost.

        Args:
            mode: what it may do.
            beam: beam of its own search. In mode FULL it is also the number of first-pass
                hypotheses to rescore; in mode RESCORE that number stays.
        """
        options = replace(self._options, mode=mode, beam=beam)
        if mode is SecondPassMode.FULL:
            options = replace(options, paths=beam)
        limited = copy(self)
        limited._options = options
        return limited

    @property
    def frames(self) -> int:
        """Number of encoder frames that it can read."""
        return self._scorer.frames

    def refine(self, first: Result, utterance: Utterance, biasing: Biasing | None = None) -> Result:
        """Return the result of both passes; `first` itself if it has no words.

        Args:
            first: first-pass result.
            utterance: the audio of the same segment.
            biasing: names to favour.
        """
        candidates = self.candidates(first, utterance, biasing)
        weight = self._options.weight(certainty(utterance.log_probs))
        supported = without_stutter(chosen(candidates, self._options), weight)
        readings = [self._reading(one, weight, utterance) for one in supported]
        if not readings:
            return first
        lattice = lattice_of(readings)
        result = named_result(lattice, len(first.nbest), biasing)
        return self._punctuated(result, lattice.best_path().text, candidates)

    def _punctuated(self, result: Result, text: str, candidates: Sequence[Candidate]) -> Result:
        """Return a result with its punctuated text.

        Args:
            result: the result, in which names may have another spelling.
            text: its text before that.
            candidates: all hypotheses; one of them has this text.
        """
        plain = text.split()
        judged = next((one.judged for one in candidates if one.text == text), None)
        parts = judged and punctuated_words(self.pieces.decode(judged.pieces), plain)
        if not parts or len(plain) != len(result.words):
            return result
        return replace(
            result, punctuated=punctuated_text(parts, plain, result.words, result.names)
        )

    def candidates(
        self, first: Result, utterance: Utterance, biasing: Biasing | None = None
    ) -> list[Candidate]:
        """Return the hypotheses of both passes with their scores; none if `first` has no words.

        Args:
            first: first-pass result.
            utterance: the audio of the same segment.
            biasing: names to favour.
        """
        options = self._options
        names = biasing.attention if biasing else None
        texts = [one.text for one in first.nbest[: options.paths] if self._can_align(one.text)]
        if not first.text or not texts:
            return []
        begun = self._scorer.begin(utterance.features, utterance.first)
        judged: dict[str, _PieceHypothesis] = {}
        if options.mode is SecondPassMode.FULL:
            seconds = len(utterance.log_probs) * utterance.frame_seconds
            # The pending bonus of names may push other words out of the beam. So search without
            # names first.
            for favoured in (None, names) if names else (None,):
                for own in self._decode(begun, seconds, favoured):
                    text = self._writing.plain(own.pieces)
                    if text not in judged and self._can_align(text):
                        judged[text] = own
        judged |= self._judge([text for text in texts if text not in judged], begun)
        if names is not None:
            judged = {text: replace(one, bonus=names.of_text(text)) for text, one in judged.items()}
        sequences = [self._tokens.encode(text) for text in judged]
        alignments = align(utterance.log_probs, sequences)
        scores = [alignment.score for alignment in alignments]
        stuttered = stutters(utterance.log_probs, list(judged), scores, self._tokens.encode)
        return [
            Candidate(
                text=text,
                judged=judged[text],
                tokens=tuple(sequence),
                alignment=alignment,
                is_given=text in texts,
                holds_together=self._holds_together(sequence, alignment, utterance.frame_seconds),
                stutters=repeated,
            )
            for text, alignment, sequence, repeated in zip(
                judged, alignments, sequences, stuttered, strict=True
            )
        ]

    def _can_align(self, text: str) -> bool:
        """Return whether a text has words and can be written in tokens of the first pass."""
        tokens = self._tokens.encode(text)
        starts = sum(self._tokens.pieces[token].startswith(WORD_START) for token in tokens)
        return 0 < starts == len(text.split()) and self._tokens.decode(tokens) == text

    def _holds_together(
        self, tokens: Sequence[int], alignment: Alignment, frame_seconds: float
    ) -> bool:
        """Return whether no word has a gap between tokens longer than `word_gap`."""
        return all(
            (frame - before) * frame_seconds <= self._options.word_gap
            for token, before, frame in zip(
                tokens[1:], alignment.frames, alignment.frames[1:], strict=False
            )
            if not self._tokens.pieces[token].startswith(WORD_START)
        )

    def _judge(self, texts: Sequence[str], begun: _Begun) -> dict[str, _PieceHypothesis]:
        """Return the attention scores of given texts, each in its most probable surface form.

        A text with more pieces than the decoder has positions is left out, because the score of
        its end is unknown.
        """
        judged: dict[str, _PieceHypothesis] = {}
        for first in range(0, len(texts), self._scorer.rows):
            group = texts[first : first + self._scorer.rows]
            places = [self._writing.begin(text) for text in group]
            found = [_PieceHypothesis() for _ in group]
            active = set(range(len(group)))
            state, log_probs = begun[0], np.repeat(begun[1], len(group), axis=0)
            parents = [0] * len(group)
            for _ in range(self._scorer.places + 1):
                chosen = [END] * len(group)
                for row in active:
                    may = self._writing.following(places[row])
                    chosen[row] = may[int(log_probs[row, may].argmax())]
                    score = float(log_probs[row, chosen[row]])
                    found[row] = found[row].extended(_PiecePick(chosen[row], score))
                active = {row for row in active if chosen[row] != END}
                if not active or len(found[min(active)].pieces) >= self._scorer.places:
                    break
                for row in active:
                    places[row] = self._writing.take(places[row], chosen[row])
                state, log_probs = self._scorer.step(state, chosen, parents)
                parents = list(range(len(group)))
            judged |= {text: found[row] for row, text in enumerate(group) if row not in active}
        return judged

    def _decode(
        self, begun: _Begun, seconds: float, names: BiasingScorer[Any] | None
    ) -> list[_PieceHypothesis]:
        """Return the hypotheses of a beam search with the attention decoder.

        Args:
            begun: state and scores before the first piece.
            seconds: length of the segment.
            names: scorer of the names to favour, if any.
        """
        longest = min(self._scorer.places, round(seconds * self._options.pieces_per_second) + LEAST)
        beam = min(self._options.beam, self._scorer.rows)
        state, log_probs = begun
        active = [_PieceHypothesis(names=names.begin() if names is not None else None)]
        ended: list[_PieceHypothesis] = []
        cut: list[_PieceHypothesis] = []  # looping hypotheses, cut after each round
        for _ in range(longest):
            chosen: list[tuple[int, _PiecePick, _PieceHypothesis]] = []
            for row, pick in self._best(active, log_probs, beam, names):
                if self._repeats(active[row], pick, names):
                    continue
                one = active[row].extended(pick, names, float(log_probs[row, END]))
                if pick.piece == END:
                    ended.append(one)
                elif rounds := loop_starts(one.pieces):
                    cut += [one.cut(count) for count in rounds]
                elif len(chosen) < beam:
                    chosen.append((row, pick, one))
            if not chosen or self._enough(ended, chosen[0][2].score, beam):
                break
            active = [one for _, _, one in chosen]
            state, log_probs = self._scorer.step(
                state, [pick.piece for _, pick, _ in chosen], [row for row, _, _ in chosen]
            )
        return _best_of(ended, ENDINGS * beam) + _best_of(cut, ENDINGS * beam)

    def _repeats(
        self, one: _PieceHypothesis, pick: _PiecePick, names: BiasingScorer[Any] | None
    ) -> bool:
        """Return whether a hypothesis has a name twice at the end of a word, likely a loop."""
        if names is None or not one.bonus:
            return False
        over = pick.piece == END or self._writing.begins_word(pick.piece)
        return over and names.repeats(self._writing.plain(one.pieces))

    def _best(
        self,
        active: Sequence[_PieceHypothesis],
        log_probs: Floats,
        beam: int,
        names: BiasingScorer[Any] | None,
    ) -> Iterator[tuple[int, _PiecePick]]:
        """Yield the best extensions with their rows, twice the beam because some will end."""
        totals = log_probs + np.array([[one.score] for one in active], np.float32)
        bonus = None
        if names is not None:
            bonus = np.stack([names.row(one.names) for one in active])
            bonus[:, END] = [names.end(one.names) for one in active]
            totals += bonus
        flat = totals.ravel()
        count = min(2 * beam, len(flat))
        top = np.argpartition(flat, -count)[-count:]
        for index in top[np.argsort(-flat[top])].tolist():
            row, piece = divmod(index, log_probs.shape[1])
            gain = 0.0 if bonus is None else float(bonus[row, piece])
            yield row, _PiecePick(piece, float(log_probs[row, piece]), gain)

    def _enough(self, ended: Sequence[_PieceHypothesis], best: float, beam: int) -> bool:
        """Return whether no active hypothesis can enter the best `beam` of those that ended."""
        if len(ended) < beam:
            return False
        return best < sorted((one.score for one in ended), reverse=True)[beam - 1]

    def _reading(self, one: Candidate, weight: float, utterance: Utterance) -> NbestReading:
        """Return a candidate as a reading with times and scores of its words."""
        starts = [place for place, token in enumerate(one.tokens)
                  if self._tokens.pieces[token].startswith(WORD_START)]  # fmt: skip
        frames = one.alignment.frames
        words = []
        attention = self._by_word(one.judged)
        for number, word in enumerate(one.text.split()):
            last = starts[number + 1] if number + 1 < len(starts) else len(one.tokens)
            # A token is emitted at the end of its sound: the word began about one frame earlier.
            begin, end = max(0, frames[starts[number]] - 1), frames[last - 1] + 1
            words.append(
                SpokenWord(
                    word=word,
                    start=utterance.start + begin * utterance.frame_seconds,
                    end=utterance.start + end * utterance.frame_seconds,
                    graph=attention[number] if number < len(attention) else 0.0,
                )
            )
        return NbestReading(
            words=tuple(words),
            acoustic=weight * one.alignment.score,
            graph=one.judged.score,
        )

    def _by_word(self, judged: _PieceHypothesis) -> list[float]:
        """Return the attention score of each word with the punctuation after it."""
        sums: list[float] = []
        for piece, score in zip(judged.pieces, judged.scores, strict=False):
            if self._writing.begins_word(piece) or not sums:
                sums.append(0.0)
            sums[-1] += score
        return sums


def chosen(candidates: Sequence[Candidate], options: SecondPassOptions) -> list[Candidate]:
    """Return the candidates that the audio supports.

    Those of the first pass all are. One of the second pass must have a CTC score near theirs. The
    bonus of names is added to that score, because a name may be spelled unlike it sounds and CTC
    spells by sound.
    """
    least = max(
        (one.alignment.score for one in candidates if one.is_given),
        default=-math.inf,
    )
    return [
        one
        for one in candidates
        if one.is_given
        or (
            one.alignment.score + one.judged.bonus
            >= least - options.contradiction * (1 + len(one.text.split()))
            and one.holds_together
        )
    ]


def without_stutter(candidates: Sequence[Candidate], ctc_weight: float) -> list[Candidate]:
    """Return the candidates that do not stutter, and the best one in any case."""
    best = max(candidates, key=lambda one: one.score(ctc_weight), default=None)
    return [one for one in candidates if one is best or not one.stutters]


def certainty(log_probs: Floats) -> float:
    """Return how certain CTC is of an utterance, 0 to 1.

    It is the mean probability of the best token over the frames in which that is not blank: near 1
    for clear voices like those in the training data, about 0.6 for other voices and in noise.

    Args:
        log_probs: (frames, tokens) CTC's log probabilities.
    """
    best = log_probs.argmax(axis=1)
    some = np.flatnonzero(best != BLANK)
    return float(np.exp(log_probs[some, best[some]]).mean()) if len(some) else 0.0


def loop_starts(pieces: Sequence[int]) -> list[int]:
    """Return the number of pieces before each repetition of a loop; empty without a loop.

    A loop is a group of pieces that is repeated up to the last piece, as often as `REPEATS` says.
    """
    count = len(pieces)
    for length in range(1, count // REPEATS[-1] + 1):
        times = REPEATS[min(length, len(REPEATS)) - 1]
        last = pieces[count - length :]
        if times * length <= count and all(
            pieces[count - (n + 1) * length : count - n * length] == last for n in range(1, times)
        ):
            return [count - n * length for n in range(1, times)]
    return []


def _best_of(judged: Sequence[_PieceHypothesis], count: int) -> list[_PieceHypothesis]:
    """Return the `count` hypotheses with the highest scores, best first."""
    return sorted(judged, key=lambda one: -one.score)[:count]
