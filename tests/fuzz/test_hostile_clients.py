"""A short run of the attacks of `make hostile` against the real daemon."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from dbus_next.message import Message
from rich.console import Console

from auricle.dbus.connection import Connection
from hostile.calls import Caller
from hostile.canary import NAME, Canary
from hostile.report import show, write
from hostile.run import Outcome, Plan, run
from testbed.private_bus import PrivateBus

NOTHING = Plan(calls=0, inputs=0, kills=0, tampers=0, largest=50_000, quiet_seconds=1.0)


def attacked(**changes: int) -> Outcome:
    """Run the attacks and return what happened, without what only a slow machine causes."""
    outcome = run(dataclasses.replace(NOTHING, **changes), lambda line: None)
    del outcome.faults["dropped audio frames"]
    return outcome


@pytest.mark.timeout(600)
def test_random_calls_are_answered_and_leak_nothing() -> None:
    outcome = attacked(calls=600)
    assert not outcome.faults
    assert sum(outcome.answers["members"]["kinds"].values()) == 600 // len(outcome.answers)
    assert outcome.delays["quiet after"]["calls"] > 0
    assert outcome.costs["members"]["mb_highest"] < 768  # what the unit may take


@pytest.mark.timeout(600)
def test_killed_at_random_moments_the_daemon_keeps_what_it_has_acknowledged() -> None:
    outcome = attacked(kills=2)
    assert not outcome.faults
    assert outcome.kills.kills == 2
    assert outcome.kills.acknowledged > 0


@pytest.mark.timeout(600)
def test_damaged_state_is_set_aside_and_damaged_models_are_refused() -> None:
    outcome = attacked(tampers=4)
    assert not outcome.faults
    assert outcome.tampering.ends.total() == 4


def test_figures_are_shown_and_written(tmp_path: Path) -> None:
    outcome = attacked(inputs=60)
    output = io.StringIO()
    show(Console(file=output, width=100), outcome)
    write(tmp_path / "hostile.json", NOTHING, outcome)
    assert "Mutated inputs:" in output.getvalue()
    assert "lattice_files" in (tmp_path / "hostile.json").read_text(encoding="utf-8")


def test_random_calls_are_valid_messages_of_every_kind() -> None:
    caller, again = Caller(3, 50_000), Caller(3, 50_000)
    attacks = [caller.attack() for _ in range(600)]
    for serial, attack in enumerate(attacks, start=1):
        attack.message.serial = serial
        attack.message._marshall(False)  # raises for values that do not fit the signature
    assert len({attack.kind for attack in attacks}) == 7
    repeated = [again.attack().message.member for _ in attacks]
    assert repeated == [attack.message.member for attack in attacks]


@pytest.mark.asyncio
async def test_the_canary_finds_a_name_in_the_journal_and_in_a_broadcast(bus: PrivateBus) -> None:
    canary = Canary()
    overhearing = await canary.eavesdrop(bus.address)
    assert canary.leaked("ready: waiting for alexa") == []
    assert canary.leaked(f"final: call {NAME}") == sorted(NAME.lower().split())
    leaking = await Connection.open(bus.address)
    await leaking.send(Message.new_signal("/", "org.auricle.Assistant1", "Final", "s", [NAME]))
    await overhearing.ask_daemon("GetId", "")  # what was sent before has arrived
    assert canary.leaked("") == sorted(NAME.lower().split())
    await leaking.close()
    await overhearing.close()
