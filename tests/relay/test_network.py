"""Both processes in separate networks, with a capture of every packet of the relay."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from auricle.client.client import AssistantClient
from auricle.wire.schema import decode_question
from testbed.errors import StageError
from testbed.fake_reranker import FakeReranker, least_likely
from testbed.networks import RELAY, RERANKER, Capture, Networks, ends_of, inside, joined_networks
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.replay import hear_again
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
BROKEN = Path(__file__).with_name("broken_daemon.py")

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may make networks")


@dataclass(frozen=True)
class Stage:
    """Network namespaces, with a reranker outside and a packet capture at the relay."""

    networks: Networks
    reranker: FakeReranker
    capture: Capture
    socket: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"AURICLE_RELAY_SOCKET": str(self.socket)}

    def config(self, mode: str) -> str:
        return (
            f"wake: {{models: [alexa]}}\nprivacy: {{mode: {mode}, reranker: {{url: "
            f"'{self.reranker.url}', pin: '{self.reranker.pin}', budget_ms: 2000}}}}\n"
        )

    @contextmanager
    def relay(self, config: Path) -> Iterator[subprocess.Popen[str]]:
        with inside(self.networks.relay):
            process = subprocess.Popen(
                [sys.executable, "-m", "auricle.cli.main", "relay", "--config", str(config)],
                env={**os.environ, **self.environment},
                stderr=subprocess.PIPE,
                text=True,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=patience(10))


@pytest.fixture
def testbed(tmp_path: Path) -> Iterator[Stage]:
    try:
        with joined_networks() as networks:
            reranker = FakeReranker(tmp_path, least_likely, RERANKER)
            with inside(networks.relay):
                capture = Capture("cable")
            with inside(networks.world):
                reranker.__enter__()
            try:
                yield Stage(networks, reranker, capture, tmp_path / "relay" / "lattices")
            finally:
                capture.close()
                reranker.__exit__(None, None, None)
    except StageError as error:
        pytest.skip(str(error))


@contextmanager
def daemon(testbed: Stage, bus: PrivateBus, mode: str) -> Iterator[RunningDaemon]:
    running = RunningDaemon(
        bus.address,
        testbed.config(mode),
        environment=testbed.environment,
        arguments=("--audio", str(DEMO)),
    )
    with inside(testbed.networks.daemon):
        running.__enter__()
    try:
        yield running
    finally:
        running.__exit__(None, None, None)


def test_mode_local_has_no_packet_and_no_socket(testbed: Stage, bus: PrivateBus) -> None:
    with daemon(testbed, bus, "local") as running:
        final, _ = asyncio.run(hear_again(bus.address))
        with testbed.relay(running.config) as relay:  # exits by itself
            assert relay.wait(patience(20)) == 1
        assert not testbed.socket.exists()
    assert final["reranked"] is False
    assert testbed.capture.packets() == []
    assert testbed.reranker.questions == []


def test_mode_lattice_sends_only_lattices_to_one_host(
    testbed: Stage, bus: PrivateBus
) -> None:
    async def switch() -> None:
        async with AssistantClient(bus.address) as client:
            await client.set_privacy("local")

    with daemon(testbed, bus, "lattice") as running, testbed.relay(running.config) as relay:
        assert relay.stderr is not None
        relay.stderr.readline()
        final, _ = asyncio.run(hear_again(bus.address))
        assert final["reranked"] is True
        asyncio.run(switch())
        assert relay.wait(patience(5)) == 0
        packets = testbed.capture.packets()
        again, _ = asyncio.run(hear_again(bus.address))
        assert again["reranked"] is False
    ends = {ends for ends in map(ends_of, packets) if ends is not None}
    assert ends == {(RELAY, RERANKER), (RERANKER, RELAY)}
    sent = sum(len(packet) for packet in packets if (ends_of(packet) or ("",))[0] == RELAY)
    print(f"\n{len(packets)} packets; {sent} bytes from the relay, TLS handshake included")
    assert sent < 16_000  # half a second of audio
    (question,) = map(decode_question, testbed.reranker.questions)
    assert question.words
    # After the switch, only the close of the connection and ARP.
    assert all(len(packet) < 100 for packet in testbed.capture.packets())
    assert len(testbed.reranker.questions) == 1


@pytest.mark.parametrize(
    ("sandbox", "refused"),
    [
        ("filtered", ["EAFNOSUPPORT", "EAFNOSUPPORT", "EAFNOSUPPORT"]),
        ("unfiltered", ["ENETUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]),
    ],
)
def test_a_broken_daemon_cannot_send_sound(
    testbed: Stage, tmp_path: Path, sandbox: str, refused: list[str]
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text(testbed.config("lattice"), encoding="utf-8")
    testbed.socket.parent.mkdir()
    words = [str(BROKEN), str(testbed.socket), RERANKER, str(testbed.reranker.port), sandbox]
    with inside(testbed.networks.daemon):
        broken = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    assert broken.stdout is not None
    try:
        assert json.loads(broken.stdout.readline()) == refused
        for _ in range(4):
            assert broken.stdout.readline() == "listening\n"
            with testbed.relay(config) as relay:
                assert broken.stdout.readline() == "hung up\n"
                assert relay.wait(patience(10)) == 1
                assert relay.stderr is not None
                assert re.search("auricle: (message|words.*): ", relay.stderr.read())
        assert broken.wait(patience(10)) == 0
    finally:
        broken.kill()
        broken.communicate()
    assert testbed.capture.packets() == []
    assert testbed.reranker.questions == []
