"""Learns which letters the recogniser substitutes for others.

In: names and their recognised texts. Out: rules with probabilities, in the format of
`auricle.biasing.respelling`: letters of a word, with "_" at its start or end, and their
replacement. After Brill and Moore, "An improved error model for noisy channel spelling correction"
(ACL 2000): letters are aligned, and windows of a few columns are counted. The probability of a
replacement is its share of all occurrences of the letters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auricle.biasing.respelling import EDGE

ALIKE = (
    "aeiouy", "ckqxg", "szcx", "dt", "bp", "fvp", "gj", "mn", "lr", "yi", "wu", "hx",
)  # fmt: skip  # letters that stand for similar sounds
SILENT = "aeiouyhwr"
SPACE = " "

Column = tuple[str, str]  # aligned letters of name and recognised text; "" for a gap


@dataclass(frozen=True)
class Limits:
    """Limits for training pairs and rules."""

    furthest: float = 0.22  # maximum alignment cost per letter of a pair
    widest: int = 5  # maximum letters of a rule, word edges included
    names: int = 4  # minimum names in which a rule occurs
    probability: float = 0.1  # minimum probability of a rule


def learn(
    pairs: Iterable[tuple[str, str]], limits: Limits | None = None
) -> dict[tuple[str, str], float]:
    """Return rules with their probability, highest first.

    Args:
        pairs: names and their recognised texts.
        limits: limits for pairs and rules.
    """
    limits = limits or Limits()
    seen: Counter[str] = Counter()
    changed: Counter[Column] = Counter()
    names: defaultdict[Column, set[str]] = defaultdict(set)
    for name, recognised in pairs:
        cost, columns = align(name, recognised)
        if cost > limits.furthest * len(name):
            continue
        for letters, others in _windows(columns, limits.widest):
            seen[letters] += 1
            if letters != others:
                changed[letters, others] += 1
                names[letters, others].add(name)
    rules = {
        rule: count / seen[rule[0]]
        for rule, count in changed.items()
        if len(names[rule]) >= limits.names and count >= limits.probability * seen[rule[0]]
    }
    return dict(sorted(rules.items(), key=lambda item: (-item[1], item[0])))


def table(rules: dict[tuple[str, str], float]) -> str:
    """Return the rules in the format of a bundle's table."""
    return "".join(f"{one}\t{other}\t{share:.2f}\n" for (one, other), share in rules.items())


def align(name: str, recognised: str) -> tuple[float, list[Column]]:
    """Return the minimum alignment cost of two texts, and the aligned letters."""
    costs = [[0.0] * (len(recognised) + 1) for _ in range(len(name) + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(len(name) + 1):
        for j in range(len(recognised) + 1):
            ways = []
            if i and j:
                change = _change(name[i - 1], recognised[j - 1])
                ways.append((costs[i - 1][j - 1] + change, (1, 1)))
            if i:
                ways.append((costs[i - 1][j] + _gap(name, i - 1), (1, 0)))
            if j:
                ways.append((costs[i][j - 1] + _gap(recognised, j - 1), (0, 1)))
            if ways:
                costs[i][j], steps[i, j] = min(ways)
    columns = []
    i, j = len(name), len(recognised)
    while i or j:
        left, right = steps[i, j]
        columns.append((name[i - left : i], recognised[j - right : j]))
        i, j = i - left, j - right
    return costs[-1][-1], columns[::-1]


def _change(letter: str, other: str) -> float:
    if letter == other:
        return 0.0
    if SPACE in (letter, other):
        return 2.0
    return 0.7 if any(letter in group and other in group for group in ALIKE) else 1.5


def _gap(text: str, place: int) -> float:
    """Return the cost of a letter without counterpart; low for silent and doubled letters."""
    double = place > 0 and text[place - 1] == text[place]
    return 0.5 if double or text[place] in SILENT + SPACE else 1.0


def _windows(columns: list[Column], widest: int) -> Iterator[tuple[str, str]]:
    """Yield the letters of adjacent columns within a word, on both sides.

    Windows at the edge of a word include the edge, because letters behave differently there.
    """
    edge = (SPACE, SPACE)
    marked = [edge, *columns, edge]
    for first in range(len(marked)):
        if first and marked[first - 1] == edge:
            continue
        letters = others = ""
        for number, (letter, other) in enumerate(marked[first:], first):
            if (letter == SPACE) != (other == SPACE):
                break  # words were joined or split
            letters += EDGE if letter == SPACE else letter
            others += EDGE if other == SPACE else other
            if len(letters) > widest:
                break
            ends = letter == SPACE and number > first
            if letters not in ("", EDGE) and (ends or marked[number + 1] != edge):
                yield letters, others
            if ends:
                break
