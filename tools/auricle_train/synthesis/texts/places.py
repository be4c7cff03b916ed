"""Addresses: streets, post codes, email, web sites.

In: names of people and of places. Out: drafts, see `form`.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle_train.synthesis.texts.form import Draw
from auricle_train.synthesis.texts.numbers import cardinal, digits, ordinal
from auricle_train.synthesis.texts.spelling import LETTERS

ADDRESS_CARRIERS = (
    "navigate to {address}", "take me to {address}", "i live at {address}", "{address}",
    "how far is it to {address}", "the address is {address}", "send it to {address}",
    "call a taxi to {address}", "directions to {address}", "the zip code is {code}",
    "deliver the pizza to {address}", "what is the zip code of {place}", "post code {british}",
    "where is {street}", "is there traffic on {street}", "turn left onto {street}",
)  # fmt: skip
MAIL_CARRIERS = (
    "send an email to {mail}", "my email is {mail}", "{mail}", "open {site}", "go to {site}",
    "the website is {site}", "write to {mail}", "log in as {mail}", "add {mail} to the invitation",
)  # fmt: skip
STREETS = (
    "elm", "oak", "maple", "cedar", "washington", "church", "station", "mill", "high", "park",
    "victoria", "lincoln", "pine", "walnut", "sunset", "lake", "river", "spring", "king", "queen",
    "chestnut", "jefferson", "highland", "meadow", "willow", "broad", "franklin", "hillside",
)  # fmt: skip
KINDS = (
    "street", "street", "avenue", "road", "lane", "drive", "boulevard", "court", "place", "way",
    "square", "terrace", "crescent", "close",
)  # fmt: skip
SIDES = ("north", "south", "east", "west")
PARTS = ("apartment", "suite", "unit", "floor", "flat")
ENDINGS = ("dot com", "dot com", "dot org", "dot net", "dot co dot U K", "dot D E", "dot E D U")
HOSTS = ("gmail", "yahoo", "outlook", "hotmail", "icloud", "proton", "company", "mail")


class Places:
    """Samples drafts with addresses."""

    def __init__(self, people: Sequence[str], places: Sequence[str]) -> None:
        self._people, self._places = people, places

    def address(self, draw: Draw) -> str:
        """Return a sentence with an address, a street or a post code."""
        street, place = self._street(draw), draw.one(self._places)
        house = f"{_house(draw)} {street}"
        if draw.chance(0.25):
            part = cardinal(draw.number(1, 40)) if draw.chance(0.7) else draw.one(LETTERS)
            house += f", {draw.one(PARTS)} {part}"
        if draw.chance(0.4):
            house += f", {place}"
        return draw.one(ADDRESS_CARRIERS).format(
            address=house, street=street, place=place,
            code=digits(str(draw.number(501, 99950)).zfill(5), draw), british=_british(draw),
        )  # fmt: skip

    def mail(self, draw: Draw) -> str:
        """Return a sentence with an email or web address."""
        first, last = draw.one(self._people).split()[0], draw.one(self._people).split()[-1]
        user = draw.one((f"{first} dot {last}", first, f"{first[0].upper()} {last}",
                         f"{first} underscore {last}", f"{first} {_figures(draw)}"))  # fmt: skip
        mail = f"{user} at {draw.one(HOSTS)} {draw.one(ENDINGS)}"
        site = f"{draw.one(('', '', 'W W W dot '))}{last} {draw.one(ENDINGS)}"
        return draw.one(MAIL_CARRIERS).format(mail=mail, site=site)

    def _street(self, draw: Draw) -> str:
        if draw.chance(0.2):
            name = ordinal(draw.number(1, 110))
        else:
            name = draw.one(STREETS) if draw.chance(0.5) else draw.one(self._people).split()[-1]
        side = f"{draw.one(SIDES)} " if draw.chance(0.15) else ""
        return f"{side}{name} {draw.one(KINDS)}"


def _house(draw: Draw) -> str:
    """Return a house number: "twelve", "one twenty five", "twenty one hundred", "four B"."""
    if draw.chance(0.5):
        return cardinal(draw.number(1, 99)) + (f" {draw.one('ABCD')}" if draw.chance(0.1) else "")
    hundreds, rest = draw.number(1, 60), draw.number(0, 99)
    if rest == 0:
        return f"{cardinal(hundreds)} hundred"
    return f"{cardinal(hundreds)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _british(draw: Draw) -> str:
    first = " ".join(draw.one(LETTERS) for _ in range(draw.number(1, 2)))
    last = f"{draw.one(LETTERS)} {draw.one(LETTERS)}"
    return f"{first} {cardinal(draw.number(1, 30))}, {cardinal(draw.number(1, 9))} {last}"


def _figures(draw: Draw) -> str:
    return digits(str(draw.number(1, 99)), draw)
