"""The real service, and questions for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auricle.wire.schema import Question, WireArc
from testbed.running_reranker import RunningReranker


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReranker]:
    """The service with the shipped bundle."""
    with RunningReranker(tmp_path_factory.mktemp("reranker")) as service:
        yield service


@pytest.fixture
def question() -> Question:
    """`turn on the light` or `turn on a light` or `tern on ...`, the last being the likeliest."""
    words = ("a", "light", "on", "tern", "the", "turn")
    arcs = (
        WireArc(0, 1, 3, -10, 0, 3, 0),
        WireArc(0, 1, 5, -12, 0, 3, 0),
        WireArc(1, 2, 2, -2, 3, 2, 0),
        WireArc(2, 3, 0, -9, 5, 2, 0),
        WireArc(2, 3, 4, -10, 5, 2, 0),
        WireArc(3, 4, 1, -3, 7, 4, 0),
    )
    return Question(7, "en", words, arcs)
