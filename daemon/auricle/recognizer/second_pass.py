"""The second pass: attention over all encoder frames judges what the first pass has found.

In: the first pass' result and the encoder frames of the utterance. Out: a result whose readings
are ranked by both passes together, with readings of the second pass' own where it is let. The two
passes read one encoder, after Sainath et al., "Two-pass end-to-end speech recognition"
(arXiv:1908.10992); a reading's score joins attention and CTC as in Watanabe et al., "Hybrid
CTC/attention architecture for end-to-end speech recognition" (IEEE JSTSP 11(8), 2017): attention
alone loops and invents, and CTC gives such readings away, for no sound stands behind their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle.recognizer.alignment import Alignment, align
from auricle.recognizer.attention import AttentionScorer, AttentionState, MemoryPart
from auricle.recognizer.confidence import word_confidences
from auricle.recognizer.readings import Reading, SpokenWord, lattice_of
from auricle.recognizer.result import Hypothesis, Result, Word
from auricle.recognizer.tokenizer import WORD_START, Tokenizer

Floats = NDArray[np.float32]
END = 0  # the piece after the last
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
    ctc_weight: float = 0.6  # of CTC beside attention
    contradiction: float = 40.0  # nats that CTC may hold a reading worse than the first pass'
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


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What the second pass needs of an utterance besides the first pass' result."""

    memory: Sequence[MemoryPart]  # of each chunk that the utterance touches
    heard: tuple[int, int]  # encoder frames (20 ms) in them: the first of it, and the one after
    log_probs: Floats  # (frames, tokens) natural log: CTC's, at the frames of the search
    start: float  # seconds on the audio clock of the first of these
    frame_seconds: float  # their length


