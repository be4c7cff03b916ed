"""The gate decides by sender, member, signature and size, before a body is read."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from dbus_next.constants import ErrorType

from auricle.dbus import gate
from auricle.dbus.budgets import MAX_ACCOUNTS, REFUSALS_PER_SECOND, Accounts, CallBudget, Excess
from auricle.dbus.errors import CallError
from auricle.dbus.gate import BUDGETS, DROP, Caller, CallForm, CallGate, PlainGate, Standing
from auricle.dbus.header import METHOD_CALL, SIGNAL, Frame, Header
from auricle.dbus.interface import MAX_BYTES
from auricle.errors import NotAuthorizedError, NotRunningError

LARGE = BUDGETS[Standing.UNKNOWN].open_bytes - MAX_BYTES


class Senders:
    """Members are called :1.m, strangers :1.o, and others are unknown."""

    def look_up(self, sender: str) -> Caller:
        match sender:
            case ":1.m":
                return Caller(Standing.MEMBER, sender)
            case ":1.o":
                return Caller(Standing.OUTSIDER, "user 7")
        return Caller(Standing.UNKNOWN, f"unknown {sender}")

    async def identify(self, sender: str) -> Caller:
        if sender == ":1.left":
            raise NotRunningError("it has left")
        return Caller(Standing.OUTSIDER, "user 7")


def form_of(call: Header) -> CallForm:
    if call.member == "Wrong":
        raise CallError(ErrorType.INVALID_ARGS, "wrong")
    if call.member == "Faulty":
        return CallForm(1 // 0)
    return CallForm(LARGE if call.member == "Large" else MAX_BYTES)


def header(sender: str, member: str = "Small", size: int = 0, kind: int = METHOD_CALL) -> Header:
    return Header(Frame(True, kind, 0, 1, 0, size), member=member, sender=sender)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> CallGate:
    """Return a gate for which time stands still."""
    monkeypatch.setattr(gate.time, "monotonic", lambda: 100.0)
    return CallGate(form_of, Senders())


@pytest.mark.parametrize("sender", [":1.m", ":1.o", ":1.u"])
def test_size_is_limited_by_method_and_standing(calls: CallGate, sender: str) -> None:
    assert calls.judge(header(sender, "Small", MAX_BYTES)).read
    refusal = calls.judge(header(sender, "Small", MAX_BYTES + 1)).refusal
    assert isinstance(refusal, CallError)
    assert refusal.kind is ErrorType.LIMITS_EXCEEDED
    assert "up to 4096 bytes, not 4097; send less" in str(refusal)
    large = calls.judge(header(sender, "Large", LARGE))
    assert large.read is (sender != ":1.o")
    assert large.must_identify is (sender == ":1.u")
    assert calls.judge(header(sender)).must_identify is (sender == ":1.u")
    assert isinstance(large.refusal, NotAuthorizedError) is (sender == ":1.o")


def test_calls_that_fit_no_interface_are_refused_and_signals_are_dropped(calls: CallGate) -> None:
    assert str(calls.judge(header(":1.m", "Wrong")).refusal) == "wrong"
    assert calls.judge(header(":1.m", kind=SIGNAL)) == DROP


def test_an_exception_in_the_check_of_a_call_refuses_only_that_call(calls: CallGate) -> None:
    assert isinstance(calls.judge(header(":1.m", "Faulty")).refusal, ZeroDivisionError)
    assert calls.judge(header(":1.m")).read


def test_a_flood_is_answered_at_a_limited_rate(calls: CallGate) -> None:
    found: Counter[str] = Counter()
    for _ in range(1000):
        verdict = calls.judge(header(":1.o"))
        found["read" if verdict.read else "refused" if verdict.refusal else "dropped"] += 1
        if verdict.account is not None:
            verdict.account.close(0)
    burst = BUDGETS[Standing.OUTSIDER].burst
    assert found == {
        "read": burst,
        "refused": REFUSALS_PER_SECOND,
        "dropped": 1000 - burst - REFUSALS_PER_SECOND,
    }
    assert calls.judge(header(":1.m")).read


def test_open_calls_and_their_bytes_are_limited_until_they_are_answered(calls: CallGate) -> None:
    budget = BUDGETS[Standing.OUTSIDER]
    verdicts = [calls.judge(header(":1.o", size=10)) for _ in range(budget.open_calls + 1)]
    assert [verdict.read for verdict in verdicts] == [True] * budget.open_calls + [False]
    assert f"{budget.open_calls} unanswered calls" in str(verdicts[-1].refusal)
    account = verdicts[0].account
    assert account is not None
    account.close(10)
    assert calls.judge(header(":1.o", size=10)).read


def test_bytes_of_unknown_senders_are_limited_together(calls: CallGate) -> None:
    most = 1
    verdicts = [calls.judge(header(f":1.{one}", "Large", LARGE)) for one in range(most + 1)]
    assert [verdict.read for verdict in verdicts] == [True] * most + [False]
    assert "bytes of unanswered calls" in str(verdicts[-1].refusal)


def test_an_unknown_sender_is_judged_again_by_the_budget_of_its_user(calls: CallGate) -> None:
    first = calls.judge(header(":1.u", "Large", LARGE))
    assert (first.read, first.must_identify) == (True, True)
    again = asyncio.run(calls.judge_known(header(":1.u", "Large", LARGE)))
    assert isinstance(again.refusal, NotAuthorizedError)
    for number in range(BUDGETS[Standing.OUTSIDER].burst):  # many connections of one user
        found = asyncio.run(calls.judge_known(header(f":1.{number}")))
        if found.account is not None:
            found.account.close(0)
    assert not calls.judge(header(":1.o")).read
    assert asyncio.run(calls.judge_known(header(":1.left"))) == DROP


def test_a_budget_is_refilled_with_time() -> None:
    account = Accounts().of("x", CallBudget(2.0, 1, 1, 0), 0.0)
    assert account.spend(0.0) is None
    assert account.spend(0.4) is Excess.RATE
    assert account.spend(0.6) is None


def test_old_accounts_are_forgotten_but_not_those_with_open_calls() -> None:
    accounts, budget = Accounts(), CallBudget(1.0, 1, 1, 0)
    busy = accounts.of("busy", budget, 0.0)
    assert busy.open(0) is None
    for number in range(2 * MAX_ACCOUNTS):
        accounts.of(str(number), budget, 0.0)
    assert accounts.of("busy", budget, 0.0) is busy
    assert len(accounts._accounts) <= MAX_ACCOUNTS + 1


def test_an_account_in_use_is_remembered_while_others_come_and_go() -> None:
    accounts, budget = Accounts(), CallBudget(1.0, 1, 1, 0)
    used = accounts.of("used", budget, 0.0)
    assert used.spend(0.0) is None
    for number in range(2 * MAX_ACCOUNTS):
        accounts.of(str(number), budget, 0.0)
        assert accounts.of("used", budget, 0.0) is used
    assert len(accounts._accounts) <= MAX_ACCOUNTS


def test_a_program_without_objects_bounds_size_and_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate.time, "monotonic", lambda: 100.0)
    plain = PlainGate()
    assert not plain.judge(header(":1.o", size=10**6, kind=SIGNAL)).read
    read = [plain.judge(header(":1.o", kind=SIGNAL)).read for _ in range(3000)]
    assert sum(read) == 2000
    assert plain.judge(header(":1.m", kind=SIGNAL)).read
