"""Private network namespaces joined by a virtual cable, with packet capture. Needs root.

A thread enters a network with `inside`. Sockets that it opens there, and processes and threads that
it starts there, stay in that network.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import StageError

CLONE_NEWNET = 0x4000_0000
EVERY_PROTOCOL = 0x0003  # ETH_P_ALL of linux/if_ether.h
IPV4 = 0x0800
HERE = Path("/proc/thread-self/ns/net")
RELAY, RERANKER, ELSEWHERE = "10.77.0.1", "10.77.0.2", "10.77.0.3"


@dataclass(frozen=True, slots=True)
class Networks:
    """Names of the namespaces of relay, outside world and daemon; the daemon's has no link."""

    relay: str
    world: str
    daemon: str


@contextlib.contextmanager
def joined_networks() -> Iterator[Networks]:
    """Create the networks; raises StageError if that is impossible."""
    prefix = f"auricle-{secrets.token_hex(3)}"
    made = Networks(f"{prefix}-relay", f"{prefix}-world", f"{prefix}-daemon")
    names = (made.relay, made.world, made.daemon)
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("-n", made.relay, "link", "add", "cable", "type", "veth", "peer", "far")
        _ip("-n", made.relay, "link", "set", "far", "netns", made.world)
        for name, end, addresses in (
            (made.relay, "cable", (RELAY,)),
            (made.world, "far", (RERANKER, ELSEWHERE)),
        ):
            _ip("-n", name, "link", "set", end, "addrgenmode", "none")  # sends no packets by itself
            for address in addresses:
                _ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            _ip("-n", name, "link", "set", end, "up")
        yield made
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@contextlib.contextmanager
def inside(network: str) -> Iterator[None]:
    """Move this thread into a network until the end of the `with` block."""
    before = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(os.open(Path("/run/netns") / network, os.O_RDONLY | os.O_CLOEXEC))
        yield
    finally:
        _enter(before)


class Capture:
    """Captures all packets at one end of the cable. Create it inside a network."""

    def __init__(self, interface: str) -> None:
        """Start capturing at an interface."""
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(EVERY_PROTOCOL)
        )
        self._socket.bind((interface, EVERY_PROTOCOL))

    def packets(self) -> list[bytes]:
        """Return the packets since the last call, with their Ethernet headers."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(65536))
        return found

    def close(self) -> None:
        """Stop capturing."""
        self._socket.close()


def ends_of(packet: bytes) -> tuple[str, str] | None:
    """Return source and destination of an IPv4 packet; None for other packets, such as ARP."""
    if int.from_bytes(packet[12:14]) != IPV4:
        return None
    return socket.inet_ntoa(packet[26:30]), socket.inet_ntoa(packet[30:34])


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if libc.setns(network, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(network)


def _ip(*words: str) -> None:
    try:
        subprocess.run(["ip", *words], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or error
        raise StageError(f"cannot create a network: {told}; run as root") from error
