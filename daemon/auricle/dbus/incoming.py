"""Turns accepted bytes into messages: short ones at once, long ones in slices, each in its order.

Messages of one sender keep their order. While a long one is decoded, those of other senders pass.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from auricle.dbus.body import SLICE_BYTES, Body, tree_of
from auricle.dbus.budgets import Account
from auricle.dbus.gate import Gate, MessageVerdict
from auricle.dbus.header import Header
from auricle.dbus.stream import Arrived, close_all

_FLAGS = 7  # the flags that dbus-next knows


class Received(Message):
    """A received method call; call `release` once it is answered."""

    account: Account | None = None
    size = 0

    def release(self) -> None:
        """Give the budget of this call back."""
        if self.account is not None:
            self.account.close(self.size)
            self.account = None


class Incoming:
    """Decodes messages and passes them on."""

    def __init__(
        self,
        gate: Callable[[], Gate],
        deliver: Callable[[Message], None],
        refuse: Callable[[Header, Exception], None],
    ) -> None:
        """Set the receivers.

        Args:
            gate: the gate that has accepted the messages.
            deliver: takes a decoded message.
            refuse: takes the header of a message that cannot be decoded, and the error.
        """
        self._gate = gate
        self._deliver = deliver
        self._refuse = refuse
        self._waiting: dict[str, deque[Arrived[MessageVerdict]]] = {}  # sender -> messages in order
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, arrived: Arrived[MessageVerdict]) -> None:
        """Decode a message, now or later."""
        sender = arrived.header.sender
        if sender in self._waiting:
            self._waiting[sender].append(arrived)
        elif len(arrived.body) > SLICE_BYTES or arrived.verdict.must_identify:
            self._waiting[sender] = deque([arrived])
            task = asyncio.ensure_future(self._decode_waiting(sender))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            try:
                values = body_of(arrived).read()
            except Exception as error:  # its sender gets it as an error reply
                self._fail(arrived, error)
            else:
                self._finish(arrived, values)

    def close(self) -> None:
        """Forget the waiting messages."""
        for task in self._tasks:
            task.cancel()
        for waiting in self._waiting.values():
            for arrived in waiting:
                close_all(arrived.descriptors)
        self._waiting.clear()

    async def _decode_waiting(self, sender: str) -> None:
        waiting = self._waiting[sender]
        while waiting:
            arrived = waiting[0]
            try:
                values = await self._decode(arrived)
            except Exception as error:  # its sender gets it as an error reply
                self._fail(arrived, error)
            else:
                if values is not None:
                    self._finish(arrived, values)
            waiting.popleft()
            await asyncio.sleep(0)
        self._waiting.pop(sender, None)

    async def _judge_again(self, arrived: Arrived[MessageVerdict]) -> bool:
        """Judge a message of a sender that is known now; return whether to decode it."""
        verdict = await self._gate().judge_known(arrived.header)
        if arrived.verdict.account is not None:
            arrived.verdict.account.close(arrived.header.size)
        arrived.verdict = verdict
        if verdict.refusal is not None:
            self._refuse(arrived.header, verdict.refusal)
        return verdict.read

    async def _decode(self, arrived: Arrived[MessageVerdict]) -> list[Any] | None:
        """Return the values of a body; None if the message is refused after all."""
        if arrived.verdict.must_identify and not await self._judge_again(arrived):
            return None
        body = body_of(arrived)
        for _ in body.slices():
            await asyncio.sleep(0)  # let other tasks run
        arrived.body = bytearray()
        return body.values

    def _finish(self, arrived: Arrived[MessageVerdict], values: list[Any]) -> None:
        try:
            message = message_of(arrived.header, values, arrived.descriptors)
        except Exception as error:  # its sender gets it as an error reply
            self._fail(arrived, error)
            return
        if isinstance(message, Received):
            message.account, message.size = arrived.verdict.account, arrived.header.size
        self._deliver(message)

    def _fail(self, arrived: Arrived[MessageVerdict], error: Exception) -> None:
        if arrived.verdict.account is not None:
            arrived.verdict.account.close(arrived.header.size)
        self._refuse(arrived.header, error)


def body_of(arrived: Arrived[MessageVerdict]) -> Body:
    """Return the decoder of a message's body; raises BodyError if its signature is invalid."""
    header, verdict = arrived.header, arrived.verdict
    return Body(
        arrived.body,
        header.signature,
        little=header.frame.little,
        accept=verdict.accept,
        max_values=verdict.max_values,
    )


def message_of(header: Header, values: list[Any], descriptors: list[int]) -> Message:
    """Return a message as dbus-next represents it; raises if a name in its header is invalid."""
    fields: dict[str, Any] = {
        "message_type": MessageType(header.frame.kind),
        "flags": MessageFlag(header.frame.flags & _FLAGS),
        "serial": header.frame.serial,
        "path": header.path or None,
        "interface": header.interface or None,
        "member": header.member or None,
        "error_name": header.error_name or None,
        "reply_serial": header.reply_serial or None,
        "destination": header.destination or None,
        "sender": header.sender or None,
        "unix_fds": descriptors,
        "signature": tree_of(header.signature),
        "body": values,
    }
    return Received(**fields) if header.is_call else Message(**fields)
