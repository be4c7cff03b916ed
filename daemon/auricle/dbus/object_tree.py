"""The exported objects: dispatches method calls and properties by the tables of interface.py.

It replaces the service classes of dbus-next, which do not pass the caller to a method and so allow
no access control.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, TypeAlias
from xml.etree import ElementTree

from dbus_next.constants import ErrorType, MessageFlag, MessageType
from dbus_next.introspection import Node
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.dbus.errors import CallError, error_reply
from auricle.dbus.interface import Interface, Method, Property, signature_of
from auricle.dbus.names import PROPERTIES_INTERFACE

_INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
_PEER = "org.freedesktop.DBus.Peer"
_PROPERTIES_SIGNATURES = {"Get": "ss", "GetAll": "s", "Set": "ssv"}
_DOCTYPE = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    '"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)


Interfaces: TypeAlias = dict[str, Interface]  # name -> interface of one object


class ObjectTree:
    """Object path -> interfaces, for all objects of one connection."""

    def __init__(self, connection: Connection) -> None:
        """Answer the method calls that arrive on `connection`."""
        self._connection = connection
        self._objects: dict[str, Interfaces] = {}
        self._answering: set[asyncio.Task[None]] = set()
        connection.add_message_handler(self._on_message)

    def export(self, path: str, *interfaces: Interface) -> None:
        """Export an object with these interfaces at `path`."""
        self._objects[path] = {interface.name: interface for interface in interfaces}

    def withdraw(self, path: str) -> None:
        """Remove the object at `path`."""
        del self._objects[path]

    async def close(self) -> None:
        """Stop answering; running calls are cancelled."""
        self._connection.remove_message_handler(self._on_message)
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def send_signal(
        self,
        path: str,
        interface: str,
        name: str,
        body: Sequence[object],
        destinations: Sequence[str],
    ) -> None:
        """Send a signal to each of `destinations` only."""
        signature = signature_of(self._objects[path][interface].signals[name])
        for destination in destinations:
            signal = Message.new_signal(path, interface, name, signature, list(body))
            signal.destination = destination
            self._connection.post(signal)

    def broadcast_properties(self, path: str, interface: str, names: Sequence[str]) -> None:
        """Broadcast PropertiesChanged with the current values of public properties."""
        values = {
            entry.name: Variant(entry.type, entry.get())
            for entry in self._objects[path][interface].properties
            if entry.name in names
        }
        self._connection.post(
            Message.new_signal(
                path,
                PROPERTIES_INTERFACE,
                "PropertiesChanged",
                "sa{sv}as",
                [interface, values, []],
            )
        )

    def _on_message(self, message: Message) -> bool:
        """Handle a method call; return whether the message was handled."""
        if message.message_type not in (MessageType.METHOD_CALL, MessageType.SIGNAL):
            return False
        for descriptor in message.unix_fds:  # no method takes one; unclosed they leak
            os.close(descriptor)
        if message.message_type is MessageType.SIGNAL or message.interface == _PEER:
            return False
        task = asyncio.ensure_future(self._answer(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return True

    async def _answer(self, call: Message) -> None:
        descriptors: list[int] = []
        try:
            reply = await self._dispatch(call, descriptors)
        except Exception as error:  # the caller must get a reply
            reply = error_reply(call, error)
        if call.flags & MessageFlag.NO_REPLY_EXPECTED:
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            self._connection.post(reply, descriptors)

    async def _dispatch(self, call: Message, descriptors: list[int]) -> Message:
        if call.interface == _INTROSPECTABLE:
            return self._introspect(call)
        interfaces = self._objects.get(call.path)
        if interfaces is None:
            raise CallError(
                ErrorType.UNKNOWN_OBJECT,
                f"no object at {call.path}; a session is removed some time after its end",
            )
        if call.interface == PROPERTIES_INTERFACE:
            return await _access_properties(call, interfaces)
        return await _call_method(call, _selected(call, call.interface, interfaces), descriptors)

    def _introspect(self, call: Message) -> Message:
        _check_signature(call, "Introspect", "")
        node = ElementTree.Element("node")
        interfaces = self._objects.get(call.path)
        if interfaces is not None:
            for standard in Node.default().interfaces:
                node.append(standard.to_xml())
            for interface in interfaces.values():
                node.append(interface.to_xml())
        prefix = call.path.rstrip("/") + "/"
        below = [path for path in self._objects if path.startswith(prefix)]
        for child in sorted({path.removeprefix(prefix).partition("/")[0] for path in below}):
            ElementTree.SubElement(node, "node", name=child)
        ElementTree.indent(node)
        xml = _DOCTYPE + ElementTree.tostring(node, encoding="unicode") + "\n"
        return Message.new_method_return(call, "s", [xml])


def _selected(call: Message, name: str | None, interfaces: Interfaces) -> list[Interface]:
    """Return the interface `name` of an object, or all its interfaces without a name."""
    if not name:
        return list(interfaces.values())
    if name not in interfaces:
        raise CallError(
            ErrorType.UNKNOWN_INTERFACE,
            f"{call.path} has no interface {name}; it has {', '.join(interfaces)}",
        )
    return [interfaces[name]]


async def _call_method(
    call: Message, interfaces: Sequence[Interface], descriptors: list[int]
) -> Message:
    interface, method = _find_method(interfaces, call.member)
    interface.authorise(call.sender)
    _check_signature(call, method.name, signature_of(method.takes))
    body = _as_body(method, await method.call(call.sender, *call.body), descriptors)
    return Message.new_method_return(call, signature_of(method.gives), body)


def _find_method(interfaces: Sequence[Interface], name: str) -> tuple[Interface, Method]:
    for interface in interfaces:
        for entry in interface.methods:
            if entry.name == name:
                return interface, entry
    owners = " and ".join(interface.name for interface in interfaces)
    names = ", ".join(entry.name for interface in interfaces for entry in interface.methods)
    raise CallError(ErrorType.UNKNOWN_METHOD, f"{owners} has no method {name}; it has {names}")


def _as_body(method: Method, outcome: object, descriptors: list[int]) -> list[object]:
    """Return the reply body; file descriptors are moved to `descriptors`."""
    if not method.gives:
        return []
    outputs: list[Any] = list(outcome) if isinstance(outcome, tuple) else [outcome]
    for index, kind in enumerate(method.gives.values()):
        if kind == "h":
            descriptors.append(outputs[index])
            outputs[index] = len(descriptors) - 1
    return outputs


def _check_signature(call: Message, name: str, expected: str) -> None:
    if call.signature != expected:
        raise CallError(
            ErrorType.INVALID_ARGS,
            f"{name} takes arguments of type {expected!r}, not {call.signature!r}",
        )


async def _access_properties(call: Message, interfaces: Interfaces) -> Message:
    """Answer Get, GetAll and Set of org.freedesktop.DBus.Properties."""
    if call.member not in _PROPERTIES_SIGNATURES:
        raise CallError(
            ErrorType.UNKNOWN_METHOD,
            f"{PROPERTIES_INTERFACE} has no method {call.member}; it has Get, GetAll, Set",
        )
    _check_signature(call, call.member, _PROPERTIES_SIGNATURES[call.member])
    selected = _selected(call, call.body[0], interfaces)
    for interface in selected:
        interface.authorise(call.sender)
    if call.member == "GetAll":
        values = {
            entry.name: Variant(entry.type, entry.get())
            for interface in selected
            for entry in interface.properties
        }
        return Message.new_method_return(call, "a{sv}", [values])
    entry = _find_property(selected, call.body[1])
    if call.member == "Get":
        return Message.new_method_return(call, "v", [Variant(entry.type, entry.get())])
    await _set_property(entry, call.sender, call.body[2])
    return Message.new_method_return(call)


def _find_property(interfaces: Sequence[Interface], name: str) -> Property:
    entries = [entry for interface in interfaces for entry in interface.properties]
    for entry in entries:
        if entry.name == name:
            return entry
    owners = " and ".join(interface.name for interface in interfaces)
    names = ", ".join(entry.name for entry in entries)
    raise CallError(ErrorType.UNKNOWN_PROPERTY, f"{owners} has no property {name}; it has {names}")


async def _set_property(entry: Property, caller: str, value: Variant) -> None:
    if entry.set is None:
        raise CallError(ErrorType.PROPERTY_READ_ONLY, f"property {entry.name} is read-only")
    if value.signature != entry.type:
        raise CallError(
            ErrorType.INVALID_ARGS,
            f"property {entry.name} has type {entry.type!r}, not {value.signature!r}",
        )
    await entry.set(caller, value.value)
