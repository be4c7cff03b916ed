"""Tags the names in a recognised text or lattice.

In: words or a lattice, and the `Biasing` of the context. Out: the names among the words, the
longest match each time; the text with respelled names in their original spelling; and the lattice
with the context entry on each arc that belongs to a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from auricle.biasing.biasing import Biasing
from auricle.context.entries import Entry
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import RecognizedName, Result, result_of
from auricle.tokenizer import WORD_START


@dataclass(frozen=True, slots=True)
class NameSpan:
    """A name among words."""

    entry: Entry
    first: int  # index of its first word
    last: int  # index after its last word
    words: tuple[str, ...]  # in the spelling of the name; the recognised spelling may differ


def names_in(words: Sequence[str], biasing: Biasing) -> Iterator[NameSpan]:
    """Yield the names in a text, from left to right."""
    for said in biasing.graph.matches(words):
        meaning = biasing.meaning_of(said.form, said.place)
        if meaning is not None:
            spelled = (meaning.written or said.form).split()
            yield NameSpan(meaning.entry, said.first, said.last, tuple(spelled))


def spelled(text: str, biasing: Biasing) -> str:
    """Return a text with its names in their original spelling."""
    words = text.split()
    for found in names_in(tuple(words), biasing):
        words[found.first : found.last] = found.words
    return " ".join(words)


def spelled_for_good(words: Sequence[str], biasing: Biasing) -> tuple[str, ...]:
    """Return the first words of a text in a spelling that no later word can change.

    The last words are left out if a name may have begun there.
    """
    marked = [WORD_START + word for word in words]
    begun = (
        first for first in range(len(marked)) if biasing.graph.begins("".join(marked[first:]))
    )
    return tuple(spelled(" ".join(words[: next(begun, len(words))]), biasing).split())


class _Named(NamedTuple):
    """The entry that an arc belongs to, and the arc's word in the spelling of the name."""

    entry: Entry
    word: str


def marked(lattice: Lattice, biasing: Biasing, count: int) -> Lattice:
    """Return a lattice whose arcs carry the entry and spelling of the name they belong to.

    Only the `count` best paths are tagged. An arc on several of them takes its tag from the best.
    """
    entries: dict[int, _Named | None] = {}
    for path in lattice.nbest(count):
        arcs = [arc for arc in path.arcs if arc.word]
        here: dict[int, _Named] = {}
        for found in names_in([arc.word for arc in arcs], biasing):
            for arc, word in zip(arcs[found.first : found.last], found.words, strict=True):
                here[id(arc)] = _Named(found.entry, word)
        for arc in arcs:
            entries.setdefault(id(arc), here.get(id(arc)))
    arcs_out = []
    for arc in lattice.arcs:
        named = entries.get(id(arc))
        arcs_out.append(_named(arc, *named) if named else arc)
    return Lattice(lattice.states, tuple(arcs_out))


def _named(arc: Arc, entry: Entry, word: str) -> Arc:
    """Return an arc with the entry and the spelling of its name."""
    return replace(arc, word=word, entry=entry.id, kind=entry.kind)


def named_result(lattice: Lattice, count: int, biasing: Biasing | None) -> Result:
    """Return the result of a lattice, with at most `count` hypotheses and the names of `biasing`.

    Without `biasing`, the arcs keep the entries that they carry and the result has no names.
    """
    if biasing is None:
        return result_of(lattice, count)
    result = result_of(marked(lattice, biasing, count), count)
    words = result.words
    names = tuple(
        RecognizedName(
            kind=found.entry.kind,
            written=found.entry.written,
            id=found.entry.id,
            start=words[found.first].start,
            end=words[found.last - 1].end,
        )
        for found in names_in([word.word for word in words], biasing)
    )
    return replace(result, names=names)


def with_names(result: Result, biasing: Biasing | None) -> Result:
    """Return a result with the names of `biasing` in it, or unchanged without `biasing`."""
    return result if biasing is None else named_result(result.lattice, len(result.nbest), biasing)
