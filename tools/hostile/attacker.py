"""A hostile client, in a process of its own: `python -m hostile.attacker BUS SEED CALLS LARGEST`.

With `--user`, it changes to that user id before it connects. Between calls it subscribes, joins and
leaves. It prints the `Answers` as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures.thread  # noqa: F401 - asyncio imports it later, as another user
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from auricle.dbus.connection import Connection
from auricle.dbus.names import ASSISTANT_INTERFACE, ASSISTANT_PATH, BUS_NAME
from auricle.errors import BusError
from hostile.calls import Attack, Caller

AT_ONCE = 16  # calls without an answer yet
ANSWER_SECONDS = 30.0  # a call without an answer by then is unanswered
FLOOD_SECONDS = 2.0  # the same for strangers, whose floods get no answers at all
MOST_UNANSWERED = 2 * AT_ONCE  # then a member gives up
STORM = 0.02  # share of calls that come from a connection that subscribes and leaves
INTERNAL = "org.auricle.Error.Failed"  # the daemon met an error that it does not know


@dataclass(slots=True)
class Answers:
    """What came back."""

    kinds: dict[str, int] = field(default_factory=Counter)  # calls by kind
    replies: dict[str, int] = field(default_factory=Counter)  # by name of the error, or "reply"
    unanswered: list[str] = field(default_factory=list)  # calls
    longest: float = 0.0  # seconds until an answer
    internal: list[str] = field(default_factory=list)  # calls that failed inside the daemon


async def attack(bus: str, caller: Caller, calls: int, patience: float) -> Answers:
    """Make the calls and return the answers; wait for each at most `patience` seconds."""
    answers, window = Answers(), asyncio.Semaphore(AT_ONCE)
    connection = await Connection.open(bus)
    work: set[asyncio.Task[None]] = set()
    for number in range(calls):
        await window.acquire()
        if patience > FLOOD_SECONDS and len(answers.unanswered) >= MOST_UNANSWERED:
            break
        if not connection.connected:
            answers.replies["disconnected by the bus"] += 1
            connection = await Connection.open(bus)
        storm = number % round(1 / STORM) == 0
        made = caller.attack()
        answers.kinds["subscribe and leave" if storm else made.kind] += 1
        task = asyncio.create_task(
            _storm(bus, answers) if storm else _call(connection, made, answers, patience)
        )
        task.add_done_callback(lambda _: window.release())
        task.add_done_callback(work.discard)
        work.add(task)
    await asyncio.gather(*work)
    await connection.close()
    return answers


async def _call(connection: Connection, made: Attack, answers: Answers, patience: float) -> None:
    message = made.message
    message.serial = connection.next_serial()
    if made.descriptors:
        message.unix_fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(made.descriptors)]
    began = time.monotonic()
    try:
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            connection.post(message, message.unix_fds)
            return
        reply = await asyncio.wait_for(connection.call(message), patience)
    except TimeoutError:
        answers.unanswered.append(f"{made.kind}: {_name_of(message)}")
        return
    except (OSError, EOFError, BusError):
        answers.replies["disconnected by the bus"] += 1
        return
    finally:
        for descriptor in message.unix_fds if not message.flags else ():
            os.close(descriptor)
    answers.longest = max(answers.longest, time.monotonic() - began)
    if reply is None:
        answers.replies["disconnected by the bus"] += 1
        return
    for descriptor in reply.unix_fds:
        os.close(descriptor)
    name = "reply" if reply.message_type is MessageType.METHOD_RETURN else str(reply.error_name)
    answers.replies[name] += 1
    if name == INTERNAL:
        answers.internal.append(_name_of(message))


def _name_of(message: Message) -> str:
    return f"{message.interface}.{message.member}({message.signature})"


async def _storm(bus: str, answers: Answers) -> None:
    """Connect, subscribe, and leave at once."""
    try:
        connection = await Connection.open(bus)
    except BusError:
        answers.replies["connection refused"] += 1
        return
    calls: tuple[tuple[str, str, list[object]], ...]
    calls = (("Subscribe", "a{sv}", [{}]), ("StartMonitor", "", []))
    for member, signature, body in calls:
        connection.post(
            Message(
                destination=BUS_NAME,
                path=ASSISTANT_PATH,
                interface=ASSISTANT_INTERFACE,
                member=member,
                signature=signature,
                body=body,
            )
        )
    await connection.close()
    answers.replies["left"] += 1


def become(user: int) -> None:
    """Give up all rights but those of a user id without groups."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def main() -> int:
    """Attack; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bus")
    parser.add_argument("seed", type=int)
    parser.add_argument("calls", type=int)
    parser.add_argument("largest", type=int, help="most bytes of a body")
    parser.add_argument("--user", type=int, help="user id to change to")
    arguments = parser.parse_args()
    caller = Caller(arguments.seed, arguments.largest)  # the other user may not read its files
    if arguments.user is not None:
        become(arguments.user)
    patience = ANSWER_SECONDS if arguments.user is None else FLOOD_SECONDS
    answers = asyncio.run(attack(arguments.bus, caller, arguments.calls, patience))
    fields = {name: getattr(answers, name) for name in Answers.__slots__}
    json.dump(fields, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
