"""Estimates the memory that the daemon needs for an entry, before anything is built.

In: an entry. Out: bytes for its text, its forms (`biasing/form_table.py`) and the keys of context
attention (`biasing/key_matrix.py`). The constants fit names of people who share first and last
names as real ones do; `tools/benchmarks/names_memory.py` compares them with measured memory. For
names that share nothing, the daemon needs up to three times as much.
"""

from __future__ import annotations

import re

from auricle.context.entries import Entry

ENTRY_BYTES = 40  # an entry without its text
FORM_BYTES = 280  # a way to say a whole name, with its possessive, respellings and keys
LETTER_BYTES = 5  # one letter of such a form
PARTS = 1.4  # forms of a contact of several words, whose first and last name are forms too
MOST_WAYS = 16  # ways to say one text, as `biasing.spoken_forms.MOST_WAYS`
_PLAIN = re.compile(r"[A-Z]?[a-z]+(?: [A-Z]?[a-z]+)*")
_NUMBERS = re.compile(r"[0-9]+")  # each is said in up to three ways
# Signs of two ways to say a text: hyphens, humps as in BatCave, capitals as in HVAC, titles.
_CHOICES = re.compile(r"-|[a-z](?=[A-Z0-9])|[0-9](?=[A-Za-z])|[A-Z.]{2,}|\b(?i:mrs?|dr|st|jr)\b")


def need_of(entry: Entry) -> int:
    """Return the memory that an entry needs, in bytes."""
    need = float(ENTRY_BYTES + len(entry.id))
    for text in (entry.written, *entry.spoken):
        forms = PARTS if entry.kind == "contacts" and " " in text else 1.0
        need += forms * _ways(text) * (FORM_BYTES + LETTER_BYTES * len(text))
    return round(need)


def _ways(text: str) -> int:
    """Return how many ways there may be to say a text."""
    if _PLAIN.fullmatch(text):
        return 1
    choices = len(_CHOICES.findall(text))
    numbers = len(_NUMBERS.findall(text))
    ways: int = 2 ** min(choices, 4) * 3 ** min(numbers, 3)
    return min(MOST_WAYS, ways)
