"""Whole numbers as people say them.

In: digits. Out: the ways to say them in plain words: 42 is "forty two", 1985 also "nineteen eighty
five", 007 "zero zero seven"; the first way is the most usual one.
"""

from __future__ import annotations

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = (
    "zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
LARGEST = 9999  # beyond it digits are told one by one
YEARS = range(1100, 2100)


def ways_to_say(digits: str) -> tuple[str, ...]:
    """Return the ways to say a row of the digits 0 to 9, none twice."""
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
    """Return a number up to LARGEST, the American way: without "and"."""
    parts = []
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        if number >= unit:
            parts += [ONES[number // unit], name]
            number %= unit
    if number or not parts:
        parts.append(_below_hundred(number))
    return " ".join(parts)


def _year(number: int) -> str:
    """Return a year as two numbers: nineteen eighty five, nineteen oh five, nineteen hundred."""
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
