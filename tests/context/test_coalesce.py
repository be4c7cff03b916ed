"""Changes are told no faster than somebody can follow."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from auricle.context.coalesce import HandOver
from auricle.errors import BusyError
from testbed.patience import patience


@pytest.mark.asyncio
async def test_the_first_is_told_at_once_and_the_last_after_a_pause() -> None:
    told: list[float] = []

    async def give() -> None:
        told.append(time.monotonic())

    hand_over = HandOver(give, pause=0.1)
    begin = time.monotonic()
    async with asyncio.timeout(patience(5)):
        while len(told) < 4:
            hand_over.mark()
            last = time.monotonic()
            await asyncio.sleep(0.001)
        while told[-1] < last:
            await asyncio.sleep(0.001)
    assert told[0] - begin < patience(0.05)
    assert all(late - early >= 0.1 for early, late in pairwise(told))
    count = len(told)
    await asyncio.sleep(0.2)
    assert len(told) == count
    await hand_over.close()


@pytest.mark.asyncio
async def test_who_is_busy_is_told_later() -> None:
    told: list[int] = []

    async def give() -> None:
        told.append(len(told))
        if len(told) < 3:
            raise BusyError("32 calls are waiting already; try again later")

    hand_over = HandOver(give, pause=0.01)
    hand_over.mark()
    async with asyncio.timeout(patience(5)):
        while len(told) < 3:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert told == [0, 1, 2]
    await hand_over.close()


@pytest.mark.asyncio
async def test_a_fault_is_told_to_the_loop_and_does_not_end_it() -> None:
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))
    told: list[int] = []

    async def give() -> None:
        told.append(1)
        raise TypeError

    hand_over = HandOver(give, pause=0.01)
    for count in (1, 2):
        hand_over.mark()
        async with asyncio.timeout(patience(5)):
            while len(faults) < count:
                await asyncio.sleep(0.01)
        assert (len(told), len(faults)) == (count, count)
    await hand_over.close()
