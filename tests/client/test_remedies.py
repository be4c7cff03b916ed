"""Error messages for a user whose program cannot call the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from auricle.cli.main import main
from auricle.client.client import AssistantClient
from auricle.client.remedies import NOT_A_MEMBER, access_denied, not_running
from auricle.dbus.connection import Connection
from auricle.dbus.names import BUS_NAME
from auricle.errors import NotAuthorizedError, NotRunningError
from testbed.private_bus import PrivateBus

# The rules for a user who is not in the group auricle.
POLICY = f"""
<busconfig>
  <policy context="default">
    <deny send_destination="{BUS_NAME}"/>
    <allow send_destination="{BUS_NAME}" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
</busconfig>
"""


@pytest.mark.parametrize(
    ("bus", "installed", "remedy"),
    [
        ("system", True, "`sudo systemctl start auricle`"),
        ("system", False, "`auricle run --bus session`, and call it with --bus session"),
        ("session", True, "`systemctl --user start auricle`"),
        ("session", False, "`auricle run --bus session`"),
        ("unix:path=/run/bus", True, "`auricle run --bus unix:path=/run/bus`"),
    ],
)
def test_the_remedy_fits_the_bus_and_the_installation(
    tmp_path: Path, bus: str, installed: bool, remedy: str
) -> None:
    if installed:
        (tmp_path / "auricle.service").touch()
    sentence = not_running(bus, [tmp_path / "none", tmp_path], [tmp_path])
    assert sentence.startswith("Auricle is not running")
    assert sentence.endswith(f"start it with {remedy}")


def test_a_refusal_on_another_bus_keeps_the_words_of_the_bus_daemon() -> None:
    assert access_denied("session", "Rejected send message").endswith(": Rejected send message")


@pytest.mark.asyncio
async def test_a_user_outside_the_group_reads_how_to_join_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.conf"
    policy.write_text(POLICY, encoding="utf-8")
    with PrivateBus("system", [policy]) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        daemon = await Connection.open("system")
        await daemon.ask_daemon("RequestName", "su", BUS_NAME, 0)
        async with AssistantClient("system") as client:
            with pytest.raises(NotAuthorizedError) as caught:
                await client.count_context()
        words = ["context", "count", "--bus", "system"]
        assert await asyncio.to_thread(main, words) == 1
        await daemon.close()
    assert str(caught.value) == NOT_A_MEMBER
    assert "sudo adduser $USER auricle, then log in again." in NOT_A_MEMBER


@pytest.mark.asyncio
async def test_a_client_on_a_system_bus_without_a_daemon_reads_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with PrivateBus("system") as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        with pytest.raises(NotRunningError) as caught:
            async with AssistantClient("system"):
                pass
    assert str(caught.value) == not_running("system")
