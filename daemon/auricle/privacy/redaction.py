"""Redacts names in a lattice: finds the words of context entries and replaces them.

Each arc that belongs to a name gets a placeholder such as `contact-a`. For contacts every single
word counts, because people say first names; for other kinds only the whole name. A word that
overlaps a name in time and is spelled alike (`mcvey` beside `mcveigh`) is redacted too. A name that
is not in the context, or was recognised very differently, is not redacted.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.sorted_texts import SortedTexts
from auricle.biasing.spoken_forms import forms_of
from auricle.context.entries import Context, Entry
from auricle.lattice.lattice import Arc
from auricle.wire.schema import CLASSES

LABELS = {"contacts": "contact", "appliances": "appliance", "media": "media"}
# Similarity of two spellings, 0 to 1: "lee" and "leigh" reach it, "sean" and "john" do not.
LIKENESS = 0.5
SLICE = 1000  # entries that are prepared at once
PAUSE_SECONDS = 0.0005  # after each slice, for other threads
_ENTRY = 32  # bits of a meaning to the right of the phrase
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The names to redact, normalised for comparison, in arrays: there may be many."""

    phrases: SortedTexts  # words of names, separated by spaces
    meanings: NDArray[np.int64]  # sorted: number of a phrase and, in the lower bits, an entry
    entries: Sequence[Entry]

    def meant(self, arcs: Sequence[Arc]) -> Entry | None:
        """Return the entry that the recogniser tagged on consecutive arcs."""
        words = " ".join(_folded(arc.word) for arc in arcs)
        tagged = (arcs[0].kind, arcs[0].entry)
        entries = self._meanings_of(self.phrases.find(words.encode()))
        return next((entry for entry in entries if (entry.kind, entry.id) == tagged), None)

    def beginning_with(self, word: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield number and words of each phrase that begins with a word."""
        alone = self.phrases.find(word.encode())
        if alone >= 0:
            yield alone, (word,)
        longer = self.phrases.span(word.encode() + b" ")
        for number, phrase in enumerate(self.phrases.between(longer), longer.low):
            yield number, tuple(phrase.decode().split(" "))

    def kind_of(self, phrase: int) -> str:
        """Return the kind of the first entry that has a phrase, given by its number."""
        return next(self._meanings_of(phrase)).kind

    def _meanings_of(self, phrase: int) -> Iterator[Entry]:
        low, high = np.searchsorted(self.meanings, [phrase << _ENTRY, (phrase + 1) << _ENTRY])
        for meaning in self.meanings[low:high].tolist() if phrase >= 0 else ():
            yield self.entries[meaning & ((1 << _ENTRY) - 1)]


def names_of(context: Context) -> Names:
    """Return the names of a context in all their spoken forms."""
    phrases, meanings = SortedTexts(), np.zeros(0, np.int64)
    for first in range(0, len(context.entries), SLICE):
        found: dict[bytes, list[int]] = {}
        for number, entry in enumerate(context.entries[first : first + SLICE], first):
            for phrase in _phrases_of(entry):
                found.setdefault(phrase.encode(), []).append(number)
        some = sorted(found)
        phrases, moved, places = phrases.inserted(some)
        entries = meanings & ((1 << _ENTRY) - 1)
        new = [
            place << _ENTRY | number
            for phrase, place in zip(some, places.tolist(), strict=True)
            for number in found[phrase]
        ]
        meanings = moved[meanings >> _ENTRY] << _ENTRY | entries
        meanings = np.sort(np.concatenate([meanings, np.array(new, np.int64)]))
        time.sleep(PAUSE_SECONDS)
    return Names(phrases, meanings, context.entries)


def _phrases_of(entry: Entry) -> set[str]:
    """Return the forms of an entry; of a contact also each word of more than one letter."""
    found: set[str] = set()
    for form in forms_of(entry):
        words = [_folded(word) for word in form.text.split()]
        found.add(" ".join(words))
        if entry.kind == "contacts":
            found.update(word for word in words if len(word) > 1)
    return found


def labels_of(arcs: Sequence[Arc], names: Names) -> list[int]:
    """Return for each arc the label of its name; 0 for an arc outside any name."""
    labels = [0 if arc.entry is None else _label_of(arc.kind) for arc in arcs]
    words = [_folded(arc.word) for arc in arcs]
    leaving: dict[int, list[int]] = {}
    for index, arc in enumerate(arcs):
        leaving.setdefault(arc.source, []).append(index)
    for index, word in enumerate(words):
        for number, phrase in names.beginning_with(word):
            for path in _spelled(arcs, words, leaving, index, phrase):
                label = _label_of(names.kind_of(number))
                for each in path:
                    labels[each] = labels[each] or label
    return _with_similar(arcs, words, labels)


def _with_similar(arcs: Sequence[Arc], words: Sequence[str], labels: Sequence[int]) -> list[int]:
    """Return the labels, extended to words that overlap a name and are spelled alike."""
    named = [index for index, label in enumerate(labels) if label]
    found = list(labels)
    for index, arc in enumerate(arcs):
        for other in named if found[index] == 0 else ():
            overlaps = arc.start < arcs[other].end and arcs[other].start < arc.end
            if overlaps and _alike(words[index], words[other]):
                found[index] = labels[other]
                break
    return found


def _alike(first: str, second: str) -> bool:
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= LIKENESS


def _label_of(kind: str | None) -> int:
    return CLASSES.index(LABELS.get(kind or "", "name"))


def hide(words: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Return the words with a placeholder for each labelled word; equal words get equal ones."""
    taken = set(words)
    fresh: dict[int, Iterator[str]] = {}
    placeholders: dict[tuple[str, int], str] = {}
    hidden = []
    for word, label in zip(words, labels, strict=True):
        if label == 0:
            hidden.append(word)
            continue
        if (word, label) not in placeholders:
            choices = fresh.setdefault(label, _placeholders(CLASSES[label]))
            placeholders[word, label] = next(name for name in choices if name not in taken)
        hidden.append(placeholders[word, label])
    return hidden


def _spelled(
    arcs: Sequence[Arc],
    words: Sequence[str],
    leaving: Mapping[int, list[int]],
    index: int,
    phrase: tuple[str, ...],
) -> Iterator[tuple[int, ...]]:
    """Yield the paths that begin with arc `index` and spell a phrase."""
    if words[index] != phrase[0]:
        return
    if len(phrase) == 1:
        yield (index,)
        return
    for following in leaving.get(arcs[index].target, ()):
        for rest in _spelled(arcs, words, leaving, following, phrase[1:]):
            yield (index, *rest)


def _placeholders(label: str) -> Iterator[str]:
    """Yield label-a to label-z, label-aa, and so on."""
    for number in count(1):
        yield f"{label}-{_in_letters(number)}"


def _in_letters(number: int) -> str:
    letters = ""
    while number:
        number, digit = divmod(number - 1, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters


def _folded(word: str) -> str:
    """Return a word without accents, capitals and a possessive 's."""
    plain = word
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word.replace("’", "'"))
        plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.casefold().removesuffix("'s")
