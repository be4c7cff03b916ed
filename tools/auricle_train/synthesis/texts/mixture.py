"""Samples texts of several kinds and writes them for `synthesize`.

In: lists (`sources`), the weight of each kind, a seed. Out: a table with the columns kind, text,
say. The same seed and lists give the same texts; a longer table starts with the shorter one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from auricle.errors import ArgumentError
from auricle_train.synthesis.texts import numbers, times
from auricle_train.synthesis.texts.form import Draw, SpokenForm, form
from auricle_train.synthesis.texts.names import Names
from auricle_train.synthesis.texts.places import Places
from auricle_train.synthesis.texts.sources import Lists
from auricle_train.synthesis.texts.spelling import Spelling

# Weight of each kind.
SHARES = {
    "letters": 3.0, "explained": 2.0, "code": 1.5, "number": 2.0, "phone": 1.5, "price": 1.5,
    "measure": 1.0, "time": 2.0, "date": 2.0, "address": 1.5, "mail": 1.0, "names": 4.0,
    "sentences": 4.0,
}  # fmt: skip
COLUMNS = ("kind", "text", "say")
MOST_WORDS = 26  # in a text
TRIES = 20  # attempts at a text that is not in the table yet

MakeDraft = Callable[[Draw], str]


def kinds(lists: Lists, sentences: Sequence[str]) -> dict[str, MakeDraft]:
    """Return the sampler of each kind; "sentences" only if some are given."""
    spelling, places = Spelling(lists.words), Places(lists.people, lists.places)
    made: dict[str, MakeDraft] = {
        "letters": spelling.letters, "explained": spelling.explained, "code": spelling.code,
        "number": numbers.number, "phone": numbers.phone, "price": numbers.price,
        "measure": numbers.measure, "time": times.time, "date": times.date,
        "address": places.address, "mail": places.mail,
        "names": Names(lists.people, lists.places, lists.media).sentence,
    }  # fmt: skip
    if sentences:
        made["sentences"] = lambda draw: draw.one(sentences)
    return made


def texts(
    made: Mapping[str, MakeDraft], shares: Mapping[str, float], count: int, seed: int
) -> Iterator[SpokenForm]:
    """Yield distinct texts.

    Args:
        made: sampler of each kind.
        shares: weight of each kind to use.
        count: number of texts.
        seed: seed of all choices.

    Raises:
        ArgumentError: a kind is unknown.
    """
    for kind in shares:
        if kind not in made:
            raise ArgumentError(
                f"kinds: {kind!r} is not one of {', '.join(made)}; name one of these"
            )
    seen: set[str] = set()
    for number in range(count):
        draw = Draw((seed, number))
        for _ in range(TRIES):
            kind = draw.kind(dict(shares))
            found = form(kind, made[kind](draw), draw)
            if found.text not in seen and 0 < len(found.text.split()) <= MOST_WORDS:
                seen.add(found.text)
                yield found
                break


def write(forms: Iterator[SpokenForm], path: Path) -> int:
    """Write the table atomically; return the number of texts."""
    rows = [f"{one.kind}\t{one.text}\t{one.say}\n" for one in forms]
    partial = path.with_name(f"partial-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text("\t".join(COLUMNS) + "\n" + "".join(rows), encoding="utf-8")
    os.replace(partial, path)
    return len(rows)
