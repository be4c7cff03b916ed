"""The written form of a result: capitals, punctuation and digits.

The words of a result are plain: "set a timer for twenty five minutes". The second pass knows
capitals and punctuation; `Result.punctuated` keeps them. Out: "Set a timer for 25 minutes." Without
a second pass only the first capital and the digits are added.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle.lattice.result import RecognizedName, Result, Word
from auricle.recognizer.digits import MARKS, with_digits


def written_form(result: Result) -> str:
    """Return the written form of the text of a result."""
    tokens = with_digits((result.punctuated or result.text).split())
    text = " ".join(tokens)
    return text[:1].upper() + text[1:]


def punctuated_words(decoded: str, plain: Sequence[str]) -> tuple[str, ...] | None:
    """Divide the text of the second pass into the words of the plain text.

    Args:
        decoded: text of the second pass, such as "Turn on, twenty-five."
        plain: plain words of the same text.

    Returns:
        One item per plain word, or None if the two do not match.
    """
    parts = tuple(decoded.replace("-", "- ").split())
    return parts if len(parts) == len(plain) else None


def punctuated_text(
    parts: Sequence[str],
    plain: Sequence[str],
    words: Sequence[Word],
    names: Sequence[RecognizedName],
) -> str:
    """Return the punctuated text of a result; names are written as in the context.

    Args:
        parts: punctuated words of the second pass.
        plain: the plain words that they stand for.
        words: the words of the result, one for each part; a name may have another spelling.
        names: the names among the words.
    """
    shown = [
        part if word.word == spoken else _like(part, word.word)
        for part, spoken, word in zip(parts, plain, words, strict=True)
    ]
    for name in names:
        first, last = _place_of(name, words)
        shown[first] = _like(shown[last], name.written)
        shown[first + 1 : last + 1] = [""] * (last - first)
    return " ".join(part for part in shown if part).replace("- ", "-")


def _place_of(name: RecognizedName, words: Sequence[Word]) -> tuple[int, int]:
    """Return the indices of the first and the last word of a name; words may overlap in time."""
    first = next(n for n, word in enumerate(words) if word.start == name.start)
    return first, next(n for n in range(first, len(words)) if words[n].end == name.end)


def _like(part: str, word: str) -> str:
    """Return a word with the punctuation of another one."""
    return word + part[len(part.rstrip(MARKS)) :]
