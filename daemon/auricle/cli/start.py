"""The entry point of the command `auricle`: Ctrl-C ends it without a traceback, at any moment.

Python raises KeyboardInterrupt between any two instructions. While a module is imported, it would
print a traceback, and in the initialisation of a native module it would end the process by
std::terminate. So Ctrl-C ends the process at once, until a command that has something to clean up
begins its work and calls `raise_interrupts`. This module imports only what that needs.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this module
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130  # the exit status of a shell for a program ended by Ctrl-C


def start() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    try:
        leave(run_main())
    except KeyboardInterrupt:  # between two changes of the handler
        os._exit(INTERRUPTED)


def run_main() -> int:
    """Run the command line while Ctrl-C ends the process at once; return the exit status."""
    # A program that was started in the background keeps ignoring Ctrl-C.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, end_at_once)
    from auricle.cli.main import main  # noqa: PLC0415 -- only after Ctrl-C is handled

    try:
        return main()
    except SystemExit as end:  # wrong usage, or --help
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process, as a handler of SIGINT; files are closed by the kernel."""
    os._exit(INTERRUPTED)


def raise_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on, instead of ending the process at once.

    Native modules must be imported before. Without `start`, as in tests, nothing changes.
    """
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(status: int) -> NoReturn:
    """Exit; at once if the process was interrupted, or if a daemon thread still runs.

    Such a thread may be in native code, such as that which loads a model. It would crash when the
    interpreter is finalized.
    """
    import threading  # noqa: PLC0415 -- not needed by most commands

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
    if status == INTERRUPTED or any(thread.daemon for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
