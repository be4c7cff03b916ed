"""What partial results are worth to a reader, by sessions made up for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auricle.lattice.result import Word
from auricle.offline.live_clock import Known, KnownPartial
from auricle_train.evaluation.partials import judge_partials, settling_delays, texts_of


def heard(said: str, final: str, *partials: KnownPartial) -> Any:
    words = tuple(Word(word, 0.5 * place, 0.5 * place + 0.5, 1.0)
                  for place, word in enumerate(final.split()))  # fmt: skip
    session = SimpleNamespace(
        partials=partials, final=Known(final, 9.0), result=SimpleNamespace(words=words)
    )
    return SimpleNamespace(clip=SimpleNamespace(text=said), session=session)


GOOD = heard(
    "turn on the light",
    "turn on the light",
    KnownPartial("turn", 1.0, 0),
    KnownPartial("turn on", 1.5, 1),
    KnownPartial("turn on", 2.0, 2),
    KnownPartial("turn on the light", 2.5, 2),
)
BAD = heard(
    "how are you",
    "how are you",
    KnownPartial("power", 1.0, 0),
    KnownPartial("power you", 1.5, 1),
    KnownPartial("power is", 2.0, 1),
)
SILENT = heard("stop", "stop")


def test_texts_that_only_settle_more_are_told_once() -> None:
    assert texts_of(GOOD.session) == [["turn"], ["turn", "on"], ["turn", "on", "the", "light"]]


def test_partials_are_judged_by_what_they_take_back_and_by_their_last_text() -> None:
    found = judge_partials([GOOD, BAD, SILENT])
    assert found.told == 6
    assert (found.taken_back.count, found.taken_back.total) == (1, 4)
    assert found.last.words == 8
    assert found.last.rate == pytest.approx((0 + 3 + 1) / 8)
    assert (found.settled.count, found.settled.total) == (3, 6)
    assert (found.kept.count, found.kept.total) == (2, 3)


def test_a_word_counts_as_settled_where_it_first_is_in_its_place() -> None:
    assert settling_delays(GOOD.session) == pytest.approx([1.5 - 0.5, 2.0 - 1.0])
    assert settling_delays(BAD.session) == []
