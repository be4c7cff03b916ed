"""Redacts names in a lattice: finds the words of context entries and replaces them.

Each arc that belongs to a name gets a placeholder such as `contact-a`. For contacts every single
word counts, because people say first names; for other kinds only the whole name. A word that
overlaps a name in time and is spelled alike (`mcvey` beside `mcveigh`) is redacted too. A name that
is not in the context, or was recognised very differently, is not redacted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count

from auricle.biasing.spoken_forms import forms_of
from auricle.context.entries import Context, Entry
from auricle.lattice.lattice import Arc
from auricle.wire.schema import CLASSES

LABELS = {"contacts": "contact", "appliances": "appliance", "media": "media"}
# Similarity of two spellings, 0 to 1: "lee" and "leigh" reach it, "sean" and "john" do not.
LIKENESS = 0.5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Names:
    """The names to redact, normalised for comparison."""

    by_first_word: Mapping[str, Mapping[tuple[str, ...], Sequence[Entry]]]  # -> words -> entries

    def meant(self, arcs: Sequence[Arc]) -> Entry | None:
        """Return the entry that the recogniser tagged on consecutive arcs."""
        words = tuple(_folded(arc.word) for arc in arcs)
        tagged = (arcs[0].kind, arcs[0].entry)
        entries = self.by_first_word.get(words[0], {}).get(words, ())
        return next((entry for entry in entries if (entry.kind, entry.id) == tagged), None)


def names_of(context: Context) -> Names:
    """Return the names of a context in all their spoken forms."""
    phrases: dict[str, dict[tuple[str, ...], list[Entry]]] = {}
    for entry in context.entries:
        for form in forms_of(entry):
            words = tuple(map(_folded, form.text.split()))
            parts = [(word,) for word in words if len(word) > 1]
            for part in {words, *(parts if entry.kind == "contacts" else ())}:
                phrases.setdefault(part[0], {}).setdefault(part, []).append(entry)
    return Names(phrases)


def labels_of(arcs: Sequence[Arc], names: Names) -> list[int]:
    """Return for each arc the label of its name; 0 for an arc outside any name."""
    labels = [0 if arc.entry is None else _label_of(arc.kind) for arc in arcs]
    words = [_folded(arc.word) for arc in arcs]
    leaving: dict[int, list[int]] = {}
    for index, arc in enumerate(arcs):
        leaving.setdefault(arc.source, []).append(index)
    for index, word in enumerate(words):
        for phrase, entries in names.by_first_word.get(word, {}).items():
            label = _label_of(entries[0].kind)
            for path in _spelled(arcs, words, leaving, index, phrase):
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