@dataclass(frozen=True, slots=True)
class _Judged:
    """A text with what attention says of it."""

    pieces: tuple[int, ...]
    scores: tuple[float, ...]  # natural log of each piece and of the end


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
        self._scorer = scorer
        self._pieces = pieces
        self._tokens = tokens
        self._options = options or SecondPassOptions()

    @property
    def frames(self) -> int:
        """How many encoder frames of an utterance it can take in."""
        return self._scorer.frames

    def remember(self, encoded: Floats) -> MemoryPart:
        """Compute once what is needed of a chunk, (frames, width) float32 of the encoder."""
        return self._scorer.remember(encoded)

    def refine(self, first: Result, utterance: Utterance) -> Result:
        """Return the result of both passes; the first's where nothing was said."""
        options = self._options
        texts = [one.text for one in first.nbest[: options.paths] if self._can_align(one.text)]
        if not first.text or not texts:
            return first
        begun = self._scorer.begin(utterance.memory, utterance.heard)
        judged = self._judge(texts, begun)
        if options.mode is SecondPassMode.FULL:
            known = set(judged)
            seconds = len(utterance.log_probs) * utterance.frame_seconds
            for own in self._decode(begun, seconds):
                text = self._pieces.decode(own.pieces)
                if text not in known and self._can_align(text):
                    judged[text] = own
        sequences = [self._tokens.encode(text) for text in judged]
        alignments = align(utterance.log_probs, sequences)
        least = max(alignments[number].score for number in range(len(texts)))
        readings = [
            self._reading(text, judged[text], alignment, sequence, utterance)
            for text, alignment, sequence in zip(judged, alignments, sequences, strict=True)
            if text in texts
            or (
                alignment.score >= least - options.contradiction
                and self._holds_together(sequence, alignment, utterance.frame_seconds)
            )
        ]
        return self._result(readings, len(first.nbest))

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
        """Return what attention says of given texts; all pieces are known, so it is quick."""
        judged = {}
        for first in range(0, len(texts), self._scorer.rows):
            group = texts[first : first + self._scorer.rows]
            rows = [self._pieces.encode(text)[: self._scorer.places - 1] for text in group]
            scores: list[list[float]] = [[] for _ in rows]
            state, log_probs = begun[0], np.repeat(begun[1], len(rows), axis=0)
            parents = [0] * len(rows)
            for place in range(max(map(len, rows)) + 1):
                goals = [row[place] if place < len(row) else END for row in rows]
                for row, goal in enumerate(goals):
                    if place <= len(rows[row]):
                        scores[row].append(float(log_probs[row, goal]))
                if place < max(map(len, rows)):
                    state, log_probs = self._scorer.step(state, goals, parents)
                    parents = list(range(len(rows)))
            for text, pieces, score in zip(group, rows, scores, strict=True):
                judged[text] = _Judged(tuple(pieces), tuple(score))
        return judged

    def _decode(self, begun: _Begun, seconds: float) -> list[_Judged]:
        """Return the readings that attention finds itself, by beam search."""
        longest = min(self._scorer.places, round(seconds * self._options.pieces_per_second) + 4)
        beam = min(self._options.beam, self._scorer.rows)
        state, log_probs = begun
        going = [_Judged((), ())]
        ended: list[_Judged] = []
        for _ in range(longest):
            picks = list(self._best(going, log_probs, beam))
            ended += [_Judged(one.pieces, (*one.scores, score))
                      for one, _, piece, score in picks if piece == END]  # fmt: skip
            chosen = [pick for pick in picks if pick[2] != END][:beam]
            if not chosen or self._enough(ended, chosen, beam):
                break
            going = [_Judged((*one.pieces, piece), (*one.scores, score))
                     for one, _, piece, score in chosen]  # fmt: skip
            state, log_probs = self._scorer.step(
                state, [piece for _, _, piece, _ in chosen], [row for _, row, _, _ in chosen]
            )
        return sorted(ended, key=lambda one: -sum(one.scores))[:beam]

    def _best(
        self, going: Sequence[_Judged], log_probs: Floats, beam: int
    ) -> Iterator[tuple[_Judged, int, int, float]]:
        """Yield the best extensions of all readings, twice as many as the beam: some will end."""
        totals = log_probs + np.array([[sum(one.scores)] for one in going], np.float32)
        flat = totals.ravel()
        count = min(2 * beam, len(flat))
        top = np.argpartition(flat, -count)[-count:]
        for index in top[np.argsort(-flat[top])].tolist():
            row, piece = divmod(index, log_probs.shape[1])
            yield going[row], row, piece, float(log_probs[row, piece])

    def _enough(
        self,
        ended: Sequence[_Judged],
        chosen: Sequence[tuple[_Judged, int, int, float]],
        beam: int,
    ) -> bool:
        """Whether nothing that goes on can come among the best of those that have ended."""
        if len(ended) < beam:
            return False
        scores = sorted((sum(one.scores) for one in ended), reverse=True)
        one, _, _, score = chosen[0]
        return sum(one.scores) + score < scores[beam - 1]

    def _reading(
        self,
        text: str,
        judged: _Judged,
        alignment: Alignment,
        tokens: Sequence[int],
        utterance: Utterance,
    ) -> Reading:
        """Join times, attention and CTC, word by word."""
        starts = [place for place, token in enumerate(tokens)
                  if self._tokens.pieces[token].startswith(WORD_START)]  # fmt: skip
        frames = alignment.frames
        words = []
        attention = self._by_word(judged)
        for number, word in enumerate(text.split()):
            last = starts[number + 1] if number + 1 < len(starts) else len(tokens)
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
        return Reading(
            words=tuple(words),
            acoustic=self._options.ctc_weight * alignment.score,
            graph=sum(judged.scores),
        )

    def _by_word(self, judged: _Judged) -> list[float]:
        """Return attention's scores summed over the pieces of each word."""
        sums: list[float] = []
        for piece, score in zip(judged.pieces, judged.scores, strict=False):
            if self._pieces.pieces[piece].startswith(WORD_START) or not sums:
                sums.append(0.0)
            sums[-1] += score
        return sums

    def _result(self, readings: Sequence[Reading], count: int) -> Result:
        lattice = lattice_of(readings)
        paths = lattice.nbest(max(count, 1))
        arcs = paths[0].arcs
        sureness = word_confidences(lattice, paths[0])
        return Result(
            text=paths[0].text,
            nbest=tuple(Hypothesis(path.text, path.score) for path in paths),
            words=tuple(
                Word(arc.word, arc.start, arc.end, confidence)
                for arc, confidence in zip(arcs, sureness, strict=True)
            ),
            lattice=lattice,
        )
