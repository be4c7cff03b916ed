"""Ducking back end for the streams of PulseAudio, or of PipeWire through PulseAudio's protocol.

In: the address of a server. Out: each playback stream with the volumes of its channels in
PulseAudio's unit (cube root of the amplitude, 1 is 100 %). libpulse runs in two threads: one reads
and changes volumes, the other waits for change events of the server.

PulseAudio stores the volume of each program for its next stream. If a program ends while it is
ducked, its next stream would start ducked, so the stored volume is corrected as well. PipeWire's
stored volumes are not accessible; there the next stream is restored when it appears.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from auricle.ducking.backend import STREAMS, Look, PlayerStream, StreamKey, Volume
from auricle.ducking.backends.pulse_server import (
    CLIENT,
    PulseWorker,
    ServerWatcher,
    connect,
    errors_told,
    library,
)
from auricle.errors import SoundError

T = TypeVar("T")

GRAIN = 2 / 65536  # PipeWire uses another unit, so a level may differ by one step
MEMORY = "module-stream-restore.id"
# Streams of modules repeat other streams, which are ducked themselves. The exception is a loopback
# from another device, such as a telephone over Bluetooth.
LOOPBACK = "module-loopback"


class PulseStreams:
    """The back end for PulseAudio and PipeWire."""

    name = STREAMS
    hears_all = True
    last_resort = False

    def __init__(self, server: str | None, spared_roles: tuple[str, ...] = ()) -> None:
        """Set the server.

        Args:
            server: its address; None: libpulse's default.
            spared_roles: media roles of streams that are not ducked.
        """
        self._server = server
        self._spared_roles = frozenset(spared_roles)
        self._worker: PulseWorker | None = None
        self._pulse: Any = None  # used only by the worker thread
        self._cookie = 0
        self._listener: ServerWatcher | None = None

    async def start(self, on_change: Callable[[], None]) -> None:
        """Start both threads; call `on_change` when a stream appears, changes or ends."""
        self._worker = PulseWorker(CLIENT + " music")
        self._listener = ServerWatcher(self._server, on_change)

    async def close(self) -> None:
        """End both threads; a thread that libpulse blocks is abandoned."""
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        if self._worker is not None:
            with contextlib.suppress(SoundError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._worker.call(self._disconnect)
            self._worker.close()
            self._worker = None

    async def look(self) -> Look:
        """Return the playback streams of programs.

        Raises:
            SoundError: the server cannot be reached.
        """
        return await self._call(self._look)

    async def change(self, key: StreamKey, setting: Volume) -> Volume:
        """Set the volumes and the mute state of a stream; see `Backend.change`."""
        return await self._call(lambda: self._change(key, setting))

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Correct the volume that the server stores for a program; see `Backend.mend`."""
        return await self._call(lambda: self._mend(memory, before, after))

    async def _call(self, function: Callable[[], T]) -> T:
        if self._worker is None:
            raise SoundError("the connection to the sound server is closed; restart Auricle")
        return await self._worker.call(lambda: self._try(function))

    def _try(self, function: Callable[[], T]) -> T:
        """Call `function` with a connection; reconnect once if an existing one is broken."""
        was_connected = self._pulse is not None
        try:
            with errors_told():
                self._connect()
                return function()
        except SoundError:
            self._disconnect()
            if not was_connected:
                raise
        with errors_told():
            self._connect()
            return function()

    def _connect(self) -> None:
        if self._pulse is None:
            pulse = connect(self._server)
            try:
                self._cookie = pulse.server_info().cookie
            except BaseException:
                pulse.close()
                raise
            self._pulse = pulse

    def _disconnect(self) -> None:
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None

    def _look(self) -> Look:
        streams = [one for one in self._pulse.sink_input_list() if self._is_meant(one)]
        sounds = tuple(self._sound(stream) for stream in streams)
        return Look(sounds, frozenset(sound.key for sound in sounds))

    def _is_meant(self, stream: Any) -> bool:
        if stream.proplist.get("media.role", "").lower() in self._spared_roles:
            return False
        made_by_program = bool(stream.proplist.get("application.name")) or _has_client(stream)
        if stream.proplist.get("node.link-group"):  # a filter or a loopback of PipeWire
            return False
        return made_by_program or LOOPBACK in str(stream.driver)

    def _sound(self, stream: Any) -> PlayerStream:
        properties = stream.proplist
        names = (
            properties.get("application.name", ""),
            properties.get("application.id", ""),
            properties.get("application.process.binary", ""),
        )
        process = properties.get("application.process.id", "")
        return PlayerStream(
            key=self._key(stream.index),
            setting=_setting(stream),
            name=names[0] or stream.name or "",
            playing=not stream.corked and not stream.mute,
            grain=GRAIN,
            process=int(process) if process.isdecimal() else 0,
            aliases=frozenset(name.lower() for name in names if name),
            memory=properties.get(MEMORY, ""),
        )

    def _key(self, index: int) -> StreamKey:
        """Return a key that is unique across restarts of the server."""
        return StreamKey(STREAMS, f"{self._cookie:x}:{index}")

    def _change(self, key: StreamKey, setting: Volume) -> Volume:
        cookie, _, index = key.id.partition(":")
        if cookie != f"{self._cookie:x}":
            return setting
        try:
            stream = self._pulse.sink_input_info(int(index))
            if _setting(stream).levels != setting.levels:
                volumes = library().PulseVolumeInfo(list(setting.levels))
                self._pulse.sink_input_volume_set(stream.index, volumes)
            if bool(stream.mute) != setting.silent:
                self._pulse.sink_input_mute(stream.index, setting.silent)
            return setting  # reading it back could return a change that the user makes now
        except library().PulseOperationFailed:
            if not self._pulse.connected:
                raise
            return setting

    def _mend(self, memory: str, before: Volume, after: Volume) -> bool:
        try:
            entries = [one for one in self._pulse.stream_restore_list() if one.name == memory]
        except library().PulseOperationFailed:  # the server stores no volumes
            if not self._pulse.connected:
                raise
            return False
        mended = False
        for entry in entries:
            if before.levels != after.levels and _near(entry.volume.values, after.levels):
                entry.volume.values = list(before.levels)
                mended = True
            if before.silent != after.silent and entry.mute == after.silent:
                entry.mute = before.silent
                mended = True
        if mended:
            self._pulse.stream_restore_write(entries, mode="replace", apply_immediately=False)
        return mended


def _setting(stream: Any) -> Volume:
    return Volume(tuple(stream.volume.values), bool(stream.mute))


def _has_client(stream: Any) -> bool:
    return bool(0 <= stream.client < 0xFFFFFFFF)


def _near(some: Sequence[float], others: tuple[float, ...]) -> bool:
    if len(some) != len(others):
        return False
    return all(abs(a - b) <= GRAIN for a, b in zip(some, others, strict=True))
