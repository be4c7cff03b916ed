"""How else the recogniser would write a name that it has not learned to write.

In: rules, each a few letters and what is heard in their place, and words. Out: other spellings with
their likelihood: "lillie" comes as "lily". The rules are those of Brill and Moore, "An improved
error model for noisy channel spelling correction" (ACL 2000), learned from what the recogniser
itself makes of spoken names by `tools/auricle_train/respelling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from math import prod
from pathlib import Path
from typing import NamedTuple

from auricle.errors import ModelError

EDGE = "_"  # of a word, in rules
SHORTEST = 4  # letters of a word that is respelled
MOST_EDITS = 4  # of a word that are looked at
MOST_AT_ONCE = 2
MOST_WORDS = 3  # of a text that are respelled
LEAST = 0.15  # likelihood, of what is written as it is

_KEPT = 65536  # texts whose spellings are kept, for names change a few at a time

Rules = Mapping[str, Mapping[str, float]]  # letters -> other letters -> probability


class Respelling(NamedTuple):
    """Another way to write a text."""

    text: str
    likelihood: float  # beside the text as it is written, which has 1


class _Edit(NamedTuple):
    """Letters of a word that become others."""

    start: int
    end: int
    letters: str


class Spellings:
    """Knows the rules; that it keeps what it has found changes nothing."""

    def __init__(self, rules: Rules) -> None:
        """Take the rules."""
        self._rules = rules
        self._longest = max(map(len, rules), default=0)
        self._known: dict[tuple[str, int], tuple[Respelling, ...]] = {}

    @classmethod
    def load(cls, path: Path) -> Spellings:
        """Read a table: a rule a line, with tabs between letters, other letters and probability.

        Raises:
            ModelError: the table cannot be read, or a line is no rule.
        """
        rules: dict[str, dict[str, float]] = {}
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: {error}: install the bundle again") from error
        for number, line in enumerate(lines, 1):
            try:
                letters, others, probability = line.split("\t")
                rules.setdefault(letters, {})[others] = _probability(probability)
            except ValueError:
                raise ModelError(
                    f"{path}:{number}: {line!r} is not letters, other letters and a probability "
                    "with tabs between; install the bundle again"
                ) from None
        return cls(rules)

    def of(self, text: str, most: int) -> tuple[Respelling, ...]:
        """Return up to so many other spellings of words, the likeliest first."""
        known = self._known.get((text, most))
        if known is None:
            if len(self._known) >= _KEPT:
                self._known = {}
            known = self._known[text, most] = tuple(self._found(text, most))
        return known

    def _found(self, text: str, most: int) -> list[Respelling]:
        words = text.split()
        text = " ".join(words)
        choices = [[Respelling(word, 1.0), *self._of_word(word)[:most]] for word in words]
        if sum(map(len, choices)) == len(words):
            return []
        joined = (
            Respelling(" ".join(one.text for one in way), prod(one.likelihood for one in way))
            for way in product(*choices[:MOST_WORDS])
        )
        rest = "".join(f" {word}" for word in words[MOST_WORDS:])
        found = sorted(joined, key=lambda one: -one.likelihood)
        return [Respelling(one.text + rest, one.likelihood) for one in found
                if one.text + rest != text and one.likelihood >= LEAST][:most]  # fmt: skip

    def _of_word(self, word: str) -> list[Respelling]:
        if len(word) < SHORTEST or "'" in word:
            return []
        likely = sorted(self._edits(word).items(), key=lambda item: -item[1])[:MOST_EDITS]
        found: dict[str, float] = {}
        for count in range(1, MOST_AT_ONCE + 1):
            for edits in combinations(likely, count):
                likelihood = min(1.0, prod(odds for _, odds in edits))
                text = _edited(word, sorted(edit for edit, _ in edits))
                if text and text != word and likelihood >= max(LEAST, found.get(text, 0.0)):
                    found[text] = likelihood
        return sorted((Respelling(*one) for one in found.items()), key=lambda one: -one.likelihood)

    def _edits(self, word: str) -> dict[_Edit, float]:
        """Return what may become of parts of a word, with the odds; the longest rule knows best.

        A rule without an edge holds within a word.
        """
        marked = f"{EDGE}{word}{EDGE}"
        last = len(marked) - 1
        found: dict[_Edit, float] = {}
        for length in range(1, self._longest + 1):
            for start in range(len(marked) - length + 1):
                rules = self._rules.get(marked[start : start + length])
                if rules is None or start == 1 or start + length == last:
                    continue
                for others, probability in rules.items():
                    edit = _trimmed(marked[start : start + length], others, start - 1)
                    found[edit] = probability / max(1.0 - probability, 0.1)
        return found


def _trimmed(letters: str, others: str, start: int) -> _Edit:
    """Return a rule at a place of a word without the letters that it leaves as they are."""
    end = start + len(letters)
    while letters and others and letters[0] == others[0]:
        letters, others, start = letters[1:], others[1:], start + 1
    while letters and others and letters[-1] == others[-1]:
        letters, others, end = letters[:-1], others[:-1], end - 1
    return _Edit(start, end, others)


def _edited(word: str, edits: list[_Edit]) -> str:
    """Return a word after edits, in their order; nothing where they overlap."""
    text, end = "", 0
    for edit in edits:
        if edit.start < end:
            return ""
        text += word[end : edit.start] + edit.letters
        end = edit.end
    return text + word[end:]


def _probability(text: str) -> float:
    """Return the number in a text; raises ValueError if it is no probability."""
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError
    return value
