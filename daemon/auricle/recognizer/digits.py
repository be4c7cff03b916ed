"""Writes spoken English numbers in digits.

In: words, perhaps with punctuation after them. Out: the same words with numbers from ten on in
digits: "twenty five minutes" becomes "25 minutes", "nineteen eighty five" 1985, "five five five
one" 5551, "at seven thirty" "at 7:30", "ten percent" 10%. Smaller numbers stay words, as style
guides ask, because "one" is often a pronoun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auricle.biasing import spoken_forms

MARKS = ",.?!"
ONES = {word: number for number, word in enumerate(spoken_forms.ONES) if number < 10}
TEENS = {word: number for number, word in enumerate(spoken_forms.ONES) if number >= 10}
BELOW_TWENTY = ONES | TEENS
TENS = {word: 10 * number for number, word in enumerate(spoken_forms.TENS) if number >= 2}
BELOW_HUNDRED = BELOW_TWENTY | TENS  # single words
SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
BEFORE_TIMES = {"at", "until", "till", "by", "for"}
AFTER_TIMES = {"am", "pm", "a.m", "p.m"}
NUMERALS = {*SCALES, "hundred", "percent", "point", *BELOW_HUNDRED}
LEAST = 10  # smaller numbers stay words
DIGIT_BY_DIGIT = 3  # so many single digits in a row are a code or a telephone number


@dataclass(frozen=True, slots=True)
class SpokenNumber:
    """A number among words."""

    text: str  # in digits
    count: int  # words that it takes


def with_digits(words: Sequence[str]) -> list[str]:
    """Return the words with their numbers in digits."""
    parts = [part for word in words for part in _divided(word)]
    plain = [part.lower().rstrip(MARKS + "-") for part in parts]
    done: list[str] = []
    place = 0
    while place < len(parts):
        end = _end_of_phrase(parts, place)
        number = _number(plain[place:end], plain[place - 1] if place else "")
        if number is None:
            done.append(parts[place])
            place += 1
            continue
        place += number.count
        last = parts[place - 1]
        done.append(number.text + last[len(last.rstrip(MARKS)) :])
    return " ".join(done).replace("- ", "-").split()


def _divided(word: str) -> list[str]:
    """Return the parts of a word with hyphens if all are numbers, else the word."""
    parts = word.split("-")
    if len(parts) > 1 and all(part.lower().rstrip(MARKS) in BELOW_HUNDRED for part in parts):
        return parts
    return [word]


def _end_of_phrase(parts: Sequence[str], place: int) -> int:
    """Return the index after the next word that ends with punctuation."""
    for index in range(place, len(parts)):
        if parts[index][-1:] in MARKS:
            return index + 1
    return len(parts)


def _number(words: Sequence[str], before: str) -> SpokenNumber | None:
    """Return the number at the start of words; None if it stays as it is."""
    for read in (_time, _digits, _year, _quantity):
        if number := read(words, before):
            return number
    return None


def _time(words: Sequence[str], before: str) -> SpokenNumber | None:
    """Read "seven thirty" after "at", or before "pm"."""
    hours = BELOW_TWENTY.get(words[0], 0) if words else 0
    minutes, used = _below_hundred(words[1:])
    if len(words) > 2 and words[1] == "oh" and words[2] in ONES:
        minutes, used = ONES[words[2]], 2
    elif minutes < 10:
        return None
    after = words[1 + used] if len(words) > 1 + used else ""
    is_time = after in AFTER_TIMES or (before in BEFORE_TIMES and after not in NUMERALS)
    if not 1 <= hours <= 12 or not used or minutes > 59 or not is_time:
        return None
    return SpokenNumber(f"{hours}:{minutes:02}", 1 + used)


def _digits(words: Sequence[str], before: str) -> SpokenNumber | None:
    """Read single digits in a row."""
    found = []
    for word in words:
        if word not in ONES:
            break
        found.append(str(ONES[word]))
    if len(found) < DIGIT_BY_DIGIT:
        return None
    return SpokenNumber("".join(found), len(found))


def _year(words: Sequence[str], before: str) -> SpokenNumber | None:
    """Read "nineteen eighty five" or "twenty twenty"."""
    century, first = _below_hundred(words[:1])
    years, second = _below_hundred(words[1:])
    following = words[1 + second] if len(words) > 1 + second else ""
    if not first or not second or not 11 <= century <= 20 or years < 10 or following in NUMERALS:
        return None
    return SpokenNumber(f"{century}{years}", 1 + second)


def _quantity(words: Sequence[str], before: str) -> SpokenNumber | None:
    """Read a whole number, decimals and percent."""
    value, used = _whole(words)
    if not used:
        return None
    text = str(value)
    decimals = ""
    if words[used : used + 1] == ["point"]:
        for word in words[used + 1 :]:
            if word not in ONES:
                break
            decimals += str(ONES[word])
        if decimals:
            text, used = f"{text}.{decimals}", used + 1 + len(decimals)
    is_percent = words[used : used + 1] == ["percent"]
    if is_percent:
        return SpokenNumber(f"{text}%", used + 1)
    return SpokenNumber(text, used) if decimals or value >= LEAST else None


def _whole(words: Sequence[str]) -> tuple[int, int]:
    """Return a whole number and its count of words; (0, 0) without one."""
    total, used, smallest = 0, 0, 10**12
    while True:
        start = used + 1 if used and words[used : used + 1] == ["and"] else used
        part, count = _below_thousand(words[start:])
        following = words[start + count] if len(words) > start + count else ""
        scale = SCALES.get(following, 1)
        if not count or scale >= smallest:
            return total, used
        total, used, smallest = total + part * scale, start + count + (scale > 1), scale
        if scale == 1:
            return total, used


def _below_thousand(words: Sequence[str]) -> tuple[int, int]:
    """Return a number below 1000 and its count of words; (0, 0) without one."""
    if len(words) > 1 and words[0] in ONES and words[1] == "hundred":
        rest = 3 if words[2:3] == ["and"] else 2
        value, count = _below_hundred(words[rest:])
        return 100 * ONES[words[0]] + value, rest + count if count else 2
    return _below_hundred(words)


def _below_hundred(words: Sequence[str]) -> tuple[int, int]:
    """Return a number below 100 and its count of words; (0, 0) without one."""
    if not words:
        return 0, 0
    if words[0] in TENS:
        ones = ONES.get(words[1], 0) if len(words) > 1 else 0
        return TENS[words[0]] + ones, 2 if ones else 1
    number = BELOW_TWENTY.get(words[0])
    return (0, 0) if number is None else (number, 1)
