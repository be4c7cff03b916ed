"""Ducking back end for players on D-Bus, through MPRIS2.

In: the names `org.mpris.MediaPlayer2.*` of a bus. Out: each player with its volume and playback
status. The bus is the one that Auricle uses: the session bus has the user's players, the system bus
has services such as shairport-sync and spotifyd.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.dbus.names import DAEMON_NAME, PROPERTIES_INTERFACE
from auricle.ducking.backend import PLAYERS, Look, PlayerStream, StreamKey, Volume
from auricle.errors import AuricleError, BusError, SoundError
from auricle.tasks import retrieve

PREFIX = "org.mpris.MediaPlayer2."
PATH = "/org/mpris/MediaPlayer2"
ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
# playerctld repeats the last used player under its own name; the players of kdeconnect are on a
# telephone.
NOT_HERE = (PREFIX + "playerctld", PREFIX + "kdeconnect.")
GRAIN = 0.01  # some players round to per cent
ANSWER_SECONDS = 0.05  # time-out; the answer of a slower player is used in a later round
CLOSE_SECONDS = 1.0
FRESH_SECONDS = 0.5  # a late answer is used for this long
MOST_PLAYERS = 32

CHANGES = (
    f"type='signal',sender='{DAEMON_NAME}',member='NameOwnerChanged',arg0namespace='{ROOT}'",
    f"type='signal',interface='{PROPERTIES_INTERFACE}',member='PropertiesChanged',path='{PATH}'",
)


@dataclass(frozen=True, slots=True)
class Player:
    """A player on the bus."""

    name: str  # such as org.mpris.MediaPlayer2.mpv
    owner: str  # unique name of its connection

    @property
    def key(self) -> StreamKey:
        """Key of its stream."""
        return StreamKey(PLAYERS, f"{self.name} {self.owner}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Properties of a player that do not change."""

    title: str
    process: int
    aliases: frozenset[str]


class Late:
    """A query that a player has not answered in time."""

    def __init__(
        self, task: asyncio.Task[PlayerStream | None], on_answer: Callable[[], None]
    ) -> None:
        """Call `on_answer` when the answer arrives."""
        self.task = task
        self._answered = 0.0

        def answered(_: asyncio.Task[PlayerStream | None]) -> None:
            self._answered = asyncio.get_running_loop().time()
            on_answer()

        task.add_done_callback(answered)

    def is_fresh(self) -> bool:
        """Return whether the answer arrived less than FRESH_SECONDS ago."""
        age = asyncio.get_running_loop().time() - self._answered
        return self.task.done() and age < FRESH_SECONDS


