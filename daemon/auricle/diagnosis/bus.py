"""Checks whether the D-Bus bus can be reached, and whether the daemon runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auricle.client.remedies import not_running
from auricle.dbus.connection import Connection
from auricle.dbus.names import BUS_NAME
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.errors import AuricleError, BusError, NotRunningError
from auricle.user_names import user_name

REMEDIES = {
    "system": "install the package dbus and start dbus.service",
    "session": "log in to a session with a bus, or run Auricle with dbus-run-session",
}
POLICY_FOLDERS = tuple(Path(f"{share}/dbus-1/system.d") for share in ("/etc", "/usr/share"))


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a bus name."""

    process: int
    user: int


def examine_bus(
    bus: str, policies: Sequence[Path] = POLICY_FOLDERS
) -> Generator[Finding, None, Owner | None]:
    """Yield findings about the bus and the daemon; return the daemon's process if it is running.

    Args:
        bus: "session", "system" or a D-Bus address.
        policies: folders with the policy files of the system bus.
    """
    name = f"the {bus} bus" if bus in REMEDIES else f"the bus at {bus}"
    try:
        owner = asyncio.run(find_owner(bus))
    except BusError as error:
        found = str(error).partition(";")[0]
        yield Finding("bus", FindingStatus.PROBLEM, found, REMEDIES.get(bus, "check the address"))
        return None
    except AuricleError as error:
        yield Finding(
            "bus", FindingStatus.PROBLEM, f"{name} answers with an error: {error}", "restart it"
        )
        return None
    yield Finding("bus", FindingStatus.OK, f"{name} can be reached")
    if owner is not None:
        found = f"Auricle runs as process {owner.process} of user {user_name(owner.user)}"
        yield Finding("daemon", FindingStatus.OK, found)
        return owner
    if bus == "system" and not any((folder / f"{BUS_NAME}.conf").exists() for folder in policies):
        yield Finding(
            "bus policy",
            FindingStatus.PROBLEM,
            f"no program may own the name {BUS_NAME} on the system bus: its policy is missing",
            f"install {BUS_NAME}.conf in {policies[0]}, or set bus.kind to session",
        )
    remedy = not_running(bus).partition("; ")[2]
    yield Finding("daemon", FindingStatus.WARNING, f"Auricle is not running on {name}", remedy)
    return None


async def find_owner(bus: str) -> Owner | None:
    """Return the process that owns Auricle's bus name; None: Auricle is not running.

    Raises:
        BusError: the bus cannot be reached.
    """
    connection = await Connection.open(bus)
    try:
        reply = await connection.ask_daemon("GetNameOwner", "s", BUS_NAME)
        name = reply.body[0]
        process = await connection.ask_daemon("GetConnectionUnixProcessID", "s", name)
        user = await connection.ask_daemon("GetConnectionUnixUser", "s", name)
        return Owner(process=int(process.body[0]), user=int(user.body[0]))
    except NotRunningError:
        return None
    finally:
        await connection.close()
