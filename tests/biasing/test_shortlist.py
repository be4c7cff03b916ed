"""The shortlist: which names are in it, and their shares of the bonus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.biasing.key_matrix import KeyMatrix
from auricle.biasing.shortlist import Keys, ShortlistOptions
from auricle.biasing.sorted_texts import SortedTexts
from auricle.errors import ArgumentError

OPTIONS = ShortlistOptions(most=3, least=-4.0, sure=4.0, share=0.5)


def keys_of(count: int) -> Keys:
    forms = SortedTexts.of(
        text.encode() for place in range(count) for text in (f"name{place}", f"name{place}'s")
    )
    numbers = [int(text.removeprefix(b"name").removesuffix(b"'s")) for text in forms]
    return Keys(KeyMatrix.of(np.zeros((count, 2), np.float32)), forms, np.array(numbers, np.int32))


@given(st.lists(st.floats(-20, 20, width=32), max_size=30))
def test_the_shortlist_holds_the_best_and_ranks_their_shares(scores: list[float]) -> None:
    best = np.array(scores, np.float32)
    listed = list(keys_of(len(best)).listed(best, OPTIONS))
    passed = [int(one.form.removeprefix("name").removesuffix("'s")) for one in listed]
    assert len(set(passed)) == min(OPTIONS.most, int((best > OPTIONS.least).sum()))
    assert len(listed) == 2 * len(set(passed))  # with the possessive of each name
    shares = [one.share for one in listed]
    assert shares == sorted(shares, reverse=True)
    assert all(0 < share <= OPTIONS.share for share in shares)
    left = [score for place, score in enumerate(scores) if place not in passed]
    assert not passed or not left or min(best[passed]) >= max(left) or max(left) <= OPTIONS.least


def test_a_certain_name_earns_the_whole_share() -> None:
    assert OPTIONS.share_of(4.0) == OPTIONS.share_of(40.0) == 0.5
    assert OPTIONS.share_of(0.0) == 0.25


@pytest.mark.parametrize(
    ("values", "name"),
    [({"most": 0}, "most"), ({"least": 5.0}, "sure"), ({"share": -1.0}, "share")],
)
def test_impossible_values_are_refused(values: dict[str, float], name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        ShortlistOptions(**values)  # type: ignore[arg-type]
