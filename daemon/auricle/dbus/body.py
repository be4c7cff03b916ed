"""Decodes the body of a D-Bus message in slices of bounded work.

In: the bytes of a body and its signature. Out: the values, as dbus-next represents them. The event
loop decodes a long body slice by slice and serves other clients in between. Depth and number of
values are limited, and a variant is decoded only if its type is accepted, so that the work grows
with the number of bytes and never faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from struct import Struct, error
from typing import Any, TypeAlias

from dbus_next.signature import SignatureTree, Variant
from dbus_next.validators import is_object_path_valid

SLICE_BYTES = 16 * 1024  # decoded in one go, in 2 ms or less on a desktop machine
NESTED_BYTES = 32 * 1024  # an array within an array, which is not sliced
MAX_DEPTH = 16  # containers within each other, variants included
MAX_VALUES = 20_000  # values of one body, unless a method takes more

_NUMBERS = {"n": "h", "q": "H", "i": "i", "u": "I", "h": "I", "x": "q", "t": "Q", "d": "d"}
_ALIGNMENT = {
    **{"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "b": 4, "i": 4, "u": 4, "h": 4, "s": 4, "o": 4},
    **{"a": 4, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8},
}
_BASIC = frozenset("ybnqiuxtdhsog")

Type: TypeAlias = tuple[str, tuple[Any, ...]]  # token, types within it
# Called before the value of a variant is read, with the arguments read so far, the key of the
# variant in its dictionary (else None), and its signature; raises to refuse it.
Accept: TypeAlias = Callable[[list[Any], object, str], None]


class BodyError(Exception):
    """A body does not have the values that its signature announces, or has too many of them."""


class Body:
    """Decodes one body: exhaust `slices`, then take `values`."""

    def __init__(
        self,
        data: bytes | bytearray,
        signature: str,
        *,
        little: bool = True,
        accept: Accept | None = None,
        max_values: int = MAX_VALUES,
    ) -> None:
        """Prepare; nothing is decoded yet.

        Args:
            data: the body.
            signature: its D-Bus signature.
            little: whether the byte order is little-endian.
            accept: refuses variants before they are decoded; by default all are accepted.
            max_values: most values and containers that are decoded.

        Raises:
            BodyError: the signature is invalid, or nested too deeply.
        """
        self.values: list[Any] = []
        self._data = data
        self._types = types_of(signature)
        self._accept = accept
        self._left = max_values
        self._at = 0
        self._depth = 0
        order = "<" if little else ">"
        self._numbers = {token: Struct(order + code) for token, code in _NUMBERS.items()}
        self._size = self._numbers["u"].unpack_from
        self._readers: dict[str, Callable[[Type], Any]] = {
            **dict.fromkeys(_NUMBERS, self._read_number),
            "y": self._read_byte,
            "b": self._read_boolean,
            "s": self._read_text,
            "o": self._read_path,
            "g": self._read_signature,
            "a": self._read_array,
            "(": self._read_struct,
            "v": self._read_variant,
        }

    def slices(self) -> Iterator[None]:
        """Decode the body; yield after each slice of about SLICE_BYTES.

        Raises:
            BodyError: the body is damaged, or has too many values or levels.
            Exception: what `accept` raises.
        """
        try:
            for kind in self._types:
                if kind[0] == "a":
                    yield from self._read_long_array(kind)
                else:
                    self.values.append(self._read(kind))
        except (error, IndexError, UnicodeDecodeError, OverflowError) as fault:
            raise BodyError("the body is damaged") from fault
        if self._at != len(self._data):
            raise BodyError("the body does not end where its values end")

    def read(self) -> list[Any]:
        """Decode the body in one go and return its values; raises as `slices` does."""
        for _ in self.slices():
            pass
        return self.values

    def _read_long_array(self, kind: Type) -> Iterator[None]:
        """Decode an argument that is an array; it is complete in `values` at the end only."""
        inner: Type = kind[1][0]
        if inner[0] == "y":
            self.values.append(self._read_array(kind))
            return
        end = self._enter_array(inner)
        pause = self._at + SLICE_BYTES
        found: Any = {} if inner[0] == "{" else []
        while self._at < end:
            self._add_element(found, inner)
            if self._at >= pause:
                yield
                pause = self._at + SLICE_BYTES
        self._leave_array(end)
        self.values.append(found)

    def _read(self, kind: Type) -> Any:
        self._left -= 1
        if self._left < 0:
            raise BodyError("the body has too many values")
        return self._readers[kind[0]](kind)

    def _align(self, size: int) -> None:
        self._at = (self._at + size - 1) & -size

    def _read_byte(self, _: Type) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _read_boolean(self, _: Type) -> bool:
        self._align(4)
        (value,) = self._size(self._data, self._at)
        self._at += 4
        return bool(value)

    def _read_number(self, kind: Type) -> Any:
        layout = self._numbers[kind[0]]
        self._align(layout.size)
        (value,) = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return value

    def _read_text(self, _: Type) -> str:
        at = (self._at + 3) & ~3
        return self._take_text(at + 4, self._size(self._data, at)[0])

    def _read_path(self, kind: Type) -> str:
        path = self._read_text(kind)
        if not is_object_path_valid(path):
            raise BodyError("an object path is invalid")
        return path

    def _read_signature(self, _: Type) -> str:
        return self._take_text(self._at + 1, self._data[self._at])

    def _take_text(self, start: int, size: int) -> str:
        end = start + size
        if self._data[end] != 0:
            raise BodyError("a text does not end with a zero byte")
        self._at = end + 1
        return self._data[start:end].decode()

    def _read_array(self, kind: Type) -> Any:
        inner: Type = kind[1][0]
        end = self._enter_array(inner)
        if inner[0] == "y":
            start, self._at = self._at, end
            self._leave_array(end)
            return bytes(self._data[start:end])
        if end - self._at > NESTED_BYTES:
            raise BodyError(f"an array within another value has more than {NESTED_BYTES} bytes")
        found: Any = {} if inner[0] == "{" else []
        while self._at < end:
            self._add_element(found, inner)
        self._leave_array(end)
        return found

    def _enter_array(self, inner: Type) -> int:
        """Step to the first element of an array; return the offset of its end."""
        self._descend()
        self._align(4)
        (size,) = self._size(self._data, self._at)
        self._at += 4
        self._align(_ALIGNMENT[inner[0]])
        end: int = self._at + size
        if end > len(self._data):
            raise BodyError("an array is longer than the body")
        return end

    def _leave_array(self, end: int) -> None:
        if self._at != end:
            raise BodyError("an array does not end where its elements end")
        self._depth -= 1

    def _add_element(self, found: Any, kind: Type) -> None:
        if kind[0] != "{":
            found.append(self._read(kind))
            return
        self._align(8)
        key = self._read(kind[1][0])
        value = kind[1][1]
        found[key] = self._read_keyed_variant(key) if value[0] == "v" else self._read(value)

    def _read_struct(self, kind: Type) -> list[Any]:
        self._descend()
        self._align(8)
        found = [self._read(inner) for inner in kind[1]]
        self._depth -= 1
        return found

    def _read_variant(self, _: Type) -> Variant:
        return self._read_keyed_variant(None)

    def _read_keyed_variant(self, key: object) -> Variant:
        self._descend()
        signature = self._read_signature(("g", ()))
        if self._accept is not None:
            self._accept(self.values, key, signature)
        types = types_of(signature)
        if len(types) != 1:
            raise BodyError("a variant does not have exactly one value")
        value = self._read(types[0])
        self._depth -= 1
        return Variant(tree_of(signature), value)

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BodyError(f"the values are nested more than {MAX_DEPTH} levels deep")


@lru_cache(maxsize=256)
def tree_of(signature: str) -> SignatureTree:
    """Return dbus-next's form of a signature; dbus-next's own cache grows without limit."""
    return SignatureTree(signature)


@lru_cache(maxsize=256)
def types_of(signature: str) -> tuple[Type, ...]:
    """Return the types of a signature.

    Raises:
        BodyError: it is invalid, or nested too deeply.
    """
    types: list[Type] = []
    at = 0
    while at < len(signature):
        kind, at = _parse_type(signature, at, 0)
        types.append(kind)
    return tuple(types)


def _parse_type(signature: str, at: int, depth: int) -> tuple[Type, int]:
    """Return the complete type at an offset of a signature, and the offset behind it."""
    token = signature[at : at + 1]
    if token in _BASIC or token == "v":
        return (token, ()), at + 1
    if depth < MAX_DEPTH and token == "a":
        if signature[at + 1 : at + 2] == "{":
            key, at = _parse_type(signature, at + 2, depth + 1)
            value, at = _parse_type(signature, at, depth + 1)
            if key[0] in _BASIC and signature[at : at + 1] == "}":
                return ("a", (("{", (key, value)),)), at + 1
        else:
            inner, at = _parse_type(signature, at + 1, depth + 1)
            return ("a", (inner,)), at
    elif depth < MAX_DEPTH and token == "(":
        fields: list[Type] = []
        at += 1
        while not fields or signature[at : at + 1] != ")":
            inner, at = _parse_type(signature, at, depth + 1)
            fields.append(inner)
        return ("(", tuple(fields)), at + 1
    raise BodyError("a signature is invalid, or nested too deeply")
