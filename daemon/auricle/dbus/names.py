"""D-Bus names and paths, and the conversion of session ids to object paths and back."""

from __future__ import annotations

import re

from auricle.errors import NoSuchSessionError

BUS_NAME = "org.auricle.Assistant1"
ARBITER_INTERFACE = "org.auricle.Arbiter1"
ASSISTANT_INTERFACE = "org.auricle.Assistant1"
CONTEXT_INTERFACE = "org.auricle.Context1"
PRIVACY_INTERFACE = "org.auricle.Privacy1"
SESSION_INTERFACE = "org.auricle.Session1"
ASSISTANT_PATH = "/org/auricle/Assistant1"
SESSIONS_PATH = f"{ASSISTANT_PATH}/session"

DAEMON_NAME = "org.freedesktop.DBus"  # name and interface of the D-Bus daemon
DAEMON_PATH = "/org/freedesktop/DBus"
PROPERTIES_INTERFACE = "org.freedesktop.DBus.Properties"


def path_of(session: str) -> str:
    """Return the object path of a session id; raises NoSuchSessionError if it is invalid."""
    if not re.fullmatch("[A-Za-z0-9_]+", session):
        raise NoSuchSessionError(
            f"{session!r} is no session id; an id has ASCII letters, digits and underscores"
        )
    return f"{SESSIONS_PATH}/{session}"


def session_of(path: str) -> str:
    """Return the session id of an object path; raises NoSuchSessionError for any other path."""
    parent, _, session = path.rpartition("/")
    if parent != SESSIONS_PATH:
        raise NoSuchSessionError(
            f"{path} is not a session path; it has the form {SESSIONS_PATH}/ID"
        )
    return session
