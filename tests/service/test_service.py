"""The real daemon: a process with a bus, a sound server, models and systemd's notify socket."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from auricle.cli.main import main
from auricle.client.client import AssistantClient, Event
from auricle.errors import DeviceError, NotRunningError
from auricle.lattice.formats import from_json
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.process_cost import process_cost
from testbed.recordings import Recording
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

ENDS = {"final", "cancelled", "error"}
DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
SECONDS = 20.0
LISTENER = """
import asyncio, sys
from auricle.client.client import AssistantClient

async def main():
    async with AssistantClient(sys.argv[1]) as client:
        print(await client.listen(no_speech_seconds=50), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@dataclass
class Stage:
    """A daemon with a virtual microphone."""

    bus: PrivateBus
    microphone: VirtualMicrophone
    daemon: RunningDaemon

    def client(self) -> AssistantClient:
        return AssistantClient(self.bus.address)


@pytest.fixture(scope="module")
def testbed() -> Iterator[Stage]:
    config = "log: {level: debug}\nwake: {models: [alexa]}\n"
    with (
        PrivateBus() as bus,
        VirtualMicrophone() as microphone,
        RunningDaemon(
            bus.address, config, environment=microphone.environment, watchdog_seconds=10.0
        ) as daemon,
    ):
        yield Stage(bus, microphone, daemon)


async def events_until(client: AssistantClient, is_last: Callable[[Event], bool]) -> list[Event]:
    """Return the events up to the first for which `is_last` holds; without levels."""
    seen = []
    async with asyncio.timeout(patience(SECONDS)):
        async for event in client.events():
            if event[0] != "level":
                seen.append(event)
            if is_last(event):
                break
    return seen


def is_end(event: Event) -> bool:
    return event[0] in ENDS


def has_state(state: str) -> Callable[[Event], bool]:
    return lambda event: event[0] == "state" and event[1].get("State") == state


def log_grows(testbed: Stage, entry: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def grows() -> bool:
        return testbed.daemon.read_log().count(entry) > count

    return grows


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(patience(SECONDS)):
        while not await condition():
            await asyncio.sleep(0.02)


def words_of(events: list[Event]) -> set[str]:
    """Return the words of all readings sent to clients that are long enough to search for."""
    texts = [str(fields["text"]) for name, fields in events if "text" in fields]
    return {word for text in texts for word in text.split() if len(word) > 3}


@pytest.mark.asyncio
async def test_command_reaches_a_client_but_not_the_log(testbed: Stage) -> None:
    async with testbed.client() as client:
        await client.subscribe()
        player = testbed.microphone.start_speaking(DEMO)
        events = await events_until(client, is_end)
        player.wait()
        session = str(events[-1][1]["session"])
        lattice = from_json(await client.lattice(session))
        nbest = await client.nbest(session, 5)
    told = [(name, fields) for name, fields in events if "session" in fields]
    names = [name for name, _ in told]
    assert names[0] == "wake"
    assert told[0][1]["wake_word"] == "alexa"
    assert "partial" in names
    assert names[-1] == "final"
    assert len(ENDS.intersection(names)) == 1
    times = [float(str(fields["time"])) for _, fields in told]
    assert times == sorted(times)
    assert nbest[0][0] == told[-1][1]["text"]
    assert lattice.best_path().text == nbest[0][0]

    log = testbed.daemon.read_log()
    assert f"final [{session}]" in log
    assert f"partial [{session}]" in log  # even at the level debug
    said = words_of(told)
    assert said
    assert not [word for word in said if word in log]


@pytest.mark.asyncio
async def test_client_starts_a_session_without_a_wake_word(
    testbed: Stage, recordings: dict[str, Recording]
) -> None:
    async with testbed.client() as client:
        session = await client.listen()
        player = testbed.microphone.start_speaking(recordings["must_sleep"].path)
        events = await events_until(client, is_end)
        player.wait()
        assert {fields["session"] for _, fields in events if "session" in fields} == {session}
        assert events[-1][0] == "final"


@pytest.mark.asyncio
async def test_the_watchdog_is_fed_while_idle_and_while_muted(testbed: Stage) -> None:
    testbed.daemon.drain()
    assert testbed.daemon.wait_for("WATCHDOG")
    async with testbed.client() as client:
        await client.set_muted(True)
        testbed.daemon.drain()
        assert testbed.daemon.wait_for("WATCHDOG")
        await client.set_muted(False)


@pytest.mark.asyncio
async def test_muted_daemon_has_closed_the_microphone(testbed: Stage) -> None:
    def recorders() -> str:
        command = ["pactl", "list", "short", "source-outputs"]
        environment = {**os.environ, **testbed.microphone.environment}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert recorders()
    async with testbed.client() as client:
        session = await client.listen(no_speech_seconds=50)
        testbed.daemon.drain()
        await client.set_muted(True)
        assert not recorders()
        name, fields = (await events_until(client, is_end))[-1]
        assert (name, fields["session"], fields["reason"]) == ("cancelled", session, "muted")
        assert (await client.status())["State"] == "muted"
        assert "Muted" in [message.get("STATUS") for message in testbed.daemon.drain()]
        await client.set_muted(False)
        assert recorders()
        assert (await client.status())["State"] == "idle"


@pytest.mark.asyncio
async def test_the_session_of_a_client_that_vanishes_ends(testbed: Stage) -> None:
    listener = subprocess.Popen(
        [sys.executable, "-c", LISTENER, testbed.bus.address], stdout=subprocess.PIPE, text=True
    )
    assert listener.stdout is not None
    session = listener.stdout.readline().strip()
    listener.kill()
    listener.communicate()
    async with testbed.client() as client:

        async def is_idle() -> bool:
            return (await client.status())["State"] == "idle"

        await until(is_idle)
    assert f"cancelled [{session}]: no result: owner-left" in testbed.daemon.read_log()


@pytest.mark.asyncio
async def test_levels_go_to_a_monitor_ten_times_a_second(testbed: Stage) -> None:
    async with testbed.client() as client:
        await client.start_monitor()
        times = []
        async with asyncio.timeout(patience(SECONDS)):
            async for name, fields in client.events():
                if name == "level":
                    times.append(float(str(fields["time"])))
                if len(times) == 5:
                    break
    tenths = np.diff(times) / 0.1  # a busy client may miss a level
    assert np.all(tenths > 0.99)
    assert tenths == pytest.approx(np.round(tenths))


@pytest.mark.asyncio
async def test_valid_configuration_is_applied_after_the_session(testbed: Stage) -> None:
    async with testbed.client() as client:
        session = await client.listen(no_speech_seconds=50)
        testbed.daemon.drain()
        text = "log: {level: debug}\nwake: {models: [alexa, okay_nabu]}\n"
        testbed.daemon.config.write_text(text)
        testbed.daemon.signal(signal.SIGHUP)
        assert testbed.daemon.wait_for("RELOADING")["MONOTONIC_USEC"].isdigit()
        assert testbed.daemon.wait_for("READY")
        assert (await client.status())["WakeWords"] == ["alexa"]
        await client.cancel(session)
        await events_until(client, lambda event: "WakeWords" in event[1])
        assert (await client.status())["WakeWords"] == ["alexa", "okay_nabu"]
        assert await client.listen() != session


@pytest.mark.asyncio
async def test_a_reload_frees_the_models_before_it(testbed: Stage) -> None:
    before = testbed.daemon.config.read_text()
    resident = process_cost(testbed.daemon.pid).rss
    for beam in (3, 4, 5):
        reloads = testbed.daemon.read_log().count(" reloaded: ")
        testbed.daemon.config.write_text(f"{before}recognizer: {{beam: {beam}}}\n")
        testbed.daemon.signal(signal.SIGHUP)
        await until(log_grows(testbed, " reloaded: ", reloads))
    testbed.daemon.config.write_text(before)
    assert process_cost(testbed.daemon.pid).rss < resident + 120  # the models take 180 MB


@pytest.mark.asyncio
async def test_the_level_of_the_configuration_is_shown_and_changes_what_is_computed(
    testbed: Stage, recordings: dict[str, Recording]
) -> None:
    before = testbed.daemon.drop_in.read_text()
    heard = []
    async with testbed.client() as client:
        # With auto, the level starts at the current one and rises only after a calm period.
        for choice, level in (("full", "full"), ("minimal", "minimal"), ("auto", "minimal")):
            reloads = testbed.daemon.read_log().count(" reloaded: ")
            testbed.daemon.drop_in.write_text(f"arbiter: {{level: {choice}, threads: 2}}\n")
            testbed.daemon.signal(signal.SIGHUP)
            await until(log_grows(testbed, " reloaded: ", reloads))
            assert (await client.arbiter())["Level"] == level
            session = await client.listen()
            with testbed.microphone.start_speaking(recordings["must_sleep"].path):
                await events_until(client, is_end)
                heard.append(from_json(await client.lattice(session)))
    assert "the compute level is minimal from the next session on" in testbed.daemon.read_log()
    testbed.daemon.drop_in.write_text(before)
    # At the lowest level, lattices come from the first pass only.
    full, minimal, automatic = (len({arc.graph for arc in one.arcs}) for one in heard)
    assert max(minimal, automatic) < full


@pytest.mark.asyncio
async def test_reload_switches_the_microphone(testbed: Stage) -> None:
    before = testbed.daemon.config.read_text()
    async with testbed.client() as client:
        testbed.daemon.config.write_text(before + "audio: {device: no such microphone}\n")
        testbed.daemon.signal(signal.SIGHUP)
        await events_until(client, has_state("unavailable"))
        testbed.daemon.config.write_text(before)
        testbed.daemon.signal(signal.SIGHUP)
        await events_until(client, has_state("idle"))
    assert "no microphone is called 'no such microphone'" in testbed.daemon.read_log()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("wake: {models: [hey_jarvis], sensitivity: 3}\n", "auricle.yaml:1: wake.sensitivity: "),
        ("bus: {kind: session}\n", "bus.kind: session: cannot change from system while Auricle"),
        ("log:\n  level: !!int\n", "log.level: !!int: must be written without the tag !!int"),
        ("log: {level: !!float ''}\n", "must be written without the tag !!float"),
        ("[" * 3000, "must not be nested deeper than 20 levels"),
        ("wake: {models: [no_such_word]}\n", "wake.models[0]: no_such_word: no model no_such_wo"),
    ],
)
@pytest.mark.asyncio
async def test_invalid_configuration_leaves_the_old_one_active(
    testbed: Stage, content: str, complaint: str
) -> None:
    before = testbed.daemon.config.read_text()
    async with testbed.client() as client:
        words = (await client.status())["WakeWords"]
        testbed.daemon.drain()
        testbed.daemon.config.write_text(content)
        testbed.daemon.signal(signal.SIGHUP)
        testbed.daemon.wait_for("RELOADING")
        testbed.daemon.wait_for("READY")
        assert (await client.status())["WakeWords"] == words
    testbed.daemon.config.write_text(before)
    assert complaint in testbed.daemon.read_log().rpartition("the old one stays")[2]


