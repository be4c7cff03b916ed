"""Converts a lattice to a question for the reranker, and its answer to a reranked result.

The question follows the wire schema and has names redacted. An answer can only choose among the
hypotheses of the lattice that was sent: it cannot add a word.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from auricle.errors import RefusedError
from auricle.lattice.confidence import word_confidences
from auricle.lattice.lattice import Arc, Lattice, Path
from auricle.lattice.result import DECIMALS, Hypothesis, RecognizedName, Result, Word
from auricle.privacy.redaction import Names, hide, labels_of
from auricle.wire.schema import (
    DURATIONS,
    MOST_ARCS,
    MOST_SESSION,
    SCORES,
    STARTS,
    Answer,
    Question,
    WireArc,
    encode_question,
    find_path,
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A question and the lattice that it was made from."""

    question: Question
    data: bytes  # the encoded question
    lattice: Lattice  # the pruned lattice, not redacted
    arcs: tuple[Arc, ...]  # for each arc of the question, the arc of the lattice


def pack(lattice: Lattice, locale: str, names: Names, *, redact: bool) -> Outgoing:
    """Return the question for a lattice, pruned as far as the wire schema needs.

    Args:
        lattice: the lattice of a final result.
        locale: BCP 47 tag of the recogniser.
        names: the names to redact.
        redact: whether to replace names by placeholders.

    Raises:
        RefusedError: even the best hypothesis violates the schema, for example with a character
            that it does not allow in a word.
    """
    for most_arcs in (MOST_ARCS, MOST_ARCS // 2, MOST_ARCS // 4, 1):
        try:
            return _pack(lattice.prune(math.inf, most_arcs), locale, names, redact=redact)
        except RefusedError:
            if most_arcs == 1:  # only the best hypothesis is left
                raise
    raise AssertionError


def _pack(lattice: Lattice, locale: str, names: Names, *, redact: bool) -> Outgoing:
    arcs = [arc for arc in lattice.arcs if arc.word]  # drops the empty hypothesis
    labels = labels_of(arcs, names)
    words = [arc.word for arc in arcs]
    shown = hide(words, labels) if redact else words
    table = tuple(sorted(set(shown)))
    begin = min((arc.start for arc in arcs), default=0.0)
    packed = sorted(
        (
            WireArc(
                source=arc.source,
                target=arc.target,
                word=table.index(word),
                score=_clamped(10 * arc.score, SCORES),
                start=_clamped(10 * (arc.start - begin), STARTS),
                duration=_clamped(10 * (arc.end - arc.start), DURATIONS),
                label=label,
            ),
            index,
        )
        for index, (arc, word, label) in enumerate(zip(arcs, shown, labels, strict=True))
    )
    session = 1 + secrets.randbelow(MOST_SESSION)
    question = Question(session, locale, table, tuple(arc for arc, _ in packed))
    back = tuple(arcs[index] for _, index in packed)
    return Outgoing(question, encode_question(question), lattice, back)


def unpack(outgoing: Outgoing, answer: Answer) -> tuple[Path, ...]:
    """Return the hypotheses of an answer as paths of the lattice that was sent, without redaction.

    A hypothesis that is not in the lattice is dropped.
    """
    found = (find_path(outgoing.question, reading.text) for reading in answer.readings)
    paths = (tuple(outgoing.arcs[index] for index in path) for path in found if path is not None)
    return tuple(Path(arcs, sum(arc.score for arc in arcs)) for arcs in paths)


def reordered(result: Result, outgoing: Outgoing, paths: tuple[Path, ...], names: Names) -> Result:
    """Return a result with these paths first; scores stay those of the recogniser."""
    known = {entry.text: entry for entry in result.nbest}
    first = {path.text: known.get(path.text, Hypothesis(path.text, path.score)) for path in paths}
    nbest = (*first.values(), *(entry for entry in result.nbest if entry.text not in first))
    best = paths[0]
    if best.text == result.text:
        return replace(result, nbest=nbest[: len(result.nbest)])
    confidences = word_confidences(outgoing.lattice, best)
    return replace(
        result,
        text=best.text,
        nbest=nbest[: len(result.nbest)],
        words=tuple(
            Word(arc.word, round(arc.start, DECIMALS), round(arc.end, DECIMALS), confidence)
            for arc, confidence in zip(best.arcs, confidences, strict=True)
        ),
        names=tuple(_names_on(best, names)),
        punctuated="",  # that of the second pass is of another text
    )


def _names_on(path: Path, names: Names) -> Iterator[RecognizedName]:
    """Yield the context names that the recogniser tagged on a path."""
    for (kind, _), group in groupby(path.arcs, lambda arc: (arc.kind, arc.entry)):
        arcs = tuple(group)
        entry = None if kind is None else names.meant(arcs)
        if entry is not None:
            yield RecognizedName(entry.kind, entry.written, entry.id, *_times_of(arcs))


def _times_of(arcs: Sequence[Arc]) -> tuple[float, float]:
    """Return start and end of consecutive arcs, as those of words."""
    return round(arcs[0].start, DECIMALS), round(arcs[-1].end, DECIMALS)


def _clamped(value: float, allowed: range) -> int:
    """Return the nearest integer in a range."""
    return min(max(round(value), allowed.start), allowed.stop - 1)
