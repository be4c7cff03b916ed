"""What is said of the bus, on real ones."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from auricle.dbus.connection import Connection
from auricle.dbus.names import BUS_NAME
from auricle.diagnosis.bus import Owner, examine_bus, find_owner
from auricle.diagnosis.finding import FindingStatus
from testbed.private_bus import PrivateBus


def test_a_bus_without_auricle_is_a_warning(bus: PrivateBus) -> None:
    found = list(examine_bus(bus.address))
    assert [(one.check, one.status) for one in found] == [
        ("bus", FindingStatus.OK),
        ("daemon", FindingStatus.WARNING),
    ]
    assert "auricle run" in found[1].remedy


def test_who_has_the_name_is_told(bus: PrivateBus) -> None:
    async def ask() -> Owner | None:
        connection = await Connection.open(bus.address)
        await connection.ask_daemon("RequestName", "su", BUS_NAME, 0)
        try:
            return await find_owner(bus.address)
        finally:
            await connection.close()

    assert asyncio.run(ask()) == Owner(process=os.getpid(), user=os.getuid())


def test_a_bus_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (found,) = examine_bus(f"unix:path={tmp_path}/socket")
    assert found.status is FindingStatus.PROBLEM
    assert "cannot be reached" in found.found
    assert found.remedy == "check the address"


def test_a_system_bus_without_a_policy_for_auricle_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrivateBus("system") as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        checks = [one.check for one in examine_bus("system", [tmp_path])]
        assert checks == ["bus", "bus policy", "daemon"]
        (tmp_path / f"{BUS_NAME}.conf").touch()
        assert [one.check for one in examine_bus("system", [tmp_path])] == ["bus", "daemon"]
