"""Converts the exceptions of errors.py to D-Bus errors and back."""

from __future__ import annotations

import logging
from typing import Protocol

from dbus_next.constants import ErrorType
from dbus_next.message import Message

from auricle.dbus.body import BodyError
from auricle.errors import (
    AccessDeniedError,
    ArgumentError,
    AuricleError,
    BusError,
    NoSuchSessionError,
    NotRunningError,
)
from auricle.fault_reports import place_of

PREFIX = "org.auricle.Error."

# Standard D-Bus errors -> exceptions for a client of this daemon.
_STANDARD: dict[str, type[AuricleError]] = {
    ErrorType.UNKNOWN_OBJECT.value: NoSuchSessionError,  # only session objects are withdrawn
    ErrorType.NAME_HAS_NO_OWNER.value: NotRunningError,
    ErrorType.SERVICE_UNKNOWN.value: NotRunningError,
    ErrorType.INVALID_ARGS.value: ArgumentError,
    ErrorType.ACCESS_DENIED.value: AccessDeniedError,  # by the policy of the bus
    ErrorType.LIMITS_EXCEEDED.value: BusError,
}

_log = logging.getLogger(__name__)


class CallError(Exception):
    """A call that gets a standard D-Bus error: an unknown member or wrong types."""

    def __init__(self, kind: ErrorType, text: str) -> None:
        """`kind` is the standard error; `text` is one sentence for the caller."""
        super().__init__(text)
        self.kind = kind


class Named(Protocol):
    """A method call: its message or its header."""

    @property
    def interface(self) -> str | None:
        """Name of the interface, if it is given."""
        ...

    @property
    def member(self) -> str:
        """Name of the method."""
        ...


def describe_error(call: Named, error: Exception) -> tuple[str, str]:
    """Return the D-Bus error name and the sentence for an exception in a call.

    An unexpected exception is logged by type and place. The caller gets a general message, because
    the text of the exception may contain a transcript of another client.
    """
    if isinstance(error, CallError):
        return error.kind.value, str(error)
    if isinstance(error, BodyError):
        return ErrorType.INVALID_ARGS.value, f"{call.member}: {error}"
    if isinstance(error, AuricleError):
        return PREFIX + error.name, str(error)
    _log.error("%s.%s failed: %s", call.interface, call.member, place_of(error))
    return PREFIX + AuricleError.name, f"{call.member} failed inside the daemon; see its journal"


def error_reply(call: Message, error: Exception) -> Message:
    """Return the D-Bus error reply for an exception; see `describe_error`."""
    return Message.new_error(call, *describe_error(call, error))


def error_of(reply: Message) -> AuricleError:
    """Return the exception for an error reply."""
    text = str(reply.body[0]) if reply.body else reply.error_name
    ours: list[type[AuricleError]] = [AuricleError, *AuricleError.__subclasses__()]
    kinds = _STANDARD | {PREFIX + kind.name: kind for kind in ours}
    if reply.error_name not in kinds:
        return BusError(f"{reply.error_name}: {text}")
    return kinds[reply.error_name](text)
