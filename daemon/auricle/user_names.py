"""Names of users, for messages."""

from __future__ import annotations

import pwd


def user_name(user: int) -> str:
    """Return the name of a user id, or the id as text if it has no name."""
    try:
        return pwd.getpwuid(user).pw_name
    except (KeyError, OverflowError):
        return str(user)