class MprisPlayers:
    """The back end for players on D-Bus."""

    name = PLAYERS
    hears_all = False
    last_resort = False

    def __init__(self, bus: str) -> None:
        """Set the bus: "session", "system" or a D-Bus address."""
        self._bus = bus
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._on_change: Callable[[], None] = lambda: None
        self._identities: dict[Player, Identity] = {}
        self._late: dict[Player, Late] = {}

    async def start(self, on_change: Callable[[], None]) -> None:
        """Connect; call `on_change` when a player appears, changes or disappears."""
        self._on_change = on_change
        await self._connected()

    async def close(self) -> None:
        """Disconnect."""
        tasks = [late.task for late in self._late.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._late.clear()
        if self._opening is not None:
            await asyncio.wait([self._opening], timeout=CLOSE_SECONDS)
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def look(self) -> Look:
        """Return the players.

        Raises:
            SoundError: the bus cannot be reached.
        """
        players = await self._players()
        self._identities = {
            player: identity for player, identity in self._identities.items() if player in players
        }
        sounds = await asyncio.gather(*(self._sound_in_time(player) for player in players))
        return Look(
            tuple(sound for sound in sounds if sound is not None),
            frozenset(player.key for player in players),
        )

    async def change(self, key: StreamKey, setting: Volume) -> Volume:
        """Set the volume of a player, and pause or resume it; see `Backend.change`."""
        name, _, owner = key.id.partition(" ")
        player = Player(name, owner)
        try:
            before = _setting(await self._properties(player, PLAYER))
            if setting.levels and before.levels != setting.levels:
                await self._set_volume(player, setting.levels[0])
            if before.silent != setting.silent:
                await self._call(player, PLAYER, "Pause" if setting.silent else "Play")
            return _setting(await self._properties(player, PLAYER))
        except AuricleError as error:
            if player not in await self._players():
                return setting
            raise SoundError(
                f"the player {name} does not accept commands; stop or restart it"
            ) from error

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Do nothing: MPRIS does not show the volume that a player stores."""
        return False

    async def _connected(self) -> Connection:
        """Return the connection; opening continues even if the caller is cancelled."""
        if self._opening is None or self._opening.done():
            if self._connection is not None and self._connection.connected:
                return self._connection
            self._opening = asyncio.ensure_future(self._open())
            self._opening.add_done_callback(retrieve)
        return await asyncio.shield(self._opening)

    async def _open(self) -> Connection:
        try:
            self._connection = await Connection.open(self._bus)
            self._connection.add_message_handler(self._on_message)
            for rule in CHANGES:
                await self._connection.ask_daemon("AddMatch", "s", rule)
        except BusError as error:
            raise SoundError(f"cannot look for players: {error}") from error
        return self._connection

    async def _players(self) -> list[Player]:
        connection = await self._connected()
        try:
            listed = (await connection.ask_daemon("ListNames", "")).body[0]
            names = [one for one in listed if one.startswith(PREFIX)]
            here = sorted(name for name in names if not name.startswith(NOT_HERE))
            players = []
            for name in here[:MOST_PLAYERS]:
                owner = await _owner(connection, name)
                if owner is not None:
                    players.append(Player(name, owner))
        except BusError as error:
            raise SoundError(f"cannot look for players: {error}") from error
        return players

    async def _sound_in_time(self, player: Player) -> PlayerStream | None:
        """Return the stream of a player; None if it does not answer in time, or is no player."""
        late = self._late.pop(player, None)
        if late is not None and late.is_fresh():
            return late.task.result()
        if late is None or late.task.done():
            task = asyncio.ensure_future(self._sound(player))
            done, _ = await asyncio.wait([task], timeout=ANSWER_SECONDS)
            if done:
                return task.result()
            late = Late(task, self._on_change)
        self._late[player] = late
        return None

    async def _sound(self, player: Player) -> PlayerStream | None:
        try:
            properties = await self._properties(player, PLAYER)
            identity = self._identities.get(player)
            if identity is None:
                identity = await self._identify(player)
                self._identities[player] = identity
        except AuricleError:  # it has disappeared, or is not an MPRIS player
            return None
        setting = _setting(properties)
        able = bool(properties.get("CanControl", True))
        return PlayerStream(
            key=player.key,
            setting=setting,
            name=identity.title,
            playing=properties.get("PlaybackStatus") == "Playing",
            can_level=able and bool(setting.levels),
            can_silence=able and bool(properties.get("CanPause", False)),
            grain=GRAIN,
            process=identity.process,
            aliases=identity.aliases,
        )

    async def _identify(self, player: Player) -> Identity:
        connection = await self._connected()
        reply = await connection.ask_daemon("GetConnectionUnixProcessID", "s", player.owner)
        told = await self._properties(player, ROOT)
        short = player.name.removeprefix(PREFIX).partition(".")[0]
        title = str(told.get("Identity", "")) or short
        names = (short, title, str(told.get("DesktopEntry", "")))
        aliases = frozenset(name.lower() for name in names if name)
        return Identity(title, int(reply.body[0]), aliases)

    async def _properties(self, player: Player, interface: str) -> Mapping[str, Any]:
        reply = await self._call(player, PROPERTIES_INTERFACE, "GetAll", "s", interface)
        return {name: value.value for name, value in reply.body[0].items()}

    async def _set_volume(self, player: Player, volume: float) -> None:
        body = (PLAYER, "Volume", Variant("d", volume))
        await self._call(player, PROPERTIES_INTERFACE, "Set", "ssv", *body)

    async def _call(
        self,
        player: Player,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: object,
    ) -> Message:
        connection = await self._connected()
        return await connection.ask(
            Message(
                destination=player.owner,
                path=PATH,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" or message.path == PATH:
            self._on_change()


async def _owner(connection: Connection, name: str) -> str | None:
    """Return the unique name of the owner of a bus name; None if it has no owner any more."""
    try:
        return str((await connection.ask_daemon("GetNameOwner", "s", name)).body[0])
    except BusError:
        raise
    except AuricleError:
        return None


def _setting(properties: Mapping[str, Any]) -> Volume:
    volume = properties.get("Volume")
    levels = (float(volume),) if isinstance(volume, int | float) else ()
    return Volume(levels, properties.get("PlaybackStatus") == "Paused")
