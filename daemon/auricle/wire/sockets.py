"""The Unix socket between daemon and relay (SOCK_SEQPACKET, which keeps message boundaries).

Both ends check the user of the other one by SO_PEERCRED. A message is received completely or
refused. The daemon creates the socket and removes it; without it no relay can connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
import struct
from collections.abc import Collection
from pathlib import Path

from auricle.errors import RefusedError, RelayError
from auricle.user_names import user_name

_CREDENTIALS = struct.Struct("3i")  # ucred of unix(7): pid, uid, gid
_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
_USUAL_OVERFLOW_UID = 65534  # the kernel's default
_KIND = socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK


def listen(path: Path) -> socket.socket:
    """Return a listening socket that its group may connect to; raises OSError.

    The permissions of the folder control access: in the system unit it belongs to the relay's
    group.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove(path)
    listener = socket.socket(socket.AF_UNIX, _KIND)
    try:
        listener.bind(os.fspath(path))
        path.chmod(0o660)
        listener.listen(1)
    except BaseException:
        listener.close()
        remove(path)
        raise
    return listener


def remove(path: Path) -> None:
    """Remove the socket, also one that a killed daemon left."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def connect(path: Path) -> socket.socket:
    """Connect to the daemon; raises RelayError if it does not listen."""
    connection = socket.socket(socket.AF_UNIX, _KIND)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        raise RelayError(
            f"{path}: no daemon listens there ({error.strerror}); it listens only in the mode "
            "lattice: `auricle privacy lattice`"
        ) from error
    return connection


def check_peer(connection: socket.socket, users: Collection[int]) -> None:
    """Raise RefusedError unless the process at the other end belongs to one of these users."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(packed)
    if user not in {as_seen_here(each) for each in users}:
        raise RefusedError(
            f"peer: process {process} of user {user_name(user)} may not connect; allowed users are "
            f"{', '.join(map(user_name, sorted(users)))}"
        )


def users_of(account: str) -> frozenset[int]:
    """Return the user ids that the other end may have: the account's and our own."""
    own = {os.getuid()}
    with contextlib.suppress(KeyError):
        own.add(pwd.getpwnam(account).pw_uid)
    return frozenset(own)


async def receive(connection: socket.socket, most: int) -> bytes:
    """Return the next message of at most `most` bytes, or b"" at the end of the connection.

    Raises:
        RefusedError: the message is longer.
    """
    try:
        data = await asyncio.get_running_loop().sock_recv(connection, most + 1)
    except OSError:
        return b""
    if len(data) > most:
        raise RefusedError(f"message: has more than {most} bytes; send less")
    return data


def send(connection: socket.socket, data: bytes) -> bool:
    """Send a message without blocking; return whether it was sent."""
    try:
        return connection.send(data) == len(data)
    except OSError:
        return False


def as_seen_here(user: int) -> int:
    """Return the id by which this process sees a user.

    In a user namespace (PrivateUsers=yes in the daemon's unit) most users have the same overflow
    id. Then only the folder of the socket controls access.
    """
    for line in _UID_MAP.read_text(encoding="ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= user < first + count:
            return user
    try:
        return int(_OVERFLOW_UID.read_text(encoding="ascii"))
    except OSError:  # hidden in the relay's unit by ProcSubset=pid
        return _USUAL_OVERFLOW_UID
