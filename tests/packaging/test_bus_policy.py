"""The policy on the system bus, as a private bus daemon applies it."""

from __future__ import annotations

import asyncio
import configparser
import grp
import os
import pwd
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from dbus_next import Message, MessageType, RequestNameReply
from dbus_next.errors import DBusError

from auricle.dbus.connection import Connection
from testbed.patience import patience

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "etc" / "dbus-1" / "system.d" / "org.auricle.Assistant1.conf"
ACTIVATION = ROOT / "packaging" / "dbus" / "system" / "org.auricle.Assistant1.service"
NAME = "org.auricle.Assistant1"
OBJECT = "/org/auricle/Assistant1"
ANSWERED = ("Listen", "Get", "GetAll", "Set", "Introspect", "Ping")
PROPERTIES = "org.freedesktop.DBus.Properties"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"

# Debian's default rules of the system bus.
BUS = """
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""

Start = Callable[..., str]


@pytest.fixture
def start_bus(tmp_path: Path) -> Iterator[Start]:
    """Start a bus with the policy, which names `daemon`, `member` and `root` for its users."""
    running: list[subprocess.Popen[str]] = []

    def start(*, daemon: str = "_absent", member: str = "_absent", root: str = "_absent") -> str:
        taken = {"user auricle": daemon, "group auricle": member, "user root": root}
        text = re.sub(
            r'policy (user|group)="(\w+)"',
            lambda found: f'policy {found[1]}="{taken[f"{found[1]} {found[2]}"]}"',
            POLICY.read_text(encoding="utf-8"),
        )
        policy, config = tmp_path / "policy.conf", tmp_path / "bus.conf"
        policy.write_text(text, encoding="utf-8")
        config.write_text(BUS.format(folder=tmp_path, policy=policy), encoding="utf-8")
        process = subprocess.Popen(
            [
                "dbus-daemon",
                f"--config-file={config}",
                "--nofork",
                "--nopidfile",
                "--print-address",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=patience(10))


@pytest.fixture
def user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def group() -> str:
    return grp.getgrgid(os.getegid()).gr_name


async def own_name(address: str) -> RequestNameReply:
    bus = await Connection.open(address)
    try:
        return await bus.request_name(NAME)
    finally:
        await bus.close()


async def call(address: str, interface: str, member: str, path: str = OBJECT) -> str | None:
    """Call the daemon from another connection; return the name of the error, if any."""
    daemon = await Connection.open(address)
    client = await Connection.open(address)
    try:
        await daemon.request_name(NAME)
        daemon.add_message_handler(
            lambda message: (
                Message.new_method_return(message) if message.member in ANSWERED else None
            )
        )
        reply = await client.call(
            Message(destination=NAME, path=path, interface=interface, member=member)
        )
        assert reply is not None
        return reply.error_name if reply.message_type is MessageType.ERROR else None
    finally:
        await client.close()
        await daemon.close()


def test_policy_is_well_formed_and_covers_no_other_name() -> None:
    rules = ElementTree.parse(POLICY).getroot()
    assert rules.tag == "busconfig"
    names = {
        value
        for rule in rules.iter()
        for key, value in rule.attrib.items()
        if key in ("own", "send_destination")
    }
    assert names == {NAME}


def test_the_user_of_the_service_may_own_the_name(start_bus: Start, user: str) -> None:
    assert asyncio.run(own_name(start_bus(daemon=user))) is RequestNameReply.PRIMARY_OWNER


def test_nobody_else_may_own_the_name_not_even_root(
    start_bus: Start, user: str, group: str
) -> None:
    address = start_bus(member=group, root=user)
    with pytest.raises(DBusError) as caught:
        asyncio.run(own_name(address))
    assert caught.value.type == DENIED


@pytest.mark.parametrize("standing", ["member", "root"])
def test_members_of_the_group_and_root_may_call(
    start_bus: Start, user: str, group: str, standing: str
) -> None:
    people = {"member": group, "root": user}
    address = start_bus(daemon=user, **{standing: people[standing]})
    assert asyncio.run(call(address, NAME, "Listen")) is None


def test_others_may_introspect_and_mute_but_not_call(start_bus: Start, user: str) -> None:
    address = start_bus(daemon=user)
    for member in ("Get", "GetAll", "Set"):
        assert asyncio.run(call(address, PROPERTIES, member)) is None
        assert asyncio.run(call(address, PROPERTIES, member, f"{OBJECT}/session/s1")) == DENIED
    assert asyncio.run(call(address, PROPERTIES, "Forget")) == DENIED
    for path in ("/", OBJECT):
        assert (
            asyncio.run(call(address, "org.freedesktop.DBus.Introspectable", "Introspect", path))
            is None
        )
        assert asyncio.run(call(address, "org.freedesktop.DBus.Peer", "Ping", path)) is None
    assert asyncio.run(call(address, NAME, "Listen")) == DENIED


def test_a_call_starts_the_service_through_systemd() -> None:
    activation = configparser.ConfigParser()
    activation.read(ACTIVATION, encoding="utf-8")
    assert dict(activation["D-BUS Service"]) == {
        "name": NAME,
        "exec": "/bin/false",
        "user": "auricle",
        "systemdservice": "dbus-org.auricle.Assistant1.service",
    }