def test_a_second_daemon_on_the_bus_is_refused(
    testbed: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    config = str(testbed.daemon.config)
    words = ["run", "--config", config, "--bus", testbed.bus.address, "--audio", str(DEMO)]
    assert main(words) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    owner = testbed.daemon.pid
    assert last.startswith(f"auricle: org.auricle.Assistant1 belongs to process {owner}")


@pytest.mark.asyncio
async def test_unplugged_microphone_ends_the_session_and_is_reopened(
    testbed: Stage,
) -> None:
    async with testbed.client() as client:
        await client.listen(no_speech_seconds=50)
        testbed.microphone.unplug()
        events = await events_until(client, has_state("unavailable"))
        ends = [fields for name, fields in events if name in ENDS]
        assert [end["reason"] for end in ends] == ["audio-ended"]
        with pytest.raises(DeviceError, match="there is no microphone: audio.device: "):
            await client.listen()
        testbed.daemon.drain()
        assert testbed.daemon.wait_for("WATCHDOG")  # a missing microphone does not cause a restart
        testbed.microphone.plug_in()
        await events_until(client, has_state("idle"))
        assert await client.listen(no_speech_seconds=50)
    log = testbed.daemon.read_log()
    assert "warning microphone-lost: " in log
    assert "microphone-found: " in log.rpartition("microphone-lost: ")[2]


@pytest.mark.asyncio
async def test_daemon_waits_for_a_hanging_sound_server(testbed: Stage) -> None:
    async with testbed.client() as client:
        os.kill(testbed.microphone.pid, signal.SIGSTOP)
        try:
            await events_until(client, has_state("unavailable"))
            testbed.daemon.drain()
            for _ in range(3):  # longer than the watchdog waits for a stuck thread
                testbed.daemon.wait_for("WATCHDOG")
        finally:
            os.kill(testbed.microphone.pid, signal.SIGCONT)
        await events_until(client, has_state("idle"))


@pytest.mark.asyncio
async def test_sigterm_cancels_the_session_and_exits_cleanly(testbed: Stage) -> None:
    async with testbed.client() as client:
        await client.listen(no_speech_seconds=50)
        testbed.daemon.drain()
        testbed.daemon.signal(signal.SIGTERM)
        end = (await events_until(client, is_end))[-1]
        assert (end[0], end[1]["reason"]) == ("cancelled", "shutdown")
        with pytest.raises(NotRunningError, match="has stopped"):
            await events_until(client, lambda _: False)
    assert testbed.daemon.wait_for("STOPPING")
    assert testbed.daemon.wait() == 0


@pytest.mark.asyncio
async def test_daemon_without_a_microphone_is_ready_and_waits_for_one(
    bus: PrivateBus,
) -> None:
    with VirtualMicrophone() as microphone:
        environment = microphone.environment
        microphone.unplug()
        with RunningDaemon(
            bus.address, "wake: {enabled: false}\n", environment=environment
        ) as daemon:
            async with AssistantClient(bus.address) as client:
                assert (await client.status())["State"] == "unavailable"
                microphone.plug_in()
                await events_until(client, has_state("idle"))
                assert daemon.wait_for("STATUS")["STATUS"] == "Waiting for a client"


@pytest.mark.asyncio
async def test_a_recording_is_played_in_place_of_the_microphone(
    bus: PrivateBus, recordings: dict[str, Recording]
) -> None:
    config = "log: {transcripts: true}\nwake: {enabled: false}\n"
    arguments = ("--audio", str(recordings["must_sleep"].path))
    with RunningDaemon(bus.address, config, arguments=arguments) as daemon:
        await asyncio.sleep(recordings["must_sleep"].seconds)  # no client listens yet
        texts = []
        for _ in range(2):
            async with AssistantClient(bus.address) as client:
                await client.listen()
                events = await events_until(client, is_end)
                assert (events[-1][0], events[-1][1]["reason"]) == ("final", "silence")
                texts.append(events[-1][1]["text"])
                assert (await client.status())["State"] == "idle"
        assert texts[0] == texts[1]
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == 0
        text = str(events[-1][1]["text"])
        assert f"{text!r}" in daemon.read_log()  # logged because of the configuration
