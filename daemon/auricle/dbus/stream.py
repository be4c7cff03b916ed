"""Cuts the bytes of a socket into D-Bus messages, and skips refused bodies without keeping them.

In: a non-blocking socket, and a function that decides on each header. Out: messages whose bodies
are still bytes. A refused body passes through one fixed buffer; memory for an accepted one is
allocated only after its header was accepted.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from auricle.dbus.header import (
    FIXED_BYTES,
    MAX_FIELDS_BYTES,
    Header,
    HeaderError,
    read_frame,
    read_header,
)

BUFFER_BYTES = 256 * 1024  # a Unix socket hands out up to about 208 KiB at once
MAX_DESCRIPTORS = 253  # of one message: the limit of Linux, SCM_MAX_FD

Decision = TypeVar("Decision")


@dataclass(slots=True)
class Arrived(Generic[Decision]):
    """A message with its undecoded body; the body is empty if it was refused."""

    header: Header
    verdict: Decision
    body: bytearray
    descriptors: list[int]  # to be closed by the receiver


class MessageStream(Generic[Decision]):
    """Alternate `receive` and `take` until both have nothing more."""

    def __init__(
        self,
        receiver: socket.socket,
        judge: Callable[[Header], Decision],
        reads_body: Callable[[Decision], bool],
        dropped: Decision | None = None,
    ) -> None:
        """Read from `receiver`.

        Args:
            receiver: a connected, non-blocking Unix socket.
            judge: decides on a message by its header; called once for each message.
            reads_body: whether the decision is to read the body.
            dropped: the decision to skip a message without returning it.
        """
        self._receiver = receiver
        self._judge = judge
        self._reads_body = reads_body
        self._dropped = dropped
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # the unread part of the buffer
        self._skip = 0  # bytes of a refused message that are still to come
        self._open: Arrived[Decision] | None = None  # a message whose body is incomplete
        self._filled = 0  # bytes of its body
        self._total = 0  # bytes received so far
        # File descriptors, with the value of `_total` behind the bytes that they came with.
        self._descriptors: deque[tuple[int, list[int]]] = deque()

    def receive(self) -> bool:
        """Read once from the socket; return False if nothing was waiting.

        Raises:
            EOFError: the other side has closed the connection.
            OSError: the connection is broken.
        """
        if self._open is not None and self._start == self._end:
            target = memoryview(self._open.body)[self._filled :]
        elif self._start == self._end:
            self._start = self._end = 0
            target = self._view
        else:  # a part of a header is left
            rest = self._end - self._start
            self._view[:rest] = self._view[self._start : self._end]
            self._start, self._end = 0, rest
            target = self._view[rest:]
        try:
            count = self._receive_into(target)
        except (BlockingIOError, InterruptedError):
            return False
        if count == 0:
            raise EOFError("the D-Bus daemon closed the connection")
        if target.obj is self._buffer:
            self._end += count
        else:
            self._filled += count
        return True

    def take(self) -> Arrived[Decision] | None:
        """Return the next message, as far as it was received.

        A refused message is returned at once; its body is skipped afterwards. A dropped message is
        not returned.

        Raises:
            StreamError: the bytes are no D-Bus messages.
        """
        while True:
            if self._open is not None:
                return self._complete()
            if self._skip:
                skipped = min(self._skip, self._end - self._start)
                self._skip -= skipped
                self._start += skipped
                if self._skip:
                    return None
            if not self._begin():
                return None
            if self._open is not None and not self._reads_body(self._open.verdict):
                refused, self._open = self._open, None
                return refused

    def close(self) -> None:
        """Close the file descriptors that no receiver has taken."""
        close_all(self._take_descriptors(self._total))
        if self._open is not None:
            close_all(self._open.descriptors)
            self._open = None

    def _receive_into(self, target: memoryview) -> int:
        room = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
        count, ancillary, _, _ = self._receiver.recvmsg_into(
            [target], room, socket.MSG_CMSG_CLOEXEC
        )
        self._total += count
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors = array.array("i")
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
                self._descriptors.append((self._total, descriptors.tolist()))
        return count

    def _take_descriptors(self, end: int) -> list[int]:
        """Return the file descriptors that came with the bytes before the offset `end`.

        Linux ends a read behind the bytes that file descriptors were sent with, so they belong to
        the message in which that read ended.
        """
        taken: list[int] = []
        while self._descriptors and self._descriptors[0][0] <= end:
            taken += self._descriptors.popleft()[1]
        return taken

    def _begin(self) -> bool:
        """Read a header; return False if it has not arrived completely."""
        waiting = self._end - self._start
        start = self._total - waiting
        if self._descriptors:
            close_all(self._take_descriptors(start))  # those of a skipped message
        if waiting < FIXED_BYTES:
            return False
        frame = read_frame(self._buffer, self._start)
        head_bytes = frame.head_bytes
        size = head_bytes + frame.body_bytes
        if frame.fields_bytes > MAX_FIELDS_BYTES:
            self._skip = size
            return True
        if waiting < head_bytes:
            return False
        fields = self._start + FIXED_BYTES
        try:
            header = read_header(frame, self._view[fields : fields + frame.fields_bytes].tobytes())
        except HeaderError:  # its sender is not known
            self._skip = size
            return True
        self._start += head_bytes
        verdict = self._judge(header)
        if verdict is self._dropped:
            self._skip = frame.body_bytes
            return True
        own = self._take_descriptors(start + size) if self._descriptors else []
        self._open = Arrived(header, verdict, bytearray(), own)
        self._filled = 0
        if self._reads_body(verdict):
            self._open.body = bytearray(frame.body_bytes)
        else:
            self._skip = frame.body_bytes
        return True

    def _complete(self) -> Arrived[Decision] | None:
        """Move the buffer's part of a body to it; return the message if it is complete."""
        assert self._open is not None
        body = self._open.body
        count = min(self._end - self._start, len(body) - self._filled)
        if count:
            part = self._view[self._start : self._start + count]
            body[self._filled : self._filled + count] = part
            self._start += count
            self._filled += count
        if self._filled < len(body):
            return None
        complete, self._open = self._open, None
        return complete


def close_all(descriptors: Iterable[int]) -> None:
    """Close file descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)
