"""Concurrent questions are answered in one batch; those that would wait too long are rejected."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest

from auricle.wire.schema import Question, encode_question
from reranker.application import PATH, make_application
from reranker.batching import Batches, BatchOptions, BusyError
from reranker.ranking import Ranker, Weights

OPTIONS = BatchOptions(window_seconds=0.02, at_once=4, waiting=6, patience_seconds=5.0)


class Work:
    """Doubles numbers after it is released."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        assert self.may.wait(5)
        if 13 in numbers:
            raise ValueError(numbers)
        return [2 * number for number in numbers]


@pytest.mark.asyncio
async def test_concurrent_questions_form_one_batch_and_a_full_queue_rejects() -> None:
    work = Work()
    async with Batches(work, OPTIONS) as batches:
        first = [asyncio.ensure_future(batches.ask(number)) for number in range(4)]
        await asyncio.to_thread(until_begun, work)
        later = [asyncio.ensure_future(batches.ask(number)) for number in range(4, 10)]
        await asyncio.sleep(0)
        assert batches.waiting == 6
        with pytest.raises(BusyError):
            await batches.ask(10)
        later[0].cancel()  # cancelled questions are not computed
        work.may.set()
        assert await asyncio.gather(*first, *later[1:]) == [0, 2, 4, 6, 10, 12, 14, 16, 18]
    assert work.batches == [[0, 1, 2, 3], [5, 6, 7, 8], [9]]


@pytest.mark.asyncio
async def test_question_that_waited_too_long_is_rejected_and_not_computed() -> None:
    work = Work()
    options = replace(OPTIONS, at_once=1, patience_seconds=0.2)
    async with Batches(work, options) as batches:
        first = asyncio.ensure_future(batches.ask(1))
        await asyncio.to_thread(until_begun, work)
        second = asyncio.ensure_future(batches.ask(2))
        await asyncio.sleep(0.3)
        third = asyncio.ensure_future(batches.ask(3))
        await asyncio.sleep(0)
        work.may.set()
        assert (await first, await third) == (2, 6)
        with pytest.raises(BusyError):
            await second
    assert work.batches == [[1], [3]]


@pytest.mark.asyncio
async def test_fault_reaches_its_batch_only() -> None:
    work = Work()
    work.may.set()
    async with Batches(work, OPTIONS) as batches:
        asked = [batches.ask(13), batches.ask(1)]
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in told] == [ValueError, ValueError]
        assert await batches.ask(2) == 4


@pytest.mark.asyncio
async def test_rejection_has_a_retry_time(question: Question) -> None:
    may = threading.Event()

    class Slow:
        """A language model that waits."""

        def score(self, lattices: Sequence[Sequence[Sequence[str]]]) -> list[list[float]]:
            assert may.wait(5)
            return [[0.0 for _ in readings] for readings in lattices]

    options = BatchOptions(window_seconds=0.0, at_once=1, waiting=1)
    application = make_application(Ranker(Slow(), Weights()), "token", options)
    headers = {"authorization": "Bearer token", "content-type": "application/json"}
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://localhost"
        ) as client,
    ):
        asked = [
            asyncio.ensure_future(
                client.post(PATH, content=encode_question(question), headers=headers)
            )
            for _ in range(5)
        ]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        may.set()
        statuses = sorted(response.status_code for response in await asyncio.gather(*asked))
        refused = next(iter(done)).result()
    assert set(statuses) == {200, 429}
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json() == {"version": 1, "error": "queue full: try again"}


@pytest.mark.asyncio
async def test_internal_fault_reveals_no_word(
    question: Question, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        """A language model whose error contains the question."""

        def score(self, lattices: Sequence[Sequence[Sequence[str]]]) -> list[list[float]]:
            raise ValueError(lattices)

    application = make_application(Ranker(Broken(), Weights()), "token", OPTIONS)
    headers = {"authorization": "Bearer token", "content-type": "application/json"}
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://localhost"
        ) as client,
    ):
        response = await client.post(PATH, content=encode_question(question), headers=headers)
    assert response.status_code == 500
    assert response.json() == {"version": 1, "error": "internal error: ValueError"}
    (record,) = caplog.records
    assert "ValueError, in " in record.getMessage()
    assert "light" not in caplog.text


def until_begun(work: Work) -> None:
    while not work.batches:
        threading.Event().wait(0.001)
