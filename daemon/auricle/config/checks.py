"""What a value of the configuration may be, in words for people and as a test for the program.

A check takes a value as YAML gives it (None, bool, int, float, str, list, dict) and returns it in
the type that the schema promises, or raises `UnfitError`. `expected` says in words what fits.
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
    """Where in a value something does not fit, and what would."""

    path: tuple[int | str, ...]  # list indices and mapping keys, from the value inward
    remedy: str


class UnfitError(ValueError):
    """A value that a check refuses, with everything in it that does not fit."""

    def __init__(self, *faults: Misfit) -> None:
        super().__init__("; ".join(fault.remedy for fault in faults))
        self.faults = faults


class Check(Protocol):
    """Decides whether a value fits."""

    @property
    def expected(self) -> str:
        """What fits, in words that go on after "must be"."""
        ...

    def read(self, value: object) -> Any:
        """Return the value in the type of the schema; raise `UnfitError` when it does not fit."""
        ...


def refuse(check: Check) -> UnfitError:
    """Return the error that says what would have fitted."""
    return UnfitError(Misfit((), f"must be {check.expected}"))


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    expected: str = "true or false"

    def read(self, value: object) -> bool:
        """Return the value, which must be a bool."""
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
        """What fits, in words."""
        return f"a whole number from {self.minimum} to {self.maximum}"

    def read(self, value: object) -> int:
        """Return the value, which must be an int in the range; a bool is none."""
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
        """What fits, in words."""
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
        """What fits, in words."""
        *most, last = self.words
        return f"{', '.join(most)} or {last}" if most else last

    def read(self, value: object) -> str:
        """Return the value, which must be one of the words."""
        if not isinstance(value, str) or value not in self.words:
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is not empty."""

    expected: str = "text that is not empty"

    def read(self, value: object) -> str:
        """Return the value, which must be a string with more than blanks."""
        if not isinstance(value, str) or not value.strip():
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class Matching:
    """Text of a given form."""

    form: re.Pattern[str]
    expected: str

    def read(self, value: object) -> str:
        """Return the value, which must be a string of that form as a whole."""
        if not isinstance(value, str) or not self.form.fullmatch(value):
            raise refuse(self)
        return value


@dataclass(frozen=True, slots=True)
class NameOrPath:
    """The name of a thing that Auricle looks up, or an absolute path.

    A relative path is refused: a daemon's working directory means nothing to the writer.
    """

    thing: str

    @property
    def expected(self) -> str:
        """What fits, in words."""
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
    """Whatever fits one of several checks."""

    checks: tuple[Check, ...]

    @property
    def expected(self) -> str:
        """What fits, in words."""
        return ", or ".join(check.expected for check in self.checks)

    def read(self, value: object) -> Any:
        """Return what the first check that takes the value makes of it.

        A check that finds fault only inside the value recognised its kind: its faults say more
        than a list of all that would have fitted.
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
    """A mapping with known keys, made into an object."""

    keys: dict[str, Check]
    required: str  # the key that must be there
    build: Callable[..., object]  # takes the keys as keyword arguments

    @property
    def expected(self) -> str:
        """What fits, in words."""
        return f"a mapping with the keys {', '.join(self.keys)}"

    def read(self, value: object) -> object:
        """Return the object built from a mapping that has the required key and no unknown one."""
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
    """A list, each of whose items fits one check."""

    item: Check

    @property
    def expected(self) -> str:
        """What fits, in words."""
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
    """Read the parts of a list or mapping; return those that fit, and the faults of the others."""
    fitting: dict[Any, Any] = {}
    faults: list[Misfit] = []
    for place, check in checks.items():
        try:
            fitting[place] = check.read(value[place])
        except UnfitError as error:
            faults += [Misfit((place, *fault.path), fault.remedy) for fault in error.faults]
    return fitting, faults
