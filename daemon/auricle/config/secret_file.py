"""Checks that no other user can read a file with a secret.

In: the status of the file, and the users that may own it. Out: the fault and its remedy.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

CREDENTIALS = Path("/run/credentials")  # of systemd, which grants access to one service only
ROOT = 0
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def fault_of_secret(
    file: Path, status: os.stat_result, owners: Collection[int], credentials: Path = CREDENTIALS
) -> str | None:
    """Return why a file may be read by other users, with the remedy; None if it may not.

    Args:
        file: the path of the file.
        status: its status, from the open file where its content is used.
        owners: user ids that may own it, beside root.
        credentials: the folder of systemd's credentials. Their permissions are not checked, because
            systemd grants access with an access-control list, which the mode shows as that of
            the group.
    """
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file; name a file that holds the token"
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    if file.is_relative_to(credentials) or (given and file.is_relative_to(given)):
        return None
    if status.st_mode & OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"has the mode {mode:04o}, so other users can read it; run `chmod 600 {file}`"
    if status.st_uid not in (ROOT, *owners):
        return (
            f"belongs to user {status.st_uid}, who can read it; give it to the user of the relay, "
            f"such as with `chown auricle-relay {file}`"
        )
    return None
