"""The rate limit of questions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auricle.wire.rate_limit import BURST, SECONDS_EACH, RateLimit


def test_limit_is_a_burst_of_three_and_one_every_ten_seconds() -> None:
    limit: RateLimit | None = RateLimit(time=100.0)
    for _ in range(3):
        assert limit is not None
        limit, before = limit.spend(100.0), limit
    assert limit is not None
    assert limit.spend(109.9) is None
    assert limit.spend(110.1) is not None
    assert before.spend(99.0) is not None  # a clock set back changes nothing


@given(st.lists(st.floats(0, 5), max_size=200))
def test_no_request_pattern_exceeds_the_limit(pauses: list[float]) -> None:
    limit, now, sent = RateLimit(time=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        left = limit.spend(now)
        if left is not None:
            limit, sent = left, sent + 1
    assert sent <= BURST + now / SECONDS_EACH + 1e-6
