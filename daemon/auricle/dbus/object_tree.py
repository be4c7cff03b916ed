"""The exported objects: dispatches method calls and properties by the tables of interface.py.

It replaces the service classes of dbus-next, which do not pass the caller to a method and so allow
no access control.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias
from xml.etree import ElementTree

from dbus_next.constants import ErrorType, MessageFlag, MessageType
from dbus_next.introspection import Node
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.dbus.errors import CallError, error_reply
from auricle.dbus.gate import Callers, CallForm, CallGate
from auricle.dbus.header import Header
from auricle.dbus.incoming import Received
from auricle.dbus.interface import Changes, Interface, Method, Property, signature_of
from auricle.dbus.names import PROPERTIES_INTERFACE
from auricle.dbus.options import check_option, read_options
from auricle.dbus.peer import PEER_INTERFACE, PEER_METHODS, answer_peer
from auricle.dbus.stream import close_all
from auricle.origin import working_for

_INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
_OPTIONS = "a{sv}"
_DOCTYPE = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    '"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)
# Standard interface -> method -> signature of its arguments.
_STANDARD = {
    PEER_INTERFACE: dict.fromkeys(PEER_METHODS, ""),
    _INTROSPECTABLE: {"Introspect": ""},
    PROPERTIES_INTERFACE: {"Get": "ss", "GetAll": "s", "Set": "ssv"},
}

Interfaces: TypeAlias = dict[str, Interface]  # name -> interface of one object


class ObjectTree:
    """Object path -> interfaces, for all objects of one connection."""

    def __init__(self, connection: Connection, callers: Callers) -> None:
        """Answer the calls that arrive on `connection`; `callers` knows who may send what."""
        self._connection = connection
        connection.guard(CallGate(self._form_of, callers))
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
        """Broadcast PropertiesChanged with the current values of public properties.

        Of a property that is annotated with `invalidates`, only the name is sent.
        """
        changed = [
            entry for entry in self._objects[path][interface].properties if entry.name in names
        ]
        hidden = [entry.name for entry in changed if entry.changes is Changes.INVALIDATES]
        values = {
            entry.name: Variant(entry.type, entry.get())
            for entry in changed
            if entry.name not in hidden
        }
        self._connection.post(
            Message.new_signal(
                path,
                PROPERTIES_INTERFACE,
                "PropertiesChanged",
                "sa{sv}as",
                [interface, values, hidden],
            )
        )

    def _form_of(self, call: Header) -> CallForm:
        """Return what the body of a call may be; raises CallError or AuricleError if none fits."""
        if call.interface in _STANDARD:
            members = _STANDARD[call.interface]
            if call.member not in members:
                raise _unknown_method(call.interface, call.member, list(members))
            _check_signature(call, call.member, members[call.member])
            if call.interface != PROPERTIES_INTERFACE:
                return CallForm()
            return CallForm(accept=partial(_accept_value, call, self._interfaces_at(call.path)))
        interfaces = self._interfaces_at(call.path)
        interface, method = _find_method(_selected(call, call.interface, interfaces), call.member)
        interface.authorise(call.sender)
        _check_signature(call, method.name, signature_of(method.takes))
        return CallForm(method.max_bytes, partial(_accept_option, method))

    def _interfaces_at(self, path: str) -> Interfaces:
        if path not in self._objects:
            raise CallError(
                ErrorType.UNKNOWN_OBJECT,
                f"no object at {path}; a session is removed some time after its end",
            )
        return self._objects[path]

    def _on_message(self, message: Message) -> bool:
        """Handle a method call; return whether the message was handled."""
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        assert isinstance(message, Received)
        task = asyncio.ensure_future(self._answer(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return True

    async def _answer(self, call: Received) -> None:
        descriptors: list[int] = []
        working_for(call.sender)
        try:
            reply = await self._dispatch(call, descriptors)
        except Exception as error:  # the caller must get a reply
            reply = error_reply(call, error)
        finally:
            call.release()
        if call.flags & MessageFlag.NO_REPLY_EXPECTED:
            close_all(descriptors)
        else:
            self._connection.post(reply, descriptors)

    async def _dispatch(self, call: Message, descriptors: list[int]) -> Message:
        if call.interface == PEER_INTERFACE:
            body = answer_peer(call.member)
            return Message.new_method_return(call, PEER_METHODS[call.member], body)
        if call.interface == _INTROSPECTABLE:
            return self._introspect(call)
        interfaces = self._interfaces_at(call.path)
        if call.interface == PROPERTIES_INTERFACE:
            return await _access_properties(call, interfaces)
        return await _call_method(call, _selected(call, call.interface, interfaces), descriptors)

    def _introspect(self, call: Message) -> Message:
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


def _selected(call: Message | Header, name: str | None, interfaces: Interfaces) -> list[Interface]:
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
    arguments = [
        read_options(method.name, argument, method.options) if kind == _OPTIONS else argument
        for kind, argument in zip(method.takes.values(), call.body, strict=True)
    ]
    body = _as_body(method, await method.call(call.sender, *arguments), descriptors)
    return Message.new_method_return(call, signature_of(method.gives), body)


def _find_method(interfaces: Sequence[Interface], name: str) -> tuple[Interface, Method]:
    for interface in interfaces:
        for entry in interface.methods:
            if entry.name == name:
                return interface, entry
    owners = " and ".join(interface.name for interface in interfaces)
    names = [entry.name for interface in interfaces for entry in interface.methods]
    raise _unknown_method(owners, name, names)


def _unknown_method(owner: str, name: str, known: Sequence[str]) -> CallError:
    text = f"{owner} has no method {name}; it has {', '.join(known)}"
    return CallError(ErrorType.UNKNOWN_METHOD, text)


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


def _check_signature(call: Header, name: str, expected: str) -> None:
    if call.signature != expected:
        raise CallError(
            ErrorType.INVALID_ARGS,
            f"{name} takes arguments of type {expected!r}, not {call.signature!r}",
        )


def _accept_option(method: Method, before: list[Any], key: object, signature: str) -> None:
    """Accept a variant among the options of a method, or raise ArgumentError."""
    check_option(method.name, key, signature, method.options)


def _accept_value(
    call: Header, interfaces: Interfaces, before: list[Any], key: object, signature: str
) -> None:
    """Accept the variant of Properties.Set, which has the type of its property."""
    selected = _selected(call, before[0], interfaces)
    for interface in selected:
        interface.authorise(call.sender)
    entry = _find_property(selected, before[1])
    if entry.set is None:
        raise CallError(ErrorType.PROPERTY_READ_ONLY, f"property {entry.name} is read-only")
    if signature != entry.type:
        raise CallError(
            ErrorType.INVALID_ARGS,
            f"property {entry.name} has type {entry.type!r}, not {signature!r}",
        )


async def _access_properties(call: Message, interfaces: Interfaces) -> Message:
    """Answer Get, GetAll and Set of org.freedesktop.DBus.Properties."""
    selected = _selected(call, call.body[0], interfaces)
    for interface in selected:
        interface.authorise(call.sender)
    if call.member == "GetAll":
        values = {
            entry.name: await _value_of(entry, call.sender)
            for interface in selected
            for entry in interface.properties
        }
        return Message.new_method_return(call, "a{sv}", [values])
    entry = _find_property(selected, call.body[1])
    if call.member == "Get":
        return Message.new_method_return(call, "v", [await _value_of(entry, call.sender)])
    if entry.set is not None:  # checked by _accept_value
        await entry.set(call.sender, call.body[2].value)
    return Message.new_method_return(call)


async def _value_of(entry: Property, caller: str) -> Variant:
    value = entry.get() if entry.get_own is None else await entry.get_own(caller)
    return Variant(entry.type, value)


def _find_property(interfaces: Sequence[Interface], name: str) -> Property:
    entries = [entry for interface in interfaces for entry in interface.properties]
    for entry in entries:
        if entry.name == name:
            return entry
    owners = " and ".join(interface.name for interface in interfaces)
    names = ", ".join(entry.name for entry in entries)
    raise CallError(ErrorType.UNKNOWN_PROPERTY, f"{owners} has no property {name}; it has {names}")
