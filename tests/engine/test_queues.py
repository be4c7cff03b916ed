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


def test_half_a_minute_of_audio_waits_in_order_before_any_is_dropped() -> None:
    inbox = Inbox[str]()
    for number in range(3000):
        inbox.put(frame(number))
    assert (inbox.waiting, inbox.dropped) == (3000, 0)
    for number in range(3000, 3100):
        inbox.put(frame(number))
    assert inbox.dropped == 100
    frames = [inbox.take() for _ in range(inbox.waiting)]
    assert [item[0] for item in frames if isinstance(item, np.ndarray)] == list(range(3000))


def test_frames_taken_make_room_for_others() -> None:
    inbox = Inbox[str](frames=3)
    taken: list[int] = []
    for number in range(10):
        inbox.put(frame(number))
        if number % 2:
            item = inbox.take()
            assert isinstance(item, np.ndarray)
            taken.append(int(item[0]))
    left = [inbox.take() for _ in range(inbox.waiting)]
    taken += [int(item[0]) for item in left if isinstance(item, np.ndarray)]
    assert (taken, inbox.dropped) == ([0, 1, 2, 3, 4, 6, 8], 3)


def test_notes_need_no_room_among_the_frames_and_the_newest_stays() -> None:
    inbox = Inbox[str](frames=1, notes=2)
    inbox.put(frame(1))
    for note in ("lost", "found", "lost again"):
        inbox.put_note(note)
    items = [inbox.take() for _ in range(3)]
    assert isinstance(items[0], np.ndarray)
    assert (items[1:], inbox.dropped) == (["lost", "lost again"], 0)


def test_repeated_note_arrives_once_until_something_else_comes() -> None:
    inbox = Inbox[str](notes=2)
    for note in ("lost", "beat", "beat", "beat"):
        inbox.put_note(note)
    inbox.put(frame(1))
    assert [inbox.take() for _ in range(2)] == ["lost", "beat"]
    inbox.put_note("beat")
    assert isinstance(inbox.take(), np.ndarray)
    assert inbox.take() == "beat"


def test_ordered_call_waits_for_the_audio_before_it() -> None:
    inbox = Inbox[str](calls=2)
    inbox.put(frame(1))
    ordered = inbox.call(lambda: "ordered", in_order=True)
    inbox.put(frame(2))
    urgent = inbox.call(lambda: "urgent")
    with pytest.raises(BusyError):
        inbox.call(lambda: None, in_order=True)
    kinds = []
    for _ in range(4):
        item = inbox.take()
        kinds.append(item[0] if isinstance(item, np.ndarray) else "call")
        if isinstance(item, Call):
            item.run()
    assert kinds == ["call", 1, "call", 2]
    assert (urgent.result(0), ordered.result(0)) == ("urgent", "ordered")


def test_ordered_call_outlives_the_audio_before_it_but_not_the_inbox() -> None:
    inbox = Inbox[str]()
    inbox.put(frame(1))
    inbox.put_note("found")
    ordered = inbox.call(lambda: "ordered", in_order=True)
    inbox.clear_audio()
    call = inbox.take()
    assert isinstance(call, Call)
    call.run()
    assert ordered.result(0) == "ordered"
    cancelled = inbox.call(lambda: None, in_order=True)
    inbox.close()
    with pytest.raises(CancelledError):
        cancelled.result(0)


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
