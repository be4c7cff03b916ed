"""The one place where errors of errors.py become D-Bus errors, and D-Bus errors become them."""

from __future__ import annotations

import logging

from dbus_next.constants import ErrorType
from dbus_next.message import Message

from auricle.errors import (
    ArgumentError,
    AuricleError,
    BusError,
    NoSuchSessionError,
    NotRunningError,
)
from auricle.fault_reports import place_of

PREFIX = "org.auricle.Error."

# What the errors of D-Bus itself mean to a client of this daemon.
_STANDARD: dict[str, type[AuricleError]] = {
    ErrorType.UNKNOWN_OBJECT.value: NoSuchSessionError,  # only sessions vanish
    ErrorType.NAME_HAS_NO_OWNER.value: NotRunningError,
    ErrorType.SERVICE_UNKNOWN.value: NotRunningError,
    ErrorType.INVALID_ARGS.value: ArgumentError,
}

_log = logging.getLogger(__name__)


class CallError(Exception):
    """A call that D-Bus itself has an error for: no such member, or the wrong types."""

    def __init__(self, kind: ErrorType, text: str) -> None:
        """`kind` names the standard error; `text` is one sentence for the caller."""
        super().__init__(text)
        self.kind = kind


def error_reply(call: Message, error: Exception) -> Message:
    """Return the D-Bus error that tells the caller of `call` what went wrong.

    An error that nobody foresaw goes to the journal by type and place; the caller learns only that
    there was one. Its text may hold what others said.
    """
    if isinstance(error, CallError):
        return Message.new_error(call, error.kind.value, str(error))
    if isinstance(error, AuricleError):
        return Message.new_error(call, PREFIX + error.name, str(error))
    _log.error("%s.%s failed: %s", call.interface, call.member, place_of(error))
    text = f"{call.member} failed inside the daemon; its journal says why"
    return Message.new_error(call, PREFIX + AuricleError.name, text)


def error_of(reply: Message) -> AuricleError:
    """Return the error that an error reply stands for."""
    text = str(reply.body[0]) if reply.body else reply.error_name
    ours: list[type[AuricleError]] = [AuricleError, *AuricleError.__subclasses__()]
    kinds = _STANDARD | {PREFIX + kind.name: kind for kind in ours}
    if reply.error_name not in kinds:
        return BusError(f"{reply.error_name}: {text}")
    return kinds[reply.error_name](text)
