"""Connections to PulseAudio, or to PipeWire, by libpulse: to ask, and to be told of changes.

In: the address of a server. Out: connections, for one thread each, and SoundError for all that goes
wrong. pulsectl calls libpulse through ctypes. Its callbacks need no memory that can be written and
run, which the units deny, since libffi 3.4; cffi's own libffi would.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from auricle.errors import SoundError

CLIENT = "Auricle"
FIRST_WAIT_SECONDS = 1.0  # between two tries to reach a server that is not there
LONGEST_WAIT_SECONDS = 30.0
STOP_SECONDS = 0.02  # between two tries to end the thread that waits
MOST_STOPS = 50

T = TypeVar("T")


def library() -> Any:
    """Return pulsectl; raises SoundError where it or libpulse is not there."""
    try:
        return importlib.import_module("pulsectl")
    except (ImportError, OSError) as error:
        raise SoundError("libpulse is not there; install libpulse0") from error


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """Raise SoundError for all that goes wrong between us and a server."""
    pulsectl = library()
    try:
        yield
    except (pulsectl.PulseError, pulsectl.PulseDisconnected) as error:
        raise SoundError(
            "PulseAudio or PipeWire cannot be reached; start it, or tell music.pulse_server where "
            "it is"
        ) from error
    except MemoryError as error:  # from ctypes, for a callback
        raise SoundError(
            "this Python's libffi needs memory that is written and run; use the system's Python"
        ) from error


def connect(server: str | None) -> Any:
    """Return a new connection to the server; None: to that which libpulse finds."""
    pulse = library().Pulse(CLIENT, server=server, connect=False)
    try:
        pulse.connect(autospawn=False)
    except BaseException:
        pulse.close()
        raise
    return pulse


class ServerWatcher:
    """A thread that tells of changes, and finds a server that comes back."""

    def __init__(self, server: str | None, on_change: Callable[[], None]) -> None:
        """Start it; `on_change` is called on the event loop that runs now."""
        self._server = server
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pulse: Any = None  # while it may be told to stop
        self._thread = threading.Thread(target=self._run, name=f"{CLIENT} streams", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End it; a thread that libpulse does not let go of is left behind."""
        self._ended.set()
        for _ in range(MOST_STOPS):
            if not self._thread.is_alive():
                return
            with self._lock:
                if self._pulse is not None:
                    self._pulse.event_listen_stop()  # may come too early, so once is not enough
            await asyncio.sleep(STOP_SECONDS)

    def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while not self._ended.is_set():
            with contextlib.suppress(SoundError), errors_told():
                self._listen()
                wait = FIRST_WAIT_SECONDS
            self._ended.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _listen(self) -> None:
        pulse = connect(self._server)
        try:
            pulse.event_mask_set("sink_input")
            pulse.event_callback_set(lambda _: self._tell())
            with self._lock:
                self._pulse = pulse
            self._tell()  # it may be a server that has come back
            while not self._ended.is_set():
                pulse.event_listen()
        finally:
            with self._lock:
                self._pulse = None
            pulse.close()

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._on_change)


class PulseWorker:
    """Use `call`; at the end `close`."""

    def __init__(self, name: str) -> None:
        """Start the thread; `name` says what it is for."""
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stuck: asyncio.Future[Any] | None = None  # was given up, and is not over
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns in the thread, or raise what it raises.

        Raises:
            SoundError: an earlier call is not over that was given up.
        """
        if self._stuck is not None and not self._stuck.done():
            raise SoundError(f"{self._name} does not answer; restart the sound server")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = function()
            except BaseException as error:  # whatever it is, the caller must not wait in vain
                _post(loop, future, None, error)
            else:
                _post(loop, future, result, None)

        self._calls.put(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._stuck = future
            future.add_done_callback(_retrieve)
            raise

    def close(self) -> None:
        """Let the thread end after the calls that wait."""
        self._calls.put(None)

    def _run(self) -> None:
        while (work := self._calls.get()) is not None:
            work()


def _post(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: object,
    error: BaseException | None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, and nobody waits any more
        return


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Take note of the outcome, so that asyncio does not complain that nobody did."""
    if not future.cancelled():
        future.exception()
