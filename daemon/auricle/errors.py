"""All that can go wrong, by name.

Each error carries one sentence that names the field or part, the value and the remedy. The D-Bus
face maps a class to `org.auricle.Error.<name>`; the command line prints the sentence.
"""

from __future__ import annotations


class AuricleError(Exception):
    """Base of every error that Auricle raises on purpose; `name` is its D-Bus error suffix."""

    name = "Failed"


class ConfigError(AuricleError):
    """A configuration file has an unknown key, a wrong type or an impossible value."""

    name = "InvalidConfig"


class AudioError(AuricleError):
    """A recording cannot be read as audio: empty, truncated, or of another format."""

    name = "InvalidAudio"


class DeviceError(AuricleError):
    """The microphone is missing, busy, or cannot record what is asked of it."""

    name = "DeviceUnavailable"


class ModelError(AuricleError):
    """A model file is missing, damaged, or has other tensors than its kind must have."""

    name = "InvalidModel"


class ArgumentError(AuricleError):
    """A caller passed a value that the operation does not take."""

    name = "InvalidArgument"


class BusyError(AuricleError):
    """A session is running already; it must end or be cancelled first."""

    name = "Busy"


class MutedError(AuricleError):
    """The microphone is muted, so that nothing can be heard."""

    name = "Muted"


class NoSuchSessionError(AuricleError):
    """The session named has ended or never was."""

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
    """A name that a person may say is blank, or holds what no line of text holds."""

    name = "InvalidName"


class NameTooLongError(AuricleError):
    """A name, a spoken form or an id is longer than anyone's name."""

    name = "NameTooLong"


class TooManySpokenFormsError(AuricleError):
    """An entry has more ways to say it than are kept."""

    name = "TooManySpokenForms"


class TooManyEntriesError(AuricleError):
    """A client gives more names than one client may."""

    name = "TooManyEntries"


class ContextFullError(AuricleError):
    """All clients together give more names than the recogniser takes."""

    name = "ContextFull"


class ContextTooLargeError(AuricleError):
    """The names of all clients together take more memory than they may."""

    name = "ContextTooLarge"


class SoundError(AuricleError):
    """What plays beside Auricle cannot be reached, or has gone."""

    name = "SoundUnreachable"


class NoSuchLeaseError(AuricleError):
    """The lease named has ended, or is another client's."""

    name = "NoSuchLease"


class TooManyLeasesError(AuricleError):
    """A client, or all together, hold more leases than they may."""

    name = "TooManyLeases"


class ImportedFileError(AuricleError):
    """What names are to be imported from is not of a form that Auricle reads."""

    name = "InvalidImport"


class RefusedError(AuricleError):
    """A message is none that may pass between the daemon and the relay."""

    name = "Refused"


class RelayError(AuricleError):
    """The relay cannot work: no daemon lets it in, or it is not set up."""

    name = "RelayFailed"


class BusError(AuricleError):
    """The D-Bus daemon cannot be reached, has gone, or gives the name to another."""

    name = "BusUnavailable"


class NotRunningError(AuricleError):
    """No Auricle daemon is on the bus."""

    name = "NotRunning"
