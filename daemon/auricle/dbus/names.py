"""The names on the bus, and the way from a session id to an object path and back."""

from __future__ import annotations

import re

from auricle.errors import NoSuchSessionError

BUS_NAME = "org.auricle.Assistant1"
ARBITER_INTERFACE = "org.auricle.Arbiter1"
ASSISTANT_INTERFACE = "org.auricle.Assistant1"
ARBITER_INTERFACE = "org.auricle.Arbiter1"
CONTEXT_INTERFACE = "org.auricle.Context1"
PRIVACY_INTERFACE = "org.auricle.Privacy1"
SESSION_INTERFACE = "org.auricle.Session1"
ASSISTANT_PATH = "/org/auricle/Assistant1"
SESSIONS_PATH = f"{ASSISTANT_PATH}/session"

DAEMON_NAME = "org.freedesktop.DBus"  # of the D-Bus daemon, also its interface
DAEMON_PATH = "/org/freedesktop/DBus"
PROPERTIES_INTERFACE = "org.freedesktop.DBus.Properties"


def path_of(session: str) -> str:
    """Return the object path of a session id; raises NoSuchSessionError if it cannot be one."""
    if not re.fullmatch("[A-Za-z0-9_]+", session):
        raise NoSuchSessionError(
            f"{session!r} is no session id; those are ASCII letters, digits and underscores"
        )
    return f"{SESSIONS_PATH}/{session}"


def session_of(path: str) -> str:
    """Return the session id of an object path; raises NoSuchSessionError for any other path."""
    parent, _, session = path.rpartition("/")
    if parent != SESSIONS_PATH:
        raise NoSuchSessionError(f"{path} is not a session; one is {SESSIONS_PATH}/ID")
    return session
