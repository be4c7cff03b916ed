"""Measure how fast music is ducked after the wake word, and how fast it is restored.

    python -m benchmarks.ducking [--rounds 50] [--streams 1] [--folder DIR]

Run it in tools/ or with tools/ and daemon/ on the path. A real mpv plays. First its stream is
ducked on a real PulseAudio, then its own volume over D-Bus only. A second connection to the server,
or to mpv, reports when the volume has changed. The time starts with the session event in the
daemon's event loop and includes saving the volumes to disk. Out: median, 90th percentile and
maximum in milliseconds. It needs the Debian packages mpv and mpv-mpris.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pulsectl

from auricle.config.schema import MusicSettings
from auricle.ducking.backend import Backend
from auricle.ducking.backends.mpris import MprisPlayers
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.ducker import Ducker
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.events import Cancelled, CancelReason, Wake
from auricle.service.assembly import policy_of
from testbed.player import Player
from testbed.private_bus import PrivateBus
from testbed.virtual_microphone import VirtualMicrophone

LIMIT_MS = 100.0  # target for ducking
START_SECONDS = 0.5  # between two checks whether all players play
PAUSE_SECONDS = 0.1
SESSION = "s1"
WAKE = Wake(session=SESSION, time=0.0, wake_word="alexa", score=1.0, start=0.0, end=0.0)
END = Cancelled(session=SESSION, time=0.0, reason=CancelReason.REQUESTED)


class Clock:
    """Records when a volume changes; `tell` may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._at = 0.0

    def tell(self) -> None:
        """Record the first change since `time` was called."""
        if not self._changed.is_set():
            self._at = time.perf_counter()
            self._changed.set()

    async def time(self, act: Callable[[], None]) -> float:
        """Call `act`; return the milliseconds until the first change."""
        self._changed.clear()
        begun = time.perf_counter()
        act()
        if not await asyncio.to_thread(self._changed.wait, 5.0):
            raise SystemExit("no volume changed within 5 s")
        return 1000 * (self._at - begun)


def wait_for_streams(server: str, number: int) -> None:
    """Wait until `number` streams have played for a moment."""
    with pulsectl.Pulse("benchmark", server=server) as pulse:
        while sum(not one.corked for one in pulse.sink_input_list()) < number:
            time.sleep(START_SECONDS)
    time.sleep(START_SECONDS)


def watch_streams(server: str, clock: Clock) -> None:
    """Report all changes of streams to the clock, in a thread."""

    def run() -> None:
        with pulsectl.Pulse("benchmark", server=server) as pulse:
            pulse.event_mask_set("sink_input")
            pulse.event_callback_set(lambda _: clock.tell())
            pulse.event_listen(raise_on_disconnect=False)  # until the server ends

    threading.Thread(target=run, daemon=True).start()


def watch_player(address: Path, clock: Clock) -> None:
    """Report all changes of mpv's own volume to the clock, in a thread.

    mpv reports them at once on its socket, and up to 0.1 s later on the bus.
    """

    def run() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(address))
            connection.sendall(b'{"command": ["observe_property", 1, "volume"]}\n')
            for line in connection.makefile("rb"):
                if b'"property-change"' in line:
                    clock.tell()

    threading.Thread(target=run, daemon=True).start()


async def measure(
    backends: Sequence[Backend], clock: Clock, rounds: int, folder: Path
) -> tuple[list[float], list[float]]:
    """Return the milliseconds until ducked and until restored, for each round."""
    record = SavedVolumes(folder / "ducked.json")
    music = Ducker(backends, policy_of(MusicSettings()), 0.0, record, print, lambda: None)
    await music.start()
    await music.settled()
    quiet, back = [], []
    for _ in range(rounds):
        quiet.append(await clock.time(lambda: music.follow(WAKE)))
        await music.settled()
        await asyncio.sleep(PAUSE_SECONDS)
        back.append(await clock.time(lambda: music.follow(END)))
        await music.settled()
        await asyncio.sleep(PAUSE_SECONDS)
    await music.close()
    return quiet, back


async def measure_all(
    server: str, bus: str, player: Path, rounds: int, folder: Path
) -> dict[str, tuple[list[float], list[float]]]:
    """Return the measurements for each kind of back end."""
    streams, players = Clock(), Clock()
    watch_streams(server, streams)
    watch_player(player, players)
    results = {}
    by_streams = (MprisPlayers(bus), PulseStreams(server))
    results["stream of PulseAudio"] = await measure(by_streams, streams, rounds, folder)
    by_players = (MprisPlayers(bus),)
    results["player on the bus"] = await measure(by_players, players, rounds, folder)
    return results


def line(name: str, what: str, times: list[float]) -> str:
    """Return a table row."""
    tenths = statistics.quantiles(times, n=10)
    late = sum(one > LIMIT_MS for one in times)
    figures = f"{statistics.median(times):7.1f} {tenths[8]:7.1f} {max(times):7.1f} {late:6d}"
    return f"{name:22} {what:6} {figures}"


def main() -> None:
    """Start the players, measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--streams", type=int, default=1, help="number of players")
    parser.add_argument("--folder", type=Path, help="folder for saved volumes (default: /tmp)")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(VirtualMicrophone(rate=44_100, channels=2))
        bus = stack.enter_context(PrivateBus())
        kept = stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder))
        address = Path(kept) / "mpv"
        for index in range(arguments.streams):
            words = (f"--input-ipc-server={address}",) if index == 0 else ()
            environment = {**server.environment, **bus.environment}
            stack.enter_context(Player(environment, arguments=words))
        pulse = server.environment["PULSE_SERVER"]
        wait_for_streams(pulse, arguments.streams)
        rounds = arguments.rounds
        results = asyncio.run(measure_all(pulse, bus.address, address, rounds, Path(kept)))
    print(f"{'milliseconds':22} {'until':6} {'median':>7} {'90th':>7} {'longest':>7} {'> 100':>6}")
    for name, (quiet, back) in results.items():
        print(line(name, "quiet", quiet))
        print(line(name, "back", back))


if __name__ == "__main__":
    main()
