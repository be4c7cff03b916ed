"""Budgets of callers: how many calls they may make, have open, and how many bytes these may hold.

In: the account of a caller and the size of a call. Out: whether the call fits. Nothing here knows
D-Bus.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from auricle.token_bucket import TokenBucket

MAX_ACCOUNTS = 1024  # beyond these, the least recently used without open calls are forgotten
REFUSALS_PER_SECOND = 50.0  # replies to calls beyond the budget; further ones get no reply


@dataclass(frozen=True, slots=True)
class CallBudget:
    """What the calls of one account may cost."""

    calls_per_second: float  # in the long run
    burst: int  # calls at once
    open_calls: int  # calls that are not answered yet
    open_bytes: int  # bodies of these calls


class Excess(Enum):
    """Which part of the budget a call exceeds."""

    RATE = "calls per second"
    FLOOD = "calls per second, and refusals per second"  # gets no reply
    CALLS = "unanswered calls"
    BYTES = "bytes of unanswered calls"


class Account:
    """The calls of one account; all methods are called on the event loop."""

    def __init__(self, budget: CallBudget, time: float, parent: Account | None = None) -> None:
        """Start with the full budget.

        Args:
            budget: what the calls of this account may cost.
            time: the current time, in seconds on a monotonic clock.
            parent: an account that counts the open calls of several accounts together.
        """
        self.budget = budget
        self._parent = parent
        self.open_calls = 0
        self.open_bytes = 0
        self._calls = TokenBucket(budget.calls_per_second, budget.burst, time)
        self._refusals = TokenBucket(REFUSALS_PER_SECOND, REFUSALS_PER_SECOND, time)

    def spend(self, time: float) -> Excess | None:
        """Count a call; return what it exceeds, or None."""
        if self._calls.spend(time):
            return None
        return Excess.RATE if self._refusals.spend(time) else Excess.FLOOD

    def open(self, size: int) -> Excess | None:
        """Count an accepted call until `close`; return what it exceeds, or None."""
        if self.open_calls >= self.budget.open_calls:
            return Excess.CALLS
        if self.open_bytes + size > self.budget.open_bytes:
            return Excess.BYTES
        excess = self._parent.open(size) if self._parent is not None else None
        if excess is None:
            self.open_calls += 1
            self.open_bytes += size
        return excess

    def close(self, size: int) -> None:
        """End a call that `open` has counted."""
        self.open_calls -= 1
        self.open_bytes -= size
        if self._parent is not None:
            self._parent.close(size)


class Accounts:
    """All accounts, by their names."""

    def __init__(self) -> None:
        """Start without accounts."""
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def of(
        self, name: str, budget: CallBudget, time: float, parent: Account | None = None
    ) -> Account:
        """Return the account with this name; see Account for the arguments of a new one."""
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(budget, time, parent)
            self._forget_unused()
        else:
            self._accounts.move_to_end(name)
        return account

    def _forget_unused(self) -> None:
        """Forget the least recently used accounts without open calls, if there are too many."""
        surplus = max(0, len(self._accounts) - MAX_ACCOUNTS)
        for name in list(islice(self._accounts, surplus)):
            if not self._accounts[name].open_calls:
                del self._accounts[name]
