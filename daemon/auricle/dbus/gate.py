"""Decides on each message by its header whether its body is read.

A body that is refused is never decoded and never kept. Its sender gets a named error.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from dbus_next.constants import ErrorType

from auricle.dbus.body import MAX_VALUES, Accept
from auricle.dbus.budgets import Account, Accounts, CallBudget, Excess
from auricle.dbus.errors import CallError
from auricle.dbus.header import Header
from auricle.dbus.interface import MAX_BYTES
from auricle.errors import AuricleError, NotAuthorizedError

MESSAGE_BYTES = 64 * 1024  # body of a message to a program that exports no objects


class Standing(Enum):
    """What the daemon knows of a caller."""

    MEMBER = "may send large calls"
    OUTSIDER = "may read what is public, and tighten privacy"
    UNKNOWN = "the D-Bus daemon has not named its user yet"


# A member that waits for each answer stays below its budget.
BUDGETS = {
    Standing.MEMBER: CallBudget(2000.0, 4000, 1024, 32 * 1024 * 1024),
    Standing.OUTSIDER: CallBudget(50.0, 100, 16, 64 * 1024),
    Standing.UNKNOWN: CallBudget(100.0, 64, 64, 17 * 1024 * 1024),
}
# Open calls of all callers of a standing together; their rates are not counted together.
_TOGETHER = {
    Standing.MEMBER: CallBudget(0.0, 0, 16 * 1024, 64 * 1024 * 1024),
    Standing.OUTSIDER: CallBudget(0.0, 0, 512, 1024 * 1024),
    Standing.UNKNOWN: CallBudget(0.0, 0, 512, 32 * 1024 * 1024),
}
_PLAIN = CallBudget(1000.0, 2000, 1, 0)  # messages of one sender to a program without objects


@dataclass(frozen=True, slots=True)
class Caller:
    """A sender of calls; callers with the same account share a budget."""

    standing: Standing
    account: str


class Callers(Protocol):
    """Knows the callers."""

    def look_up(self, sender: str) -> Caller:
        """Return what is known of a sender."""
        ...

    async def identify(self, sender: str) -> Caller:
        """Return a caller that is not UNKNOWN; raises AuricleError if it has left."""
        ...


@dataclass(frozen=True, slots=True)
class CallForm:
    """What the body of a call may be, beyond its signature, which is checked already."""

    max_bytes: int = MAX_BYTES
    accept: Accept | None = None


@dataclass(frozen=True, slots=True)
class MessageVerdict:
    """The decision on a message: read its body, answer with `refusal`, or drop it."""

    read: bool = False
    refusal: Exception | None = None
    accept: Accept | None = None
    max_values: int = MAX_VALUES
    account: Account | None = None  # its open call is to be closed after the answer
    must_identify: bool = False  # judge it again when the user of its sender is known


DROP = MessageVerdict()


class Gate(Protocol):
    """Decides on method calls, and on signals that are not from the D-Bus daemon."""

    def judge(self, header: Header) -> MessageVerdict:
        """Return the decision."""
        ...

    async def judge_known(self, header: Header) -> MessageVerdict:
        """Return the decision on a message of an unknown sender, when its user is known."""
        ...


class PlainGate:
    """The gate of a program that exports no objects: small messages, at a limited rate."""

    def __init__(self) -> None:
        """Start with full budgets."""
        self._accounts = Accounts()

    def judge(self, header: Header) -> MessageVerdict:
        """Accept small messages; drop what is too large or too much."""
        now = time.monotonic()
        if header.size > MESSAGE_BYTES or self._accounts.of(header.sender, _PLAIN, now).spend(now):
            return DROP
        return MessageVerdict(read=True)

    async def judge_known(self, header: Header) -> MessageVerdict:
        """Return the same decision again: the user does not matter."""
        return self.judge(header)


class CallGate:
    """The gate of the daemon: calls that fit the interfaces and the budget of their caller."""

    def __init__(self, form_of: Callable[[Header], CallForm], callers: Callers) -> None:
        """Set the sources of decisions.

        Args:
            form_of: returns what the body of a call may be; raises CallError or AuricleError if
                there is no such member, the caller may not call it, or the signature is wrong.
            callers: knows the standing of callers.
        """
        self._form_of = form_of
        self._callers = callers
        self._accounts = Accounts()
        self._together = {one: Account(budget, 0.0) for one, budget in _TOGETHER.items()}

    def judge(self, header: Header) -> MessageVerdict:
        """Refuse what does not fit; drop signals and floods."""
        return self._judge(header, self._callers.look_up(header.sender)) if header.is_call else DROP

    async def judge_known(self, header: Header) -> MessageVerdict:
        """Judge again, by the budget of the user; drop calls of senders that have left."""
        try:
            caller = await self._callers.identify(header.sender)
        except AuricleError:
            return DROP
        return self._judge(header, caller)

    def _judge(self, header: Header, caller: Caller) -> MessageVerdict:
        now = time.monotonic()
        standing = caller.standing
        together = self._together[standing]
        account = self._accounts.of(caller.account, BUDGETS[standing], now, together)
        excess = account.spend(now)
        if excess is Excess.FLOOD:
            return DROP
        if excess is not None:
            return _refuse_excess(account, excess)
        try:
            form = self._form_of(header)
            _check_size(header, form, caller)
        except Exception as error:  # a fault here must not end the connection
            return MessageVerdict(refusal=error)
        excess = account.open(header.size)
        if excess is not None:
            return _refuse_excess(account, excess)
        return MessageVerdict(
            read=True,
            accept=form.accept,
            max_values=max(64, form.max_bytes // 16),
            account=account,
            must_identify=standing is Standing.UNKNOWN,
        )


def _check_size(header: Header, form: CallForm, caller: Caller) -> None:
    if header.size > form.max_bytes:
        raise CallError(
            ErrorType.LIMITS_EXCEEDED,
            f"{header.member} takes arguments of up to {form.max_bytes} bytes, not "
            f"{header.size}; send less at a time",
        )
    if header.size > MAX_BYTES and caller.standing is Standing.OUTSIDER:
        raise NotAuthorizedError(
            f"only members may send more than {MAX_BYTES} bytes; join the group of the daemon, "
            "which is auricle on the system bus"
        )


def _refuse_excess(account: Account, excess: Excess) -> MessageVerdict:
    budget = account.budget
    most = {
        Excess.RATE: f"{budget.calls_per_second:.0f}",
        Excess.CALLS: f"{budget.open_calls}",
        Excess.BYTES: f"{budget.open_bytes}",
    }[excess]
    text = f"too many calls: the limit is {most} {excess.value}; wait, and call again"
    return MessageVerdict(refusal=CallError(ErrorType.LIMITS_EXCEEDED, text))
