"""The bounded queues between the threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError

import numpy as np
import pytest

from auricle.audio.format import FRAME_SAMPLES, Frame
from auricle.engine.queues import Call, Inbox, Outbox
from auricle.errors import BusyError, MutedError, NotRunningError


def frame(number: int) -> Frame:
    return np.full(FRAME_SAMPLES, number, np.int16)


def test_frames_and_notes_keep_their_order() -> None:
    inbox = Inbox[str]()
    inbox.put(frame(1))
    inbox.put_note("lost")
    inbox.put(frame(2))
    first, note, second = (inbox.take() for _ in range(3))
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert (first[0], note, second[0]) == (1, "lost", 2)


def test_a_full_inbox_drops_the_newest_frames_and_counts_them() -> None:
    inbox = Inbox[str](frames=2)
    for number in range(5):
        inbox.put(frame(number))
    oldest = inbox.take()
    assert isinstance(oldest, np.ndarray)
    assert (inbox.dropped, oldest[0]) == (3, 0)


def test_longest_queue_is_reported_since_the_previous_call() -> None:
    inbox = Inbox[str]()
    for number in range(5):
        inbox.put(frame(number))
    for _ in range(4):
        inbox.take()
    assert (inbox.peak(), inbox.peak()) == (5, 1)


def test_note_makes_room_in_a_full_inbox() -> None:
    inbox = Inbox[str](frames=2)
    inbox.put(frame(1))
    inbox.put(frame(2))
    inbox.put_note("lost")
    inbox.put_note("found")
    inbox.take()
    assert inbox.take() == "found"
    assert inbox.dropped == 1  # the dropped note does not count


def test_call_overtakes_waiting_frames() -> None:
    inbox = Inbox[str]()
    inbox.put(frame(1))
    outcome = inbox.call(lambda: "done")
    call = inbox.take()
    assert isinstance(call, Call)
    call.run()
    assert outcome.result(0) == "done"


def test_error_of_a_call_reaches_its_caller() -> None:
    def work() -> None:
        raise MutedError("muted")

    inbox = Inbox[str]()
    outcome = inbox.call(work)
    call = inbox.take()
    assert isinstance(call, Call)
    call.run()
    with pytest.raises(MutedError):
        outcome.result(0)


def test_cancelled_call_is_skipped() -> None:
    done: list[int] = []
    call = Call(lambda: done.append(1))
    call.outcome.cancel()
    call.run()
    assert not done


def test_too_many_calls_are_refused() -> None:
    inbox = Inbox[str](calls=1)
    inbox.call(lambda: None)
    with pytest.raises(BusyError, match="1 calls are waiting"):
        inbox.call(lambda: None)


def test_discarded_frames_are_not_delivered() -> None:
    inbox = Inbox[str]()
    inbox.put(frame(1))
    inbox.clear_audio()
    inbox.put(frame(2))
    left = inbox.take()
    assert isinstance(left, np.ndarray)
    assert left[0] == 2


def test_a_closed_inbox_is_empty_and_cancels_its_calls() -> None:
    inbox = Inbox[str]()
    inbox.put(frame(1))
    waiting = inbox.call(lambda: None)
    inbox.close()
    assert inbox.take() is None
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(NotRunningError, match="is stopping"):
        inbox.call(lambda: None)


@pytest.mark.asyncio
async def test_reports_from_any_thread_reach_the_loop_in_order() -> None:
    delivered: list[int] = []
    outbox = Outbox[int](asyncio.get_running_loop(), delivered.append)
    await asyncio.to_thread(lambda: [outbox.post(number) for number in range(100)])
    await asyncio.sleep(0)
    assert delivered == list(range(100))


@pytest.mark.asyncio
async def test_full_outbox_drops_the_oldest_droppable_report_and_counts_it() -> None:
    delivered: list[int] = []
    loop = asyncio.get_running_loop()
    outbox = Outbox[int](loop, delivered.append, reports=3, may_be_lost=lambda number: number > 9)
    for number in (1, 10, 11, 2, 12):
        outbox.post(number)
    assert outbox.dropped == 2
    await asyncio.sleep(0)
    assert delivered == [1, 2, 12]


@pytest.mark.asyncio
async def test_full_outbox_keeps_all_essential_reports() -> None:
    delivered: list[int] = []
    loop = asyncio.get_running_loop()
    outbox = Outbox[int](loop, delivered.append, reports=3, may_be_lost=lambda number: number > 9)
    for number in (1, 2, 3, 4, 10, 5):
        outbox.post(number)
    assert outbox.dropped == 1
    await asyncio.sleep(0)
    assert delivered == [1, 2, 3, 4, 5]


@pytest.mark.asyncio
async def test_undeliverable_report_does_not_block_the_others() -> None:
    delivered: list[int] = []
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    def deliver(number: int) -> None:
        if number == 0:
            raise ValueError("cannot be delivered")
        delivered.append(number)

    outbox = Outbox[int](loop, deliver)
    for number in range(3):
        outbox.post(number)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert delivered == [1, 2]
    assert len(complaints) == 1


def test_report_to_a_closed_loop_is_ignored() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Outbox[int](loop, lambda _: None).post(1)
