"""Checks for the values of configuration keys.

A check takes a YAML value (None, bool, int, float, str, list, dict) and returns it in the type of
the schema, or raises `UnfitError`. Its `expected` describes the valid values for error messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Misfit:
    """An invalid part of a value, and how to correct it."""

    path: tuple[int | str, ...]  # list indices and mapping keys, from the value inward
    remedy: str


class UnfitError(ValueError):
    """A value that a check rejects; `faults` lists all its invalid parts."""

    def __init__(self, *faults: Misfit) -> None:
        super().__init__("; ".join(fault.remedy for fault in faults))
        self.faults = faults


class Check(Protocol):
    """Checks a value."""

    @property
    def expected(self) -> str:
        """The valid values, in words that follow "must be"."""
        ...

    def read(self, value: object) -> Any:
        """Return the value in the type of the schema; raise `UnfitError` if it is invalid."""
        ...


def refuse(check: Check) -> UnfitError:
    """Return the error for a value that a check rejects as a whole."""
    return UnfitError(Misfit((), f"must be {check.expected}"))


FLAG_WORDS = {"yes": True, "on": True, "no": False, "off": False}  # booleans in YAML 1.1


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false; yes, no, on and off are accepted too."""

    expected: str = "true or false"

    def read(self, value: object) -> bool:
        """Return the value, which must be a bool or one of `FLAG_WORDS` in any case."""
        if isinstance(value, str):
            value = FLAG_WORDS.get(value.lower())
        if not isinstance(value, bool):
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a closed range."""

    minimum: int
    maximum: int

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return f"a whole number from {self.minimum} to {self.maximum}"

    def read(self, value: object) -> int:
        """Return the value, which must be an int in the range; a bool is not an int here."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse(self)
        if not self.minimum <= value <= self.maximum:
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Real:
    """A number, with or without a fraction, in a closed range."""

    minimum: float
    maximum: float

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return f"a number from {self.minimum:g} to {self.maximum:g}"

    def read(self, value: object) -> float:
        """Return the value as float; it must be finite and in the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(self)
        if not math.isfinite(value) or not self.minimum <= value <= self.maximum:
            raise refuse(self)
        return float(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        *most, last = self.words
        return f"{', '.join(most)} or {last}" if most else last

    def read(self, value: object) -> str:
        """Return the word, in the case of `words`; the case of the value does not matter."""
        word = value.lower() if isinstance(value, str) else None
        if word not in self.words:
            raise refuse(self)
        return str(word)


@dataclass(frozen=True, slots=True)
class Text:
    """Non-empty text."""

    expected: str = "text that is not empty"

    def read(self, value: object) -> str:
        """Return the value, which must be a string that is not blank."""
        if not isinstance(value, str) or not value.strip():
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches a regular expression."""

    form: re.Pattern[str]
    expected: str

    def read(self, value: object) -> str:
        """Return the value, which must be a string that matches as a whole."""
        if not isinstance(value, str) or not self.form.fullmatch(value):
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class NameOrPath:
    """The name of a model, or an absolute path.

    Relative paths are rejected, because the user does not know the working directory of the daemon.
    """

    thing: str

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return f"the name of {self.thing}, or an absolute path"

    def read(self, value: object) -> str:
        """Return the value, which must be a plain name or begin with a slash."""
        if not isinstance(value, str) or not (value.startswith("/") or NAME.fullmatch(value)):
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Nothing:
    """No value: null."""

    expected: str = "null"

    def read(self, value: object) -> None:
        """Return None, which the value must be."""
        if value is not None:
            raise refuse(self)


@dataclass(frozen=True, slots=True)
class Either:
    """A value that passes one of several checks."""

    checks: tuple[Check, ...]

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return ", or ".join(check.expected for check in self.checks)

    def read(self, value: object) -> Any:
        """Return the result of the first check that accepts the value.

        If a check rejects only a part of the value, the value has the right kind. The error of this
        check is then more helpful than the list of all valid values.
        """
        for check in self.checks:
            try:
                return check.read(value)
            except UnfitError as error:
                if any(fault.path for fault in error.faults):
                    raise
        raise refuse(self)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping with known keys, which is turned into an object."""

    keys: dict[str, Check]
    required: str  # the only required key
    build: Callable[..., object]  # called with the keys as keyword arguments

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return f"a mapping with the keys {', '.join(self.keys)}"

    def read(self, value: object) -> object:
        """Return the object for a mapping with the required key and no unknown keys."""
        if not isinstance(value, dict) or self.required not in value:
            raise refuse(self)
        faults = [
            Misfit((key,), f"unknown key; the keys here are {', '.join(self.keys)}")
            for key in value
            if key not in self.keys
        ]
        known = {key: check for key, check in self.keys.items() if key in value}
        fields, unfit = read_each(known, value)
        if faults or unfit:
            raise UnfitError(*faults, *unfit)
        return self.build(**fields)


@dataclass(frozen=True, slots=True)
class Several:
    """A list whose items all pass one check."""

    item: Check

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return f"a list, each item {self.item.expected}"

    def read(self, value: object) -> tuple[Any, ...]:
        """Return the items as a tuple."""
        if not isinstance(value, list):
            raise refuse(self)
        items, faults = read_each(dict.fromkeys(range(len(value)), self.item), value)
        if faults:
            raise UnfitError(*faults)
        return tuple(items.values())


def read_each(checks: dict[Any, Check], value: Any) -> tuple[dict[Any, Any], list[Misfit]]:
    """Check the parts of a list or mapping; return the valid parts and the faults of the others."""
    fitting: dict[Any, Any] = {}
    faults: list[Misfit] = []
    for place, check in checks.items():
        try:
            fitting[place] = check.read(value[place])
        except UnfitError as error:
            faults += [Misfit((place, *fault.path), fault.remedy) for fault in error.faults]
    return fitting, faults
