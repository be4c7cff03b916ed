"""Names that stay at home: which words of a lattice belong to a name, and what stands for them.

In: the names that clients have given, and a lattice. Out: for each arc the kind of name that it
belongs to, and words such as `contact-a` in its place. Of contacts each word counts by itself, for
people say first names; of all else the whole name. What sounds at the same time and is spelled
alike (`mcvey` beside `mcveigh`) would tell the name, and goes with it. A name that no client gave,
or that was misheard beyond that, is not known here and not hidden.
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
LIKENESS = 0.5  # of two spellings, 0 to 1: "lee" and "leigh" are alike, "sean" and "john" are not
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are to be found, in the form in which they are compared."""

    by_first_word: Mapping[str, Mapping[tuple[str, ...], Sequence[Entry]]]  # -> words -> entries

    def meant(self, arcs: Sequence[Arc]) -> Entry | None:
        """Return the entry that the recogniser has found on arcs which follow each other."""
        words = tuple(_folded(arc.word) for arc in arcs)
        told = (arcs[0].kind, arcs[0].entry)
        entries = self.by_first_word.get(words[0], {}).get(words, ())
        return next((entry for entry in entries if (entry.kind, entry.id) == told), None)


def names_of(context: Context) -> Names:
    """Return the names of a context, in all the ways to say them."""
    phrases: dict[str, dict[tuple[str, ...], list[Entry]]] = {}
    for entry in context.entries:
        for form in forms_of(entry):
            words = tuple(map(_folded, form.text.split()))
            parts = [(word,) for word in words if len(word) > 1]
            for part in {words, *(parts if entry.kind == "contacts" else ())}:
                phrases.setdefault(part[0], {}).setdefault(part, []).append(entry)
    return Names(phrases)


def labels_of(arcs: Sequence[Arc], names: Names) -> list[int]:
    """Return for each arc the label of the name that it belongs to; 0 for none."""
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
    return _with_likes(arcs, words, labels)


def _with_likes(arcs: Sequence[Arc], words: Sequence[str], labels: Sequence[int]) -> list[int]:
    """Return labels also for what would tell a name by its likeness."""
    named = [index for index, label in enumerate(labels) if label]
    found = list(labels)
    for index, arc in enumerate(arcs):
        for other in named if found[index] == 0 else ():
            beside = arc.start < arcs[other].end and arcs[other].start < arc.end
            if beside and _alike(words[index], words[other]):
                found[index] = labels[other]
                break
    return found


def _alike(first: str, second: str) -> bool:
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= LIKENESS


def _label_of(kind: str | None) -> int:
    return CLASSES.index(LABELS.get(kind or "", "name"))


def hide(words: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Return the words with a placeholder for each that has a label, the same for the same word."""
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
    """Yield the paths that begin with an arc and spell a phrase."""
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
    """Return a word without accents, capitals, and the 's of an owner."""
    plain = word
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word.replace("’", "'"))
        plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.casefold().removesuffix("'s")
