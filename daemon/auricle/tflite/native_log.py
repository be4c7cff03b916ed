"""Keeps the informational lines of the native TFLite runtime off standard error.

The runtime writes them from C++ and has no setting for it: "INFO: Created TensorFlow Lite XNNPACK
delegate for CPU." In: a block that loads a model. Out: whatever the block writes to standard error,
without these lines.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STANDARD_ERROR = 2  # file descriptor
INFORMATIONAL = b"INFO: "
_lock = threading.Lock()  # the descriptor belongs to the whole process


@contextmanager
def without_informational_lines() -> Iterator[None]:
    """Run a block; write its standard error afterwards, without informational lines.

    Without a standard error the block simply runs.
    """
    with _lock:
        try:
            kept = os.dup(STANDARD_ERROR)
        except OSError:
            kept = -1
        if kept < 0:
            yield
            return
        buffer = os.memfd_create("auricle-native-log", os.MFD_CLOEXEC)
        os.dup2(buffer, STANDARD_ERROR)
        try:
            yield
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
            _pass_on(buffer)


def _pass_on(buffer: int) -> None:
    """Write the lines of a buffer that are not informational to standard error, and close it.

    A standard error that cannot be written must not make the model look damaged.
    """
    with os.fdopen(buffer, "rb") as stream:
        stream.seek(0)
        rest = b"".join(line for line in stream if not line.startswith(INFORMATIONAL))
    with suppress(OSError):
        while rest:
            rest = rest[os.write(STANDARD_ERROR, rest) :]
