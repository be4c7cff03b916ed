"""The second pass: attention over all encoder frames judges what the first pass has found.

In: the first pass' result and the features of the utterance. Out: a result whose readings are
ranked by both passes together, with readings of the second pass' own where it is let; after Sainath
et al., "Two-pass end-to-end speech recognition" (arXiv:1908.10992). A reading's score joins
attention and CTC as in Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech
recognition" (IEEE JSTSP 11(8), 2017): attention alone loops and invents, and CTC gives such
readings away, for no sound stands behind their tokens.
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
from auricle.recognizer.surface_forms import END, Writing
from auricle.tokenizer import BLANK, WORD_START, Tokenizer

Floats = NDArray[np.float32]
ENDINGS = 2  # readings of its own that are kept for each that is followed
LEAST = 12  # pieces that may be written of the shortest utterance: a loop needs some to show
REPEATS = (5, 4, 3)  # times that one piece, two, or more say the same in a row: it is a loop
_Begun = tuple[AttentionState, Floats]  # what `AttentionScorer.begin` gives


class SecondPassMode(Enum):
    """What the second pass may do."""

    OFF = "off"
    RESCORE = "rescore"  # rank the readings of the first pass
    FULL = "full"  # and add its own


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPassOptions:
    """How the second pass ranks and how far it looks."""

    mode: SecondPassMode = SecondPassMode.FULL
    paths: int = 4  # of the first pass that are judged
    beam: int = 4  # readings of its own that are followed, and kept
    ctc_weight: float = 0.2  # of CTC beside attention, where CTC is certain; see `certainty`
    contradiction: float = 11.0  # nats a word by which CTC may prefer the first pass' texts
    word_gap: float = 1.0  # seconds between tokens of one word: more, and nobody has said it
    pieces_per_second: float = 9.0  # more than anybody speaks: where a loop is stopped

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in ("paths", "beam"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        for name in ("ctc_weight", "contradiction", "word_gap", "pieces_per_second"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")

    def weight(self, certainty: float) -> float:
        """Return the weight of CTC in an utterance of which it is so certain; see `certainty`.

        It falls with the square: CTC knows less than attention of unseen voices and in noise.
        """
        return self.ctc_weight * certainty**2


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What the second pass needs of an utterance besides the first pass' result."""

    features: Floats  # (n, 80): log-mel (10 ms) of each chunk that it touches
    first: int  # encoder frame (20 ms) in them at which it begins
    log_probs: Floats  # (frames, tokens) natural log: CTC's, at the frames of the search
    start: float  # seconds on the audio clock of the first of these
    frame_seconds: float  # their length


@dataclass(frozen=True, slots=True)
class _Judged:
    """A way to write a text, with what attention says of it."""

    pieces: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()  # natural log of each piece and, once it is over, of the end
    names: Any = None  # where names stand: a state of `BiasingScorer`
    bonus: float = 0.0  # nats that names add
    ends: tuple[float, ...] = ()  # natural log of the end before each piece

    @property
    def score(self) -> float:
        """Natural log of the whole."""
        return sum(self.scores) + self.bonus

    def goes_on(
        self, pick: _PiecePick, names: BiasingScorer[Any] | None = None, end: float = 0.0
    ) -> _Judged:
        """Return a copy extended by one piece; END adds its score only.

        Args:
            pick: the piece.
            names: to favour.
            end: natural log of END in the place of the piece.
        """
        pieces = self.pieces if pick.piece == END else (*self.pieces, pick.piece)
        after = self.names
        if names is not None and pick.piece != END:
            after = names.step(self.names, pick.piece)
        bonus = self.bonus + pick.bonus
        return _Judged(pieces, (*self.scores, pick.score), after, bonus, (*self.ends, end))

    def cut(self, count: int) -> _Judged:
        """Return the reading as if it had ended after `count` of its pieces, without names."""
        return _Judged(self.pieces[:count], (*self.scores[:count], self.ends[count]))


