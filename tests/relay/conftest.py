"""A fake reranker that speaks real HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.wire.schema import Question, WireArc
from testbed.fake_reranker import FakeReranker, in_order


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeReranker]:
    """A reranker that prefers the second reading."""
    with FakeReranker(
        tmp_path, lambda question: in_order(question, "cool contact-a", "call contact-a")
    ) as server:
        yield server


@pytest.fixture
def question() -> Question:
    """`call contact-a` or `cool contact-a`."""
    arcs = (
        WireArc(0, 1, 0, -5, 0, 3, 0),
        WireArc(0, 1, 2, -15, 0, 3, 0),
        WireArc(1, 2, 1, -2, 3, 4, 1),
    )
    return Question(7, "en", ("call", "contact-a", "cool"), arcs)
