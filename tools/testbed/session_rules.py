"""Checks the rules that the events of sessions keep, whatever happens; see `auricle.session`.

In: the events of a daemon or pipeline, in order. A broken rule raises AssertionError.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from auricle.events import (
    Cancelled,
    Event,
    Failed,
    Final,
    Partial,
    Revised,
    Settled,
    Speculative,
    Wake,
)

LETTERS = {
    Wake: "W",
    Partial: "P",
    Settled: "T",
    Speculative: "S",
    Revised: "R",
    Final: "F",
    Cancelled: "C",
    Failed: "X",
}
# The whole life of the daemon, a letter an event: sessions one after the other, of which the last
# may still run. A speculation (S) is withdrawn (R) or confirmed (F) by the very next event. What
# replaces it follows at once.
OPEN = r"S(RS)*"
TEXT = rf"(PT?|T|{OPEN}RPT?)*"
LIFE = re.compile(rf"(W{TEXT}(({OPEN}R?)?F|({OPEN}R)?[CX]))*(W{TEXT}({OPEN})?)?")


def check_order(events: Sequence[Event]) -> None:
    """Check the order of the events."""
    life = life_of(events)
    assert LIFE.fullmatch(life), life


def life_of(events: Sequence[Event]) -> str:
    """Return a letter for each event."""
    return "".join(LETTERS[type(event)] for event in events)


def check_revisions(events: Sequence[Event]) -> None:
    """Check that what follows each Revised, at the same time, differs from what it withdraws."""
    assert not events or not isinstance(events[-1], Revised)
    for withdrawn, revised, following in zip(events, events[1:], events[2:], strict=False):
        if not isinstance(revised, Revised):
            continue
        assert isinstance(withdrawn, Speculative)
        assert following.time == revised.time
        match following:
            case Partial(text=text):
                assert len(text.split()) > len(withdrawn.result.text.split())
            case Speculative(result=result) | Final(result=result):
                assert result.text != withdrawn.result.text
            case _:
                assert isinstance(following, Cancelled | Failed)


def check_settled(events: Sequence[Event]) -> int:
    """Check that settled words stay up to the next speculation; return the most at one time."""
    settled: list[str] = []
    text: list[str] = []
    most = 0
    for event in events:
        match event:
            case Wake():
                settled, text = [], []
            case Partial():
                assert event.text.split() != text
                text = event.text.split()
                assert text[: len(settled)] == settled
                assert len(settled) <= event.settled <= len(text)
            case Settled():
                assert event.words > len(settled)
                settled = event.text.split()
                assert text[: event.words] == settled
                most = max(most, event.words)
            case Speculative():
                settled, text = [], event.result.text.split()
    return most