class _PiecePick(NamedTuple):
    """One more piece of a reading."""

    piece: int
    score: float  # natural log
    bonus: float = 0.0  # nats that names add


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reading of either pass with all that it is judged by."""

    text: str
    judged: _Judged  # by attention
    tokens: tuple[int, ...]  # of the first pass
    alignment: Alignment  # by CTC
    is_given: bool  # whether the first pass found it
    holds_together: bool  # whether the tokens of each word lie near each other

    def score(self, ctc_weight: float) -> float:
        """Return the natural log of the joint score."""
        return self.judged.score + ctc_weight * self.alignment.score


class SecondPass:
    """Refines results; keeps nothing between utterances."""

    def __init__(
        self,
        scorer: AttentionScorer,
        pieces: Tokenizer,
        tokens: Tokenizer,
        options: SecondPassOptions | None = None,
    ) -> None:
        """Take the network and the vocabularies of second and first pass."""
        self.pieces = pieces
        self._scorer = scorer
        self._writing = Writing(pieces)
        self._tokens = tokens
        self._options = options or SecondPassOptions()

    def limited(self, mode: SecondPassMode, beam: int) -> SecondPass:
        """Return a second pass by the same network that may do something else.

        Args:
            mode: what it may do.
            beam: readings of its own that are followed, and as many of the first pass are judged;
                where it has none of its own, all of them are as before.
        """
        options = replace(self._options, mode=mode, beam=beam)
        if mode is SecondPassMode.FULL:
            options = replace(options, paths=beam)
        limited = copy(self)
        limited._options = options
        return limited

    @property
    def frames(self) -> int:
        """How many encoder frames of an utterance it can take in."""
        return self._scorer.frames

    def refine(self, first: Result, utterance: Utterance, biasing: Biasing | None = None) -> Result:
        """Return the result of both passes; the first's where nothing was said.

        Args:
            first: the first pass' result.
            utterance: what it was made of.
            biasing: names to favour.
        """
        candidates = self.candidates(first, utterance, biasing)
        weight = self._options.weight(certainty(utterance.log_probs))
        readings = [
            self._reading(one, weight, utterance) for one in chosen(candidates, self._options)
        ]
        return named_result(lattice_of(readings), len(first.nbest), biasing) if readings else first

    def candidates(
        self, first: Result, utterance: Utterance, biasing: Biasing | None = None
    ) -> list[Candidate]:
        """Return the readings of both passes with all scores; none where nothing was said.

        Args:
            first: the first pass' result.
            utterance: what it was made of.
            biasing: names to favour.
        """
        options = self._options
        names = biasing.attention if biasing else None
        texts = [one.text for one in first.nbest[: options.paths] if self._can_align(one.text)]
        if not first.text or not texts:
            return []
        begun = self._scorer.begin(utterance.features, utterance.first)
        judged: dict[str, _Judged] = {}
        if options.mode is SecondPassMode.FULL:
            seconds = len(utterance.log_probs) * utterance.frame_seconds
            # What names are lent on the way may drive other words out of the beam: it is not the
            # only one.
            for favoured in (None, names) if names else (None,):
                for own in self._decode(begun, seconds, favoured):
                    text = self._writing.plain(own.pieces)
                    if text not in judged and self._can_align(text):
                        judged[text] = own
        judged |= self._judge([text for text in texts if text not in judged], begun)
        if names is not None:
            judged = {
                text: replace(one, bonus=names.of_text(text)) for text, one in judged.items()
            }
        sequences = [self._tokens.encode(text) for text in judged]
        alignments = align(utterance.log_probs, sequences)
        return [
            Candidate(
                text=text,
                judged=judged[text],
                tokens=tuple(sequence),
                alignment=alignment,
                is_given=text in texts,
                holds_together=self._holds_together(sequence, alignment, utterance.frame_seconds),
            )
            for text, alignment, sequence in zip(judged, alignments, sequences, strict=True)
        ]

    def _can_align(self, text: str) -> bool:
        """Return whether the first pass could have written a text; it says something then."""
        tokens = self._tokens.encode(text)
        starts = sum(self._tokens.pieces[token].startswith(WORD_START) for token in tokens)
        return 0 < starts == len(text.split()) and self._tokens.decode(tokens) == text

    def _holds_together(
        self, tokens: Sequence[int], alignment: Alignment, frame_seconds: float
    ) -> bool:
        """Return whether the tokens of each word lie near each other."""
        return all(
            (frame - before) * frame_seconds <= self._options.word_gap
            for token, before, frame in zip(
                tokens[1:], alignment.frames, alignment.frames[1:], strict=False
            )
            if not self._tokens.pieces[token].startswith(WORD_START)
        )

    def _judge(self, texts: Sequence[str], begun: _Begun) -> dict[str, _Judged]:
        """Return how attention would write given texts, and what it says of that.

        A text that has more pieces than there are places is left out: nothing is known of its end.
        """
        judged: dict[str, _Judged] = {}
        for first in range(0, len(texts), self._scorer.rows):
            group = texts[first : first + self._scorer.rows]
            places = [self._writing.begin(text) for text in group]
            found = [_Judged() for _ in group]
            going = set(range(len(group)))
            state, log_probs = begun[0], np.repeat(begun[1], len(group), axis=0)
            parents = [0] * len(group)
            for _ in range(self._scorer.places + 1):
                chosen = [END] * len(group)
                for row in going:
                    may = self._writing.following(places[row])
                    chosen[row] = may[int(log_probs[row, may].argmax())]
                    score = float(log_probs[row, chosen[row]])
                    found[row] = found[row].goes_on(_PiecePick(chosen[row], score))
                going = {row for row in going if chosen[row] != END}
                if not going or len(found[min(going)].pieces) >= self._scorer.places:
                    break
                for row in going:
                    places[row] = self._writing.take(places[row], chosen[row])
                state, log_probs = self._scorer.step(state, chosen, parents)
                parents = list(range(len(group)))
            judged |= {text: found[row] for row, text in enumerate(group) if row not in going}
        return judged

    def _decode(
        self, begun: _Begun, seconds: float, names: BiasingScorer[Any] | None
    ) -> list[_Judged]:
        """Return the readings that attention finds itself, by beam search."""
        longest = min(self._scorer.places, round(seconds * self._options.pieces_per_second) + LEAST)
        beam = min(self._options.beam, self._scorer.rows)
        state, log_probs = begun
        going = [_Judged(names=names.begin() if names is not None else None)]
        ended: list[_Judged] = []
        cut: list[_Judged] = []  # readings that went round in a loop, as they were before
        for _ in range(longest):
            chosen: list[tuple[int, _PiecePick, _Judged]] = []
            for row, pick in self._best(going, log_probs, beam, names):
                if self._repeats(going[row], pick, names):
                    continue
                one = going[row].goes_on(pick, names, float(log_probs[row, END]))
                if pick.piece == END:
                    ended.append(one)
                elif rounds := loop_starts(one.pieces):
                    cut += [one.cut(count) for count in rounds]
                elif len(chosen) < beam:
                    chosen.append((row, pick, one))
            if not chosen or self._enough(ended, chosen[0][2].score, beam):
                break
            going = [one for _, _, one in chosen]
            state, log_probs = self._scorer.step(
                state, [pick.piece for _, pick, _ in chosen], [row for row, _, _ in chosen]
            )
        return _best_of(ended, ENDINGS * beam) + _best_of(cut, ENDINGS * beam)

    def _repeats(self, one: _Judged, pick: _PiecePick, names: BiasingScorer[Any] | None) -> bool:
        """Return whether a reading says a name twice, once a word is over: it would go on so."""
        if names is None or not one.bonus:
            return False
        over = pick.piece == END or self._writing.begins_word(pick.piece)
        return over and names.repeats(self._writing.plain(one.pieces))

    def _best(
        self,
        going: Sequence[_Judged],
        log_probs: Floats,
        beam: int,
        names: BiasingScorer[Any] | None,
    ) -> Iterator[tuple[int, _PiecePick]]:
        """Yield the best extensions of all readings, twice as many as the beam: some will end."""
        totals = log_probs + np.array([[one.score] for one in going], np.float32)
        bonus = None
        if names is not None:
            bonus = np.stack([names.row(one.names) for one in going])
            bonus[:, END] = [names.end(one.names) for one in going]
            totals += bonus
        flat = totals.ravel()
        count = min(2 * beam, len(flat))
        top = np.argpartition(flat, -count)[-count:]
        for index in top[np.argsort(-flat[top])].tolist():
            row, piece = divmod(index, log_probs.shape[1])
            gain = 0.0 if bonus is None else float(bonus[row, piece])
            yield row, _PiecePick(piece, float(log_probs[row, piece]), gain)

    def _enough(self, ended: Sequence[_Judged], best: float, beam: int) -> bool:
        """Whether nothing that goes on can come among the best of those that have ended."""
        if len(ended) < beam:
            return False
        return best < sorted((one.score for one in ended), reverse=True)[beam - 1]

    def _reading(self, one: Candidate, weight: float, utterance: Utterance) -> NbestReading:
        """Join times, attention and CTC, word by word."""
        starts = [place for place, token in enumerate(one.tokens)
                  if self._tokens.pieces[token].startswith(WORD_START)]  # fmt: skip
        frames = one.alignment.frames
        words = []
        attention = self._by_word(one.judged)
        for number, word in enumerate(one.text.split()):
            last = starts[number + 1] if number + 1 < len(starts) else len(one.tokens)
            # A token comes when its sound is over: the word began about one frame earlier.
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

    def _by_word(self, judged: _Judged) -> list[float]:
        """Return attention's scores summed over the pieces of each word and what follows it."""
        sums: list[float] = []
        for piece, score in zip(judged.pieces, judged.scores, strict=False):
            if self._writing.begins_word(piece) or not sums:
                sums.append(0.0)
            sums[-1] += score
        return sums


def chosen(candidates: Sequence[Candidate], options: SecondPassOptions) -> list[Candidate]:
    """Return the candidates that sound stands behind: all of the first pass, and some of others.

    A listed name may be spelled unlike it sounds, and CTC spells by sound: what names add to a
    candidate counts against what CTC takes from it.
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


def certainty(log_probs: Floats) -> float:
    """Return how certain CTC is of an utterance: 0, where it knows nothing, to 1.

    It is the mean probability of the best token over the frames in which that is not blank: near
    1 for clear voices of a kind that training held, about 0.6 for others and in noise.

    Args:
        log_probs: (frames, tokens) natural log.
    """
    best = log_probs.argmax(axis=1)
    some = np.flatnonzero(best != BLANK)
    return float(np.exp(log_probs[some, best[some]]).mean()) if len(some) else 0.0


def loop_starts(pieces: Sequence[int]) -> list[int]:
    """Return after how many pieces each round of a loop ended; nothing where there is no loop.

    A loop is what says the same so often in a row, up to its last piece, as nobody does.
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


def _best_of(judged: Sequence[_Judged], count: int) -> list[_Judged]:
    """Return those with the highest scores, the best first."""
    return sorted(judged, key=lambda one: -one.score)[:count]
