"""The interface XML in etc/ equals that of the running daemon and is fully documented."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auricle.client.client import AssistantClient
from auricle.dbus.names import ASSISTANT_PATH, BUS_NAME, SESSION_INTERFACE, path_of

INTERFACES = Path(__file__).parents[2] / "etc" / "dbus-1" / "interfaces"
NAMES = [
    "org.auricle.Arbiter1",
    "org.auricle.Assistant1",
    "org.auricle.Context1",
    "org.auricle.Privacy1",
    "org.auricle.Session1",
]


def xml_of(name: str) -> str:
    return (INTERFACES / f"{name}.xml").read_text(encoding="utf-8")


def parse(xml: str) -> dict[str, ElementTree.Element]:
    """Return the interfaces of a node by name."""
    return {entry.attrib["name"]: entry for entry in ElementTree.fromstring(xml).iter("interface")}


def as_data(element: ElementTree.Element) -> tuple[object, ...]:
    """Return the content of an element without its layout."""
    attributes = tuple(sorted(element.attrib.items()))
    return element.tag, attributes, tuple(as_data(child) for child in element)


async def ask_gdbus(address: str, path: str) -> str:
    """Return the introspection XML of an object as GLib reads it."""
    process = await asyncio.create_subprocess_exec(
        *("gdbus", "introspect", "--xml", "--address", address, "--dest", BUS_NAME),
        *("--object-path", path),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


@pytest.mark.asyncio
async def test_running_daemon_shows_the_interfaces_of_the_xml(address, serve):
    async with serve(), AssistantClient(address) as client:
        session = await client.listen()
        for name in NAMES:
            path = path_of(session) if name == SESSION_INTERFACE else ASSISTANT_PATH
            shown = parse(await ask_gdbus(address, path))
            assert as_data(shown[name]) == as_data(parse(xml_of(name))[name])
            assert "org.freedesktop.DBus.Properties" in shown


@pytest.mark.asyncio
async def test_objects_can_be_found_from_the_root(address, serve):
    async with serve(), AssistantClient(address) as client:
        session = await client.listen()
        path = "/"
        for step in ("org", "auricle", "Assistant1", "session", session):
            node = ElementTree.fromstring(await ask_gdbus(address, path))
            assert step in [child.attrib["name"] for child in node.findall("node")]
            path = path.rstrip("/") + "/" + step


def documentation(xml: str) -> dict[str, str]:
    """Return the gtk-doc comments by documented member."""
    comments = re.findall(r"<!--\s*\n\s*([\w.]+):\n(.*?)-->", xml, flags=re.DOTALL)
    return dict(comments)


@pytest.mark.parametrize("name", NAMES)
def test_every_member_and_argument_is_documented(name: str) -> None:
    comments = documentation(xml_of(name))
    interface = parse(xml_of(name))[name]
    assert set(comments) == {name, *(member.attrib["name"] for member in interface)}
    for member in interface:
        comment = comments[member.attrib["name"]]
        described = re.findall(r"^\s*@(\w+):", comment, flags=re.MULTILINE)
        assert described == [argument.attrib["name"] for argument in member.findall("arg")]
        assert re.search(r"^\s+[A-Z`].*[.:]$", comment, flags=re.DOTALL | re.MULTILINE)
