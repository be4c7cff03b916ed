"""Random D-Bus calls, from nearly right to absurd.

In: a random generator. Out: messages to the daemon with any member, signature, body and path; some
carry file descriptors, some are large. The same seed gives the same messages.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbus_next.constants import MessageFlag
from dbus_next.introspection import Node
from dbus_next.message import Message
from dbus_next.signature import SignatureTree, SignatureType, Variant

from auricle.dbus.names import ASSISTANT_PATH, BUS_NAME, PROPERTIES_INTERFACE

INTERFACES = Path(__file__).parents[2] / "etc" / "dbus-1" / "interfaces"
STANDARD = (
    ("org.freedesktop.DBus.Peer", "Ping", ""),
    ("org.freedesktop.DBus.Peer", "GetMachineId", ""),
    ("org.freedesktop.DBus.Introspectable", "Introspect", ""),
    (PROPERTIES_INTERFACE, "Get", "ss"),
    (PROPERTIES_INTERFACE, "GetAll", "s"),
    (PROPERTIES_INTERFACE, "Set", "ssv"),
)
TEXTS = (
    *("", "x", "contacts", "media", "json", "slf", "org.auricle.Assistant1", "Muted", "alexa"),
    *("org.auricle.Context1", "local", "lattice", "\u2003", "\u202e\u0301", "0" * 400, "../../etc"),
    *("a\nb", "é" * 200, "x" * 70_000, "keep", "source", "no_speech_seconds", "%s%n", "'; --"),
)
NUMBERS = (0, 1, -1, 7, 2**15, 2**31 - 1, 2**32 - 1, 2**63 - 1)
DOUBLES = (0.0, -1.0, 3.0, 1e308, float("nan"), float("inf"), 5e-324)
SIGNATURES = ("", "s", "av", "as", "a{sv}", "aay", "a(y)", "a{yv}", "v", "(sv)", "aaaas", "h", "ah")
LARGE = ("as", "aay", "a(y)", "a{yv}", "av")
PATHS = (
    ASSISTANT_PATH,
    "/",
    f"{ASSISTANT_PATH}/session/1",
    f"{ASSISTANT_PATH}/session/x_y",
    "/a/b",
)
INNER = ("s", "d", "b", "u", "as", "v")  # signatures of variants
DEEPEST = 4  # variants in variants
VALUES: dict[str, tuple[Any, ...]] = {
    "b": (False, True),
    "d": DOUBLES,
    "s": TEXTS,
    "o": PATHS,
    "g": ("s", "a{sv}"),
    "h": (0,),
}
LIMITS = {"y": 2**8, "n": 2**15, "q": 2**16, "i": 2**31, "u": 2**32, "x": 2**63, "t": 2**64}


@dataclass(frozen=True, slots=True)
class Attack:
    """A call, with the kind that it is counted under."""

    kind: str
    message: Message
    descriptors: int = 0  # how many file descriptors to send with it


class Caller:
    """Makes random calls."""

    def __init__(self, seed: int, largest: int) -> None:
        """Start; large bodies have up to `largest` bytes."""
        self._choose = random.Random(seed)
        self._largest = largest
        self._methods = [*STANDARD, *_methods()]
        self._kinds: dict[str, tuple[float, Callable[[], Attack]]] = {
            "likely arguments": (0.45, self._likely),
            "wrong signature": (0.2, self._wrong_signature),
            "unknown member": (0.1, self._unknown),
            "property": (0.12, self._property),
            "descriptors": (0.04, self._with_descriptors),
            "no reply expected": (0.07, self._silent),
            "large body": (0.02, self._large),
        }

    def attack(self) -> Attack:
        """Return the next call."""
        weights = [weight for weight, _ in self._kinds.values()]
        makers = [make for _, make in self._kinds.values()]
        return self._choose.choices(makers, weights)[0]()

    def _likely(self) -> Attack:
        interface, member, signature = self._choose.choice(self._methods)
        return Attack("likely arguments", self._message(interface, member, signature))

    def _wrong_signature(self) -> Attack:
        interface, member, _ = self._choose.choice(self._methods)
        signature = self._choose.choice(SIGNATURES)
        if "h" in signature:
            signature = "s"
        return Attack("wrong signature", self._message(interface, member, signature))

    def _unknown(self) -> Attack:
        interface = self._choose.choice(("org.auricle.Nothing1", "", "org.auricle.Assistant1"))
        member = self._choose.choice(("Sing", "listen", "_Listen", "x" * 200))
        return Attack("unknown member", self._message(interface, member, "s"))

    def _property(self) -> Attack:
        value = Variant(
            "av", [Variant("s", self._text()) for _ in range(self._choose.randrange(9))]
        )
        member, signature, body = self._choose.choice(
            (
                ("Set", "ssv", ["org.auricle.Assistant1", "Muted", value]),
                ("Set", "ssv", ["org.auricle.Assistant1", self._text(), Variant("b", True)]),
                ("Get", "ss", [self._text(), self._text()]),
                ("GetAll", "s", [self._text()]),
            )
        )
        return Attack("property", self._message(PROPERTIES_INTERFACE, member, signature, body))

    def _with_descriptors(self) -> Attack:
        interface, member, signature = self._choose.choice(self._methods)
        message = self._message(interface, member, signature)
        return Attack("descriptors", message, self._choose.randint(1, 4))

    def _silent(self) -> Attack:
        interface, member, signature = self._choose.choice(self._methods)
        message = self._message(interface, member, signature)
        message.flags = MessageFlag.NO_REPLY_EXPECTED
        return Attack("no reply expected", message)

    def _large(self) -> Attack:
        interface, member, _ = self._choose.choice(self._methods)
        signature = self._choose.choice(LARGE)
        size = round(1000 * (self._largest / 1000) ** self._choose.random())
        bodies: dict[str, Any] = {
            "as": ["x" * 20] * (size // 25),
            "aay": [b"x"] * (size // 5),
            "a(y)": [[1]] * (size // 8),
            "a{yv}": {key % 256: Variant("s", "x" * (size // 256)) for key in range(256)},
            "av": [Variant("y", 1)] * (size // 4),
        }
        body = bodies[signature]
        if self._choose.random() < 0.5:
            value = Variant(signature, body)
            body_of_set = ["org.auricle.Assistant1", "Muted", value]
            message = self._message(PROPERTIES_INTERFACE, "Set", "ssv", body_of_set)
        else:
            message = self._message(interface, member, signature, [body])
        return Attack("large body", message)

    def _message(
        self, interface: str, member: str, signature: str, body: list[Any] | None = None
    ) -> Message:
        if body is None:
            types = SignatureTree(signature).types
            body = [self._value(kind, 0) for kind in types]
        return Message(
            destination=BUS_NAME,
            path=self._choose.choice(PATHS if self._choose.random() < 0.3 else PATHS[:1]),
            interface=interface or None,  # type: ignore[arg-type]
            member=member,
            signature=signature,
            body=body,
        )

    def _value(self, kind: SignatureType, depth: int) -> Any:
        """Return a random value of a D-Bus type."""
        if kind.token == "(":
            return [self._value(child, depth + 1) for child in kind.children]
        if kind.token == "a":
            return self._array(kind.children[0], depth)
        if kind.token == "v":
            inner = "s" if depth > DEEPEST else self._choose.choice(INNER)
            return Variant(inner, self._value(SignatureTree(inner).types[0], depth + 1))
        return self._basic(kind.token)

    def _basic(self, token: str) -> Any:
        """Return a random value of a basic D-Bus type."""
        if token in LIMITS:
            limit = LIMITS[token]
            lowest = -limit if token in "nix" else 0
            return max(lowest, min(self._choose.choice(NUMBERS), limit - 1))
        return self._choose.choice(VALUES[token])

    def _array(self, kind: SignatureType, depth: int) -> Any:
        """Return a random array or dictionary with elements of a type."""
        if kind.token == "y":
            return self._choose.randbytes(self._choose.randrange(64))
        count = self._choose.randrange(5)
        if kind.token == "{":
            key, value = kind.children
            return {
                self._value(key, depth + 1): self._value(value, depth + 1) for _ in range(count)
            }
        return [self._value(kind, depth + 1) for _ in range(count)]

    def _text(self) -> str:
        return self._choose.choice(TEXTS)


def _methods() -> list[tuple[str, str, str]]:
    """Return interface, name and signature of each method in the interface XML."""
    return [
        (interface.name, method.name, method.in_signature)
        for file in sorted(INTERFACES.glob("*.xml"))
        for interface in Node.parse(file.read_text(encoding="utf-8")).interfaces
        for method in interface.methods
    ]
