"""D-Bus interfaces as data: tables of methods, properties and signals.

The object tree dispatches calls by these tables, and the introspection XML is made from them. Types
are D-Bus signatures; arguments are ordered maps from name to type.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from xml.etree import ElementTree

Arguments = Mapping[str, str]  # name -> D-Bus type, in order
MAX_BYTES = 4096  # arguments of a call, unless its method takes more

_CHANGES_ANNOTATION = "org.freedesktop.DBus.Property.EmitsChangedSignal"


class Changes(StrEnum):
    """The annotation EmitsChangedSignal of a property."""

    TRUE = "true"  # PropertiesChanged has the new value
    INVALIDATES = "invalidates"  # PropertiesChanged has only the name
    FALSE = "false"  # no signal
    CONST = "const"  # it never changes


@dataclass(frozen=True, slots=True)
class Method:
    """A method; `call` takes the unique name of the caller and then the arguments.

    An argument of type `a{sv}` has the keys and types of `options`; `call` gets it as a dictionary
    of plain values. Other keys and types, and more than `max_bytes` of arguments, are refused
    before they are decoded.

    It returns None, the single output or a tuple of outputs. An output of type `h` is an open file
    descriptor, which the object tree then owns and closes.
    """

    name: str
    call: Callable[..., Awaitable[object]]
    takes: Arguments = field(default_factory=dict)
    gives: Arguments = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)  # key -> D-Bus type
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class Property:
    """A property; writable if it has a `set`, which takes the caller and the value.

    With `get_own`, each caller reads a value of its own, and nobody else gets it.
    """

    name: str
    type: str
    get: Callable[[], object]
    changes: Changes
    set: Callable[[str, object], Awaitable[None]] | None = None
    get_own: Callable[[str], Awaitable[object]] | None = None


def _allow_all(caller: str) -> None:
    """Allow every caller."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface; `authorise` raises for a caller without access."""

    name: str
    methods: tuple[Method, ...]
    properties: tuple[Property, ...]
    signals: Mapping[str, Arguments]  # name -> arguments
    authorise: Callable[[str], None] = _allow_all

    def to_xml(self) -> ElementTree.Element:
        """Return the `<interface>` element of the D-Bus introspection format."""
        root = ElementTree.Element("interface", name=self.name)
        for method in self.methods:
            element = ElementTree.SubElement(root, "method", name=method.name)
            _add_arguments(element, method.takes, direction="in")
            _add_arguments(element, method.gives, direction="out")
        for name, arguments in self.signals.items():
            _add_arguments(ElementTree.SubElement(root, "signal", name=name), arguments)
        for entry in self.properties:
            access = "readwrite" if entry.set else "read"
            element = ElementTree.SubElement(
                root, "property", name=entry.name, type=entry.type, access=access
            )
            ElementTree.SubElement(
                element, "annotation", name=_CHANGES_ANNOTATION, value=entry.changes.value
            )
        return root


def _add_arguments(
    parent: ElementTree.Element, arguments: Arguments, direction: str | None = None
) -> None:
    for name, kind in arguments.items():
        argument = ElementTree.SubElement(parent, "arg", name=name, type=kind)
        if direction is not None:
            argument.set("direction", direction)


def signature_of(arguments: Arguments) -> str:
    """Return the D-Bus signature of the arguments."""
    return "".join(arguments.values())
