"""The budget is what the recogniser may spend."""

from __future__ import annotations

import pytest

from auricle.compute.budget import Budget
from auricle.errors import ArgumentError


def test_a_budget_holds_threads_and_beam() -> None:
    budget = Budget(threads=2, beam=4)
    assert (budget.threads, budget.beam) == (2, 4)


@pytest.mark.parametrize(("threads", "beam"), [(0, 4), (1, 0), (-1, 1)])
def test_a_budget_with_which_nothing_can_be_computed_is_refused(threads: int, beam: int) -> None:
    with pytest.raises(ArgumentError, match="give a whole number of at least 1"):
        Budget(threads=threads, beam=beam)
