"""Which names were said.

In: words, or a lattice of them. Out: the names among the words, the longest that fits each time;
and the lattice with the entry on each arc that belongs to a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auricle.context.entries import Entry
from auricle.recognizer.biasing.biasing import Biasing
from auricle.recognizer.lattice import Lattice


@dataclass(frozen=True, slots=True)
class Found:
    """A name among words."""

    entry: Entry
    first: int  # its first word
    last: int  # the word after its last


def names_in(words: Sequence[str], biasing: Biasing) -> Iterator[Found]:
    """Yield the names in a text, in their order."""
    for said in biasing.automaton.said(words):
        entry = biasing.entry_of(said.form, said.place)
        if entry is not None:
            yield Found(entry, said.first, said.last)


def marked(lattice: Lattice, biasing: Biasing, count: int) -> Lattice:
    """Return a lattice whose arcs carry the entries of the names that they belong to.

    An arc may lie on many paths: its entry is that on the best of them, of the `count` best ones.
    Beyond these, arcs carry none.
    """
    entries: dict[int, Entry | None] = {}
    for path in lattice.nbest(count):
        arcs = [arc for arc in path.arcs if arc.word]
        here: dict[int, Entry] = {}
        for found in names_in([arc.word for arc in arcs], biasing):
            here |= {id(arc): found.entry for arc in arcs[found.first : found.last]}
        for arc in arcs:
            entries.setdefault(id(arc), here.get(id(arc)))
    arcs_out = []
    for arc in lattice.arcs:
        entry = entries.get(id(arc))
        arcs_out.append(replace(arc, entry=entry.id, kind=entry.kind) if entry else arc)
    return Lattice(lattice.states, tuple(arcs_out))
