"""Normalises texts of recognisers and transcripts to spoken form: lower case, numbers in words.

In: any English text. Out: words of letters and apostrophes, separated by single spaces, as spoken:
"Mr. Hale paid $1,000 in 1885" -> "mister hale paid one thousand dollars in eighteen eighty five".
British and American spellings stay. Ambiguous numbers are read the American way: without "and", and
1100 to 2099 as years.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from num2words import num2words

# Expanded with or without a full stop, because no other word has this spelling.
TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "messrs": "messieurs", "dr": "doctor",
    "drs": "doctors", "prof": "professor", "jr": "junior", "lt": "lieutenant", "capt": "captain",
    "sgt": "sergeant", "esq": "esquire", "mt": "mount", "vs": "versus", "etc": "et cetera",
    "ok": "okay", "ltd": "limited",
}  # fmt: skip
# Expanded only with a full stop, because without it they are words or parts of words.
ABBREVIATIONS = {
    "st": "saint", "co": "company", "gen": "general", "col": "colonel", "rev": "reverend",
    "hon": "honorable", "gov": "governor", "sr": "senior", "maj": "major", "ft": "fort",
}  # fmt: skip
SIGNS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "°c": "degrees celsius",
    "°f": "degrees fahrenheit", "°": "degrees",
}  # fmt: skip
UNITS = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
PLURALS = {"penny": "pence"}
NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+"
LONGEST = 9  # maximum digits of a number; longer ones are spoken digit by digit
ORDINAL = r"(?:st|nd|rd|th)\b"


def normalize(text: str) -> str:
    """Return the text as spoken: letters a to z, apostrophes within words, single spaces."""
    text = unicodedata.normalize("NFKD", text.replace("’", "'")).lower().replace("⁄", "/")
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text)  # such as "[music]": not spoken
    text = re.sub(rf"\b({'|'.join(ABBREVIATIONS)})\.", _abbreviation, text)
    for pattern, spell in _SPELLINGS:
        text = re.sub(pattern, spell, text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, f" {word} ")
    words = (word.strip("'") for word in re.sub(r"[^a-z']", " ", text).split())
    text = " ".join(TITLES.get(word, word) for word in words if word)
    return re.sub(r"\bper cent\b", "percent", text)


def _abbreviation(found: re.Match[str]) -> str:
    return f" {ABBREVIATIONS[found[1]]} "


def _digits(text: str) -> str:
    return " ".join(_say(int(digit)) for digit in text)


def _say(number: int, kind: str = "cardinal") -> str:
    return re.sub(r" and |[-,]", " ", num2words(number, to=kind))


def _whole(text: str) -> str:
    """Return a number without fraction in words."""
    number = text.replace(",", "")
    if len(number) > LONGEST or (number[0] == "0" and len(number) > 1):
        return _digits(number)
    is_year = "," not in text and (1100 <= int(number) < 2000 or 2010 <= int(number) < 2100)
    return _say(int(number), "year" if is_year else "cardinal")


def _number(found: re.Match[str]) -> str:
    whole, fraction = found["whole"], found["fraction"]
    return f" {_whole(whole)}{' point ' + _digits(fraction) if fraction else ''} "


def _money(found: re.Match[str]) -> str:
    unit, part = UNITS[found["sign"]]
    whole, fraction, many = found["whole"].replace(",", ""), found["fraction"], found["many"]
    if many:
        amount = _whole(whole) + (f" point {_digits(fraction)}" if fraction else "")
        return f" {amount} {many} {unit}s "
    amount = _say(int(whole)) if len(whole) <= LONGEST else _digits(whole)
    told = f" {amount} {unit}{'s' if int(whole) != 1 else ''} "
    if fraction and len(fraction) == 2 and int(fraction):
        parts = part if int(fraction) == 1 else PLURALS.get(part, f"{part}s")
        told += f"and {_say(int(fraction))} {parts} "
    return told


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if minute == 0:
        return f" {_say(hour)} o'clock "
    return f" {_say(hour)} {'oh ' if minute < 10 else ''}{_say(minute)} "


def _ordinal(found: re.Match[str]) -> str:
    number = found["whole"].replace(",", "")
    return f" {_say(int(number), 'ordinal') if len(number) <= LONGEST else _digits(number)} "


def _plural(found: re.Match[str]) -> str:
    """Spell plural numbers such as "1880s" and "80s"."""
    words = _whole(found[1]).strip()
    return f" {words[:-1]}ies " if words.endswith("y") else f" {words}s "


def _fraction(found: re.Match[str]) -> str:
    return f" {FRACTIONS[found[0]]} "


FRACTIONS = {"1/2": "one half", "1/4": "one quarter", "3/4": "three quarters"}
_AMOUNT = rf"(?P<whole>{NUMBER})(?:\.(?P<fraction>[0-9]+))?"
# The order matters: an earlier pattern may contain a later one.
_SPELLINGS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (rf"(?P<sign>[$€£])\s?{_AMOUNT}(?:\s(?P<many>hundred|thousand|million|billion)\b)?", _money),
    (r"(?<=[0-9])\s?([ap])\.?m\b\.?", r" \1 m "),
    (r"\b([0-9]{1,2}):([0-5][0-9])\b", _clock),
    (r"(?<![0-9/])(?:1/2|1/4|3/4)(?![0-9/])", _fraction),
    (rf"(?P<whole>{NUMBER}){ORDINAL}", _ordinal),
    (r"\b([0-9]{2,4})'?s\b", _plural),
    (_AMOUNT, _number),
    (r"%", " percent "),
)
