"""Unforeseen errors are told by type and place, without a word of their text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from auricle.engine.queues import Outbox
from auricle.fault_reports import FaultHandler, faults_told, place_of

CANARY = "periwinkle"


def fail(said: object = CANARY) -> None:
    raise ValueError(f"cannot make sense of {said!r}")


@pytest_asyncio.fixture
async def told() -> AsyncIterator[list[str]]:
    sentences: list[str] = []
    with faults_told(asyncio.get_running_loop(), sentences.append):
        yield sentences
    assert not any(isinstance(each, FaultHandler) for each in logging.getLogger().handlers)


def test_an_error_is_known_by_its_type_and_place() -> None:
    with pytest.raises(ValueError, match=CANARY) as caught:
        fail()
    assert place_of(caught.value) == f"ValueError at tests/test_fault_reports.py:{fail_line()}"
    assert place_of(KeyError(CANARY)) == "KeyError"


def fail_line() -> int:
    return fail.__code__.co_firstlineno + 1


@pytest.mark.asyncio
async def test_a_report_that_cannot_be_delivered_is_told_without_its_text(told: list[str]) -> None:
    outbox = Outbox[str](asyncio.get_running_loop(), fail)
    outbox.post(CANARY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == [f"a callback failed: ValueError at tests/test_fault_reports.py:{fail_line()}"]


@pytest.mark.asyncio
async def test_a_complaint_of_the_loop_without_an_error_is_told(told: list[str]) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": CANARY})
    assert told == ["the event loop reports a problem"]


@pytest.mark.asyncio
async def test_what_libraries_log_is_told_without_its_text(told: list[str]) -> None:
    try:
        fail()
    except ValueError:
        logging.exception("got unexpected error: %s", CANARY)  # as dbus-next does
    logging.getLogger("asyncio").warning("slow: %s", CANARY)
    logging.getLogger("asyncio").info("not worth telling")
    first, second = told
    place = "reports a problem at tests/test_fault_reports.py:"
    assert first.startswith(f"the library logger root {place}")
    assert first.endswith(f": ValueError at tests/test_fault_reports.py:{fail_line()}")
    assert second.startswith(f"the library logger asyncio {place}")
    assert CANARY not in first + second


@pytest.mark.asyncio
async def test_what_this_program_logs_is_told_as_it_is(told: list[str]) -> None:
    logging.getLogger("auricle.dbus.errors").error("Listen failed: %s", "TypeError at a/b.py:1")
    assert told == ["Listen failed: TypeError at a/b.py:1"]
