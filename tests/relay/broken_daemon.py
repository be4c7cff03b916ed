"""A daemon that tries to send audio: a script for test_network.py, run in the daemon's sandbox.

It installs a seccomp filter that allows only AF_UNIX sockets, like RestrictAddressFamilies=AF_UNIX.
Its network namespace is empty, like that of PrivateNetwork=yes. Then it tries to send one second of
audio: over the network, and through the relay, whose socket it opens as the daemon does. It prints
the outcome of each attempt.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import json
import platform
import socket
import struct
import sys
from pathlib import Path

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # classic BPF
FIRST_ARGUMENT = 16  # offset in struct seccomp_data
ALLOW, DENY = 0x7FFF_0000, 0x0005_0000 + errno.EAFNOSUPPORT
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
SOUND = bytes(range(256)) * 125  # 32000 bytes


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_unix_sockets_only() -> None:
    instructions = (
        (LOAD, 0, 0, 0),  # system call number
        (IF_EQUAL, 0, 2, SOCKET_CALL[platform.machine()]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (IF_EQUAL, 0, 1, socket.AF_UNIX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    )
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    program = Program(len(instructions), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def try_network(family: int, kind: int, host: tuple[object, ...]) -> str:
    try:
        with socket.socket(family, kind) as connection:
            connection.settimeout(2)
            connection.connect(host)
            connection.sendall(SOUND[:1000])
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "sent"


def try_relay(path: Path, message: bytes) -> str:
    """Open the socket as the daemon does, send the relay a message, and return its reaction."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(20)
        print("listening", flush=True)
        relay, _ = listener.accept()
        with relay:
            relay.settimeout(20)
            relay.sendall(message)
            return "hung up" if relay.recv(65536) == b"" else "answered"


def main(path: Path, host: str, port: int, *, filtered: bool) -> None:
    if filtered:
        allow_unix_sockets_only()
    address = (host, port)
    outcomes = [
        try_network(socket.AF_INET, socket.SOCK_STREAM, address),
        try_network(socket.AF_INET, socket.SOCK_DGRAM, address),
        try_network(socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", port)),
    ]
    print(json.dumps(outcomes), flush=True)
    text = base64.b64encode(SOUND[:1200]).decode()
    for message in (
        SOUND,
        SOUND[:3000],
        json.dumps({"version": 1, "audio": text}).encode(),
        json.dumps(
            {
                "version": 1,
                "session": 1,
                "locale": "en",
                "words": [text],
                "arcs": [[0, 1, 0, 0, 0, 1, 0]],
            },
            separators=(",", ":"),
        ).encode(),
    ):
        print(try_relay(path, message), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), filtered=sys.argv[4] == "filtered")
