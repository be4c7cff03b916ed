"""All errors that Auricle raises on purpose.

Each error carries one sentence that names the field or part, the value, and the remedy. The D-Bus
interface maps a class to `org.auricle.Error.<name>`; the command line prints the sentence.
"""

from __future__ import annotations


class AuricleError(Exception):
    """Base class of all errors; `name` is the suffix of its D-Bus error name."""

    name = "Failed"


class ConfigError(AuricleError):
    """A configuration file has an unknown key, a wrong type or an impossible value."""

    name = "InvalidConfig"


class MalformedError(AuricleError):
    """Content that is not JSON or YAML, exceeds a limit of `parsing`, or is not a regular file.

    The reader of a kind of file catches it, and raises the error of its kind with the file's name.
    """

    name = "Malformed"

    def __init__(self, remedy: str, *, line: int = 0, place: str = "", value: str = "") -> None:
        """Build the sentence `line LINE: PLACE: VALUE: REMEDY`.

        Args:
            remedy: what is wrong or must be, and what to do.
            line: from 1; 0: unknown.
            place: dotted path of the key; empty if unknown.
            value: the value, shortened; empty if it does not help.
        """
        self.remedy, self.line, self.place, self.value = remedy, line, place, value
        parts = (f"line {line}" if line else "", place, value, remedy)
        super().__init__(": ".join(part for part in parts if part))


class AudioError(AuricleError):
    """A recording cannot be read as audio: it is empty, truncated, or in another format."""

    name = "InvalidAudio"


class DeviceError(AuricleError):
    """The microphone is missing, busy, or does not support the requested format."""

    name = "DeviceUnavailable"


class ModelError(AuricleError):
    """A model file is missing or damaged, or does not have the expected tensors."""

    name = "InvalidModel"


class ArgumentError(AuricleError):
    """A caller passed a value that the operation does not accept."""

    name = "InvalidArgument"


class BusyError(AuricleError):
    """A session is already running; it must end or be cancelled first."""

    name = "Busy"


class MutedError(AuricleError):
    """The microphone is muted."""

    name = "Muted"


class NoSuchSessionError(AuricleError):
    """The session has ended or never existed."""

    name = "NoSuchSession"


class NotAuthorizedError(AuricleError):
    """The caller is neither the owner of the session nor a subscriber."""

    name = "NotAuthorized"


class StorageError(AuricleError):
    """A file cannot be written: the disk is full or the folder is not writable."""

    name = "StorageFailed"


class NoResultError(AuricleError):
    """The session has no result yet, or its result was withdrawn."""

    name = "NoResult"


class InvalidNameError(AuricleError):
    """A name is blank or contains characters that do not belong in a line of text."""

    name = "InvalidName"


class NameTooLongError(AuricleError):
    """A name, a spoken form or an id is longer than the limit."""

    name = "NameTooLong"


class TooManySpokenFormsError(AuricleError):
    """An entry has more spoken forms than the limit."""

    name = "TooManySpokenForms"


class TooManyEntriesError(AuricleError):
    """A client provides more names than the limit per client."""

    name = "TooManyEntries"


class ContextFullError(AuricleError):
    """All clients together provide more names than the recogniser accepts."""

    name = "ContextFull"


class ContextTooLargeError(AuricleError):
    """The names of all clients together take more memory than the limit."""

    name = "ContextTooLarge"


class SoundError(AuricleError):
    """The sound server, mixer or media player to duck cannot be reached or has gone away."""

    name = "SoundUnreachable"


class NoSuchLeaseError(AuricleError):
    """The lease has ended or belongs to another client."""

    name = "NoSuchLease"


class TooManyLeasesError(AuricleError):
    """One client, or all clients together, hold more leases than the limit."""

    name = "TooManyLeases"


class ImportedFileError(AuricleError):
    """A file to import names from is in a format that Auricle does not read."""

    name = "InvalidImport"


class RefusedError(AuricleError):
    """A message between the daemon and the relay violates the wire schema."""

    name = "Refused"


class RelayError(AuricleError):
    """The relay cannot work: the daemon refuses its connection, or it is not configured."""

    name = "RelayFailed"


class BusError(AuricleError):
    """The D-Bus daemon cannot be reached, has gone away, or gave the name to another process."""

    name = "BusUnavailable"


class NotRunningError(AuricleError):
    """No Auricle daemon is on the bus."""

    name = "NotRunning"


class StartingError(AuricleError):
    """The daemon is on the bus, but its models are not loaded yet."""

    name = "Starting"


class AccessDeniedError(BusError):
    """The policy of the bus does not let this user call the daemon."""
