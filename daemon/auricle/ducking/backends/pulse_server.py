"""Connections to PulseAudio or PipeWire through libpulse, and the two threads that use them.

In: the address of a server. Out: connections for one thread each; every failure is a SoundError.
pulsectl calls libpulse through ctypes. Since libffi 3.4, ctypes callbacks need no memory that is
both writable and executable, which the systemd units forbid; cffi's bundled libffi does need it.
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
from auricle.tasks import retrieve

CLIENT = "Auricle"
FIRST_WAIT_SECONDS = 1.0  # between two attempts to connect; doubles each time
LONGEST_WAIT_SECONDS = 30.0
STOP_SECONDS = 0.02  # between two attempts to stop the watcher thread
MOST_STOPS = 50

T = TypeVar("T")


def library() -> Any:
    """Return the pulsectl module.

    Raises:
        SoundError: pulsectl or libpulse is not installed.
    """
    try:
        return importlib.import_module("pulsectl")
    except (ImportError, OSError) as error:
        raise SoundError("libpulse is not installed; install libpulse0") from error


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """Turn the errors of libpulse into SoundError."""
    pulsectl = library()
    try:
        yield
    except (pulsectl.PulseError, pulsectl.PulseDisconnected) as error:
        raise SoundError(
            "PulseAudio or PipeWire cannot be reached; start it, or set its address in "
            "music.pulse_server"
        ) from error
    except MemoryError as error:  # raised by ctypes when it creates a callback
        raise SoundError(
            "the libffi of this Python needs memory that is both writable and executable; use the "
            "Python of the system"
        ) from error


def connect(server: str | None) -> Any:
    """Return a new connection to the server; None: libpulse's default server."""
    pulse = library().Pulse(CLIENT, server=server, connect=False)
    try:
        pulse.connect(autospawn=False)
    except BaseException:
        pulse.close()
        raise
    return pulse


class ServerWatcher:
    """A thread that reports changes of streams, and reconnects when the server restarts."""

    def __init__(self, server: str | None, on_change: Callable[[], None]) -> None:
        """Start the thread; `on_change` is called on the running event loop."""
        self._server = server
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pulse: Any = None  # set while the thread waits for events
        self._thread = threading.Thread(target=self._run, name=f"{CLIENT} streams", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the thread; if libpulse blocks it, it is abandoned."""
        self._ended.set()
        for _ in range(MOST_STOPS):
            if not self._thread.is_alive():
                return
            with self._lock:
                if self._pulse is not None:
                    self._pulse.event_listen_stop()  # has no effect if it comes too early: repeat
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
            self._tell()  # streams may have changed while there was no connection
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
    """A thread for calls that may block forever, such as libpulse calls to a stopped server.

    Call `close` at the end. The thread is a daemon thread: it does not keep the process alive,
    however long a call blocks.
    """

    def __init__(self, name: str) -> None:
        """Start the thread; `name` is its name in error messages."""
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stuck: asyncio.Future[Any] | None = None  # cancelled by the caller, still running
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], T]) -> T:
        """Call `function` in the thread; return its result or raise its exception.

        Raises:
            SoundError: a cancelled call still blocks the thread.
        """
        if self._stuck is not None and not self._stuck.done():
            raise SoundError(f"{self._name} does not answer; restart the sound server")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = function()
            except BaseException as error:  # the caller must get every exception
                _post(loop, future, None, error)
            else:
                _post(loop, future, result, None)

        self._calls.put(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._stuck = future
            future.add_done_callback(retrieve)
            raise

    def close(self) -> None:
        """End the thread after the queued calls."""
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
    except RuntimeError:  # the event loop has ended
        return
