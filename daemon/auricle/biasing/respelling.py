"""Respelling: other ways in which the recogniser may write a name.

In: rules, each with a few letters, the letters written in their place, and a probability; and a
text. Out: other spellings of the text with their likelihood: the recogniser may write "lillie" as
"lily". The rules are those of Brill and Moore, "An improved error model for noisy channel spelling
correction" (ACL 2000). `tools/auricle_train/respelling` learns them from the recogniser's output on
spoken names.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from math import prod
from pathlib import Path
from typing import NamedTuple

from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import read_regular

EDGE = "_"  # marks the start or end of a word in rules
SHORTEST = 4  # letters: shorter words are not respelled
MOST_EDITS = 4  # edits considered per word, the likeliest
MOST_AT_ONCE = 2  # edits combined in one spelling of a word
MOST_WORDS = 3  # words of a text that are respelled, the first ones
MOST_BYTES = 1024 * 1024  # of a table of rules; the shipped one has 1 KB
LEAST = 0.15  # smallest likelihood of a spelling, relative to the original

Rules = Mapping[str, Mapping[str, float]]  # letters -> other letters -> probability


class Respelling(NamedTuple):
    """Another way to write a text."""

    text: str
    likelihood: float  # relative to the original text, which has 1


class _Edit(NamedTuple):
    """The replacement of letters start to end (excluded) of a word."""

    start: int
    end: int
    letters: str


class Spellings:
    """Finds other spellings by rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._longest = max(map(len, rules), default=0)

    @classmethod
    def load(cls, path: Path) -> Spellings:
        """Read a table with one rule per line: letters, other letters, probability, with tabs.

        Raises:
            ModelError: the table cannot be read, or a line is not a rule.
        """
        rules: dict[str, dict[str, float]] = {}
        try:
            lines = read_regular(path, MOST_BYTES).decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError, MalformedError) as error:
            raise ModelError(f"{path}: {error}: install the bundle again") from error
        for number, line in enumerate(lines, 1):
            try:
                letters, others, probability = line.split("\t")
                rules.setdefault(letters, {})[others] = _probability(probability)
            except ValueError:
                raise ModelError(
                    f"{path}:{number}: {line!r} must be letters, other letters and a probability, "
                    "separated by tabs; install the bundle again"
                ) from None
        return cls(rules)

    def of(
        self, text: str, most: int, known: dict[str, tuple[Respelling, ...]] | None = None
    ) -> tuple[Respelling, ...]:
        """Return at most `most` other spellings of a text, the likeliest first.

        Args:
            text: words separated by single spaces.
            most: most spellings to return.
            known: spellings of single words found before, which are added to; many names share
                words.
        """
        known = {} if known is None else known
        words = text.split()
        for word in words:
            if word not in known:
                known[word] = tuple(self._of_word(word))
        if len(words) == 1:
            return known[words[0]][:most]
        if not any([known[word] for word in words]):
            return ()
        choices = [[Respelling(word, 1.0), *known[word][:most]] for word in words[:MOST_WORDS]]
        ways = [(prod([one.likelihood for one in way]), way) for way in product(*choices)]
        likely = [(likelihood, way) for likelihood, way in ways[1:] if likelihood >= LEAST]
        likely.sort(key=lambda one: -one[0])
        rest = words[MOST_WORDS:]
        return tuple(
            Respelling(" ".join([*(one.text for one in way), *rest]), likelihood)
            for likelihood, way in likely[:most]
        )

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
        """Return the edits that the rules allow in a word, with their odds.

        If several rules give the same edit, the longest rule counts. A rule without an edge
        applies only within a word.
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
    """Return a rule at a position of a word as an edit of the letters that it changes."""
    end = start + len(letters)
    while letters and others and letters[0] == others[0]:
        letters, others, start = letters[1:], others[1:], start + 1
    while letters and others and letters[-1] == others[-1]:
        letters, others, end = letters[:-1], others[:-1], end - 1
    return _Edit(start, end, others)


def _edited(word: str, edits: list[_Edit]) -> str:
    """Return a word after edits given in order; empty if they overlap."""
    text, end = "", 0
    for edit in edits:
        if edit.start < end:
            return ""
        text += word[end : edit.start] + edit.letters
        end = edit.end
    return text + word[end:]


def _probability(text: str) -> float:
    """Return the probability in a text; raises ValueError for anything else."""
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError
    return value
