"""Spoken forms: the ways to say a name, in plain words.

In: a context entry and the letters that the recogniser writes. Out: its forms, each with its share
of the entry's bonus. "J.R. Tolkien" gives "j r tolkien" with the whole bonus and, for a contact,
"tolkien" with a part of it. Numbers become words: 42 is "forty two", 1985 also "nineteen eighty
five", 007 "zero zero seven". A name that cannot be spoken (emoji, another script) has no form; this
is not an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from string import ascii_lowercase

from auricle.context.entries import LONGEST_NAME, Entry

WHOLE = 1.0  # share of the bonus for a whole name
PART = 0.5  # share of the bonus for a first or last name alone
MOST_WAYS = 16  # most forms of one written name
LONGEST_FORM = 12  # most words of a form
# Abbreviations that the second pass writes; see `recognizer.surface_forms.SPOKEN`.
SHORT = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "jr": "junior"}
SIGNS = {"&": " and ", "+": " plus ", "@": " at ", "’": "'", "‘": "'", "`": "'"}
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
DIGITS = "0123456789"
# Letters that Unicode does not decompose into a base letter and an accent.
_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l",
                        "þ": "th", "ı": "i"})  # fmt: skip
# Words without digits, signs or abbreviations, with at most a first capital each.
_PLAIN_NAME = re.compile(r"[A-Z]?[a-z]+(?: [A-Z]?[a-z]+)*")
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.){2,}")
# Words that may be spelled out letter by letter.
_CAPITALS = re.compile(r"\b[A-Z]{2,5}\b")
_MOST_CAPITALS = 5  # letters up to which a name all in capitals may be an abbreviation: AC/DC
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = (
    "zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
LARGEST = 9999  # larger numbers are said digit by digit
YEARS = range(1100, 2100)  # numbers that may be said as years


@dataclass(frozen=True, slots=True)
class Form:
    """One way to say a name."""

    text: str  # words in the recogniser's letters, separated by single spaces
    share: float  # share of the entry's bonus, 0 to 1


def forms_of(entry: Entry, letters: str = LETTERS) -> tuple[Form, ...]:
    """Return the distinct ways to say an entry, the whole name first.

    Args:
        entry: the entry; any text is accepted, and cut at `LONGEST_NAME`.
        letters: letters that the recogniser writes. Apostrophes are kept only within words.
    """
    found: dict[str, float] = {}
    for written in (entry.written, *entry.spoken):
        whole = list(islice(_ways(written[:LONGEST_NAME], letters), MOST_WAYS))
        for text in whole:
            found.setdefault(text, WHOLE)
        if entry.kind == "contacts" and whole:
            for part in _parts(whole[0]):
                found.setdefault(part, PART)
    return tuple(Form(text, share) for text, share in (*found.items(), *_owned(found, letters)))


def _ways(written: str, letters: str) -> Iterator[str]:
    """Yield the ways to say a written name; they may repeat."""
    if _PLAIN_NAME.fullmatch(written) and _reads_plain(letters):  # most names; only for speed
        words = written.lower().split(" ")
        if SHORT.keys().isdisjoint(words):
            yield " ".join(words[:LONGEST_FORM])
            return
    text = written if written.isascii() else unicodedata.normalize("NFKC", written)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    # "BatCave" is said like "bat cave" or "batcave", "wi-fi" like "wi fi" or "wifi".
    glued = (text.replace("-", ""), text.replace("-", " ")) if "-" in text else (text,)
    split = [one for some in glued for one in (some, _HUMPS.sub(" ", some))]
    for one in dict.fromkeys((*split, *_initials(text))):
        yield from _spelled(one, letters)


@cache
def _reads_plain(letters: str) -> bool:
    """Return whether the recogniser writes all letters from a to z."""
    return set(ascii_lowercase) <= set(letters)


def _initials(text: str) -> Iterator[str]:
    """Yield a text with its initials joined ("R.E.M." -> "REM") and spelled out ("R E M")."""
    if _DOTTED.search(text):
        yield _DOTTED.sub(lambda found: found[0].replace(".", "") + " ", text)
    letters = [one for one in text if one.isalpha()]
    if not all(map(str.isupper, letters)) or len(letters) <= _MOST_CAPITALS:
        yield _CAPITALS.sub(lambda found: " ".join(found[0]), text)


def _spelled(text: str, letters: str) -> Iterator[str]:
    """Yield the ways to say a text, given the ways to say each of its words."""
    choices = [_word_ways(word, letters) for word in _words(text, letters)[:LONGEST_FORM]]
    for words in product(*(choice for choice in choices if choice)):
        said = " ".join(words).split()[:LONGEST_FORM]
        if said:
            yield " ".join(said)


def _words(text: str, letters: str) -> list[str]:
    """Return the words of a text as letters and digits, with apostrophes only within words."""
    text = text.casefold()
    if not text.isascii():
        text = "".join(
            character if character in letters else _fold(character) for character in text
        )
    text = re.sub(f"[^{re.escape(letters)}{DIGITS}]+", " ", text)
    return [word for word in (part.strip("'") for part in text.split()) if word]


def _fold(character: str) -> str:
    """Return a letter without its accent."""
    bare = unicodedata.normalize("NFKD", character.translate(_PLAIN))
    return "".join(one for one in bare if not unicodedata.combining(one))


def _word_ways(word: str, letters: str) -> tuple[str, ...]:
    """Return the ways to say a word; abbreviated titles both in full and as written."""
    if word in SHORT:
        return (SHORT[word], word)
    if not any(digit in word for digit in DIGITS):
        return (word,)
    found = (part.strip("'") for part in re.findall(r"[0-9]+|[^0-9]+", word))
    parts = [part for part in found if part]
    said = product(*(ways_to_say(part) if part.isdigit() else (part,) for part in parts))
    ways = tuple(" ".join(way) for way in said)
    if not set("".join(ways)) <= {*letters, " "}:
        return ()
    return ways


def _parts(text: str) -> Iterator[str]:
    """Yield the first and the last name, unless they are initials."""
    words = text.split()
    if len(words) > 1:
        yield from (word for word in (words[0], words[-1]) if len(word) > 1)


def _owned(found: dict[str, float], letters: str) -> Iterable[tuple[str, float]]:
    """Return the possessives of forms, such as "kathleen's"."""
    if "'" not in letters:
        return []
    owned = {f"{text}'s": share for text, share in found.items() if not text.endswith("s")}
    return [(text, share) for text, share in owned.items() if text not in found]


def ways_to_say(digits: str) -> tuple[str, ...]:
    """Return the distinct ways to say a string of the digits 0 to 9, the most usual first."""
    number = int(digits) if len(digits) <= len(str(LARGEST)) else LARGEST + 1
    one_by_one = " ".join(ONES[int(digit)] for digit in digits)
    if number > LARGEST or (digits[0] == "0" and len(digits) > 1):
        return (one_by_one,)
    ways = [_cardinal(number)]
    if number in YEARS and number % 1000 >= len(ONES) // 2:
        ways.insert(0, _year(number))
    if len(digits) > 1:
        ways.append(one_by_one)
    return tuple(dict.fromkeys(ways))


def _cardinal(number: int) -> str:
    """Return a number up to LARGEST in words, in American English (without "and")."""
    parts = []
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        if number >= unit:
            parts += [ONES[number // unit], name]
            number %= unit
    if number or not parts:
        parts.append(_below_hundred(number))
    return " ".join(parts)


def _year(number: int) -> str:
    """Return a year in words: nineteen eighty five, nineteen oh five, nineteen hundred."""
    century, rest = divmod(number, 100)
    if not rest:
        return f"{_below_hundred(century)} hundred"
    return (
        f"{_below_hundred(century)} {'oh ' if rest < len(ONES) // 2 else ''}{_below_hundred(rest)}"
    )


def _below_hundred(number: int) -> str:
    if number < len(ONES):
        return ONES[number]
    tens, ones = divmod(number, 10)
    return TENS[tens] + (f" {ONES[ones]}" if ones else "")
