"""Numbers: counts, digits, decimals, sums, telephone numbers, prices, measures.

Out: drafts, see `form`, with numbers in words as British and Americans say them.
"""

from __future__ import annotations

import re

from num2words import num2words

from auricle_train.synthesis.texts.form import Draw

ZEROS = ("zero", "zero", "oh")
REPEATS = {2: "double", 3: "triple"}
NUMBER_CARRIERS = (
    "{n}", "the answer is {n}", "set the volume to {n}", "set it to {n} percent",
    "what is {n} times {m}", "what is {n} plus {m}", "{n} minus {m}", "divide {n} by {m}",
    "what's {n} divided by {m}", "add {n} to the list", "count to {n}", "number {n}",
    "the square root of {n}", "turn to page {n}", "channel {n}", "chapter {n}", "bus {n}",
    "how much is {p} percent of {n}", "{n} people", "play episode {n}", "flip to channel {n}",
    "dim the lights to {p} percent", "roll a {m} sided die", "it was {o}", "the {o} one",
    "play the {o} song", "what is the {o} digit of pi", "{f} of them", "{d}",
    "what is {d} times {n}",
    "a score of {n} to {m}", "between {n} and {m}", "more than {n}", "minus {n}",
)  # fmt: skip
PHONE_CARRIERS = (
    "call {phone}", "dial {phone}", "my number is {phone}", "text {phone}", "{phone}",
    "his number is {phone}", "save the number {phone}", "ring {phone} please",
    "the extension is {short}", "the code is {short}", "my pin is {short}", "enter {short}",
)  # fmt: skip
PRICE_CARRIERS = (
    "it costs {price}", "{price}", "transfer {price} to my savings", "that is {price} please",
    "find flights under {price}", "how much is {price} in {currency}", "i paid {price}",
    "add {price} to the budget", "the total is {price}", "send her {price}",
    "convert {price} to {currency}", "is it less than {price}", "pay the bill of {price}",
)  # fmt: skip
CURRENCIES = ("dollars", "euros", "pounds", "yen", "rupees", "francs", "pesos", "kronor")
MEASURE_CARRIERS = (
    "set the temperature to {n} degrees", "how many {unit} are in {n} {other}", "{n} {unit}",
    "it is {n} degrees outside", "add {f} of a cup of {food}", "convert {n} {unit} to {other}",
    "{n} {unit} of {food}", "how far is {n} {unit}", "heat the oven to {n} degrees",
    "i weigh {n} {unit}", "{d} {unit}", "minus {n} degrees celsius", "{n} degrees fahrenheit",
    "at {n} {unit} an hour", "log {d} {unit} of {food}",
)  # fmt: skip
UNITS = (
    "grams", "kilograms", "pounds", "ounces", "miles", "kilometers", "meters", "feet", "inches",
    "yards", "liters", "milliliters", "cups", "tablespoons", "teaspoons", "gallons", "pints",
    "calories", "watts", "square feet", "acres", "gigabytes", "megabits",
)  # fmt: skip
FOODS = (
    "flour", "sugar", "butter", "rice", "milk", "oats", "water", "chicken", "lentils", "olive oil",
    "cheese", "yeast", "salt", "honey", "beef", "tomatoes", "spinach", "almonds",
)  # fmt: skip
FRACTIONS = (
    "half", "one half", "a third", "two thirds", "a quarter", "one quarter", "three quarters",
    "one fifth", "two fifths", "three eighths", "a tenth", "one and a half", "two and a half",
)  # fmt: skip


def cardinal(number: int, draw: Draw | None = None) -> str:
    """Return a number in words; with `draw`, "and" and "a hundred" vary."""
    words = re.sub(r"[-,]", " ", num2words(number))
    if draw is None or draw.chance(0.7):
        words = words.replace(" and ", " ")
    if draw is not None and draw.chance(0.3):
        words = re.sub(r"^one (?=hundred|thousand|million)", "a ", words)
    return re.sub(r"\s+", " ", words)


