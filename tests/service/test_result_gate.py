"""Reports keep their order while a final result waits for the reranker."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from auricle.events import EndReason, Event, Final, Partial, Wake
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import result_of
from auricle.service.result_gate import ResultGate

RESULT = result_of(Lattice(2, (Arc(0, 1, "go", -1.0, 0.0, 0.0, 0.2),)), 1)


def final(session: str) -> Final:
    return Final(session=session, time=1.0, result=RESULT, reason=EndReason.SILENCE)


def wake(session: str) -> Wake:
    return Wake(session=session, time=1.0, wake_word="alexa", score=1.0, start=0.0, end=1.0)


class Reader:
    """Improves a result on command."""

    def __init__(self) -> None:
        self.passed: list[Event] = []
        self.go = asyncio.Event()
        self.wanted = True
        self.gate = ResultGate[Event](self.passed.append, self.improve, lambda: self.wanted)

    async def improve(self, event: Final) -> Final:
        await self.go.wait()
        return replace(event, reranked=True)


@pytest.mark.asyncio
async def test_reports_do_not_wait_without_a_reranker() -> None:
    reader = Reader()
    reader.wanted = False
    for event in (wake("a"), final("a"), wake("b")):
        reader.gate.take(event)
    assert reader.passed == [wake("a"), final("a"), wake("b")]
    await reader.gate.settled()


@pytest.mark.asyncio
async def test_reports_keep_their_order_while_a_result_waits() -> None:
    reader = Reader()
    events = [wake("a"), final("a"), wake("b"), Partial(session="b", time=2.0, text="x")]
    for event in (*events, final("b"), wake("c")):
        reader.gate.take(event)
    assert reader.passed == [wake("a")]
    reader.go.set()
    await reader.gate.settled()
    better = replace(final("a"), reranked=True)
    assert reader.passed == [
        wake("a"),
        better,
        *events[2:],
        replace(final("b"), reranked=True),
        wake("c"),
    ]
    reader.gate.take(wake("d"))
    assert reader.passed[-1] == wake("d")


@pytest.mark.asyncio
async def test_waiting_reports_are_sent_unchanged_at_shutdown() -> None:
    reader = Reader()
    for event in (final("a"), wake("b")):
        reader.gate.take(event)
    await asyncio.sleep(0)
    await reader.gate.close()
    assert reader.passed == [final("a"), wake("b")]


@pytest.mark.asyncio
async def test_fault_of_the_reranker_is_reported_and_no_report_is_lost() -> None:
    complaints: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    reader = Reader()

    async def fail(event: Final) -> Final:
        raise ValueError

    reader.gate = ResultGate[Event](reader.passed.append, fail, lambda: True)
    reader.gate.take(final("a"))
    await asyncio.sleep(0.01)
    assert len(complaints) == 1
    reader.gate.take(wake("b"))
    await asyncio.sleep(0.01)
    assert reader.passed == [final("a"), wake("b")]