def ordinal(number: int) -> str:
    """Return "twenty second" of 22."""
    return re.sub(r"[-,]", " ", num2words(number, to="ordinal")).replace(" and ", " ")


def digits(figures: str, draw: Draw) -> str:
    """Return digits one by one; 0 is "zero" or "oh", repeats may be "double" or "triple"."""
    zero, parts, at = draw.one(ZEROS), [], 0
    while at < len(figures):
        run = len(figures[at:]) - len(figures[at:].lstrip(figures[at]))
        name = zero if figures[at] == "0" else num2words(int(figures[at]))
        if run in REPEATS and draw.chance(0.3):
            parts.append(f"{REPEATS[run]} {name}")
            at += run
        else:
            parts.append(name)
            at += 1
    return " ".join(parts)


def magnitude(draw: Draw) -> int:
    """Return a number; its order of magnitude is drawn first, which favours small numbers."""
    return draw.number(0, int(draw.one((10, 20, 100, 100, 200, 1000, 10_000, 1_000_000))))


def number(draw: Draw) -> str:
    """Return a sentence with numbers."""
    return draw.one(NUMBER_CARRIERS).format(**_parts(draw))


def measure(draw: Draw) -> str:
    """Return a sentence with a quantity of something."""
    return draw.one(MEASURE_CARRIERS).format(
        **_parts(draw), unit=draw.one(UNITS), other=draw.one(UNITS), food=draw.one(FOODS)
    )


def phone(draw: Draw) -> str:
    """Return a sentence with a telephone number or a code of a few digits."""
    groups = draw.one(((3, 4), (3, 3, 4), (3, 3, 4), (5, 6), (4, 3, 4), (2, 4, 4)))
    said = ", ".join(_group(size, draw) for size in groups)
    return draw.one(PHONE_CARRIERS).format(phone=said, short=_group(draw.number(3, 6), draw))


def price(draw: Draw) -> str:
    """Return a sentence with a price."""
    return draw.one(PRICE_CARRIERS).format(price=_amount(draw), currency=draw.one(CURRENCIES))


def _parts(draw: Draw) -> dict[str, str]:
    return {
        "n": cardinal(magnitude(draw), draw),
        "m": cardinal(draw.number(2, 100)),
        "p": cardinal(draw.number(1, 100)),
        "o": ordinal(draw.number(1, 120)),
        "f": draw.one(FRACTIONS),
        "d": f"{cardinal(draw.number(0, 120))} point {digits(str(draw.number(0, 999)), draw)}",
    }


def _group(size: int, draw: Draw) -> str:
    figures = str(draw.number(0, 10**size - 1)).zfill(size)
    pairs = size == 4 and figures[0] != "0" and draw.chance(0.2)
    return _pairs(figures) if pairs else digits(figures, draw)


def _pairs(figures: str) -> str:
    """Return 4 figures as two numbers: "twenty five ten", "forty oh six", "twelve hundred"."""
    left, right = cardinal(int(figures[:2])), int(figures[2:])
    if right == 0:
        return f"{left} hundred"
    return f"{left} {'oh ' if right < 10 else ''}{cardinal(right)}"


def _amount(draw: Draw) -> str:
    """Return a price as people say it."""
    whole, cents = draw.number(1, draw.one((10, 100, 100, 1000, 20_000))), draw.number(1, 99)
    unit = draw.one(CURRENCIES[:3]) if whole > 1 else draw.one(("dollar", "euro", "pound"))
    said = cardinal(whole, draw)
    small = {"pound": "pence"}.get(unit.rstrip("s"), "cents") if cents > 1 else "cent"
    if small == "cent" and unit.startswith("pound"):
        small = "penny"
    return draw.one((
        f"{said} {unit}",
        f"{said} {unit} and {cardinal(cents)} {small}",
        f"{said} {unit} {cardinal(cents)}",
        f"{said} {'oh ' if cents < 10 else ''}{cardinal(cents)}",
        f"{cardinal(cents)} {small}",
    ))  # fmt: skip
