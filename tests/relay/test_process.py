"""The relay between a daemon and a reranker: who may connect, and when it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.config.schema import RerankerSettings
from auricle.errors import RefusedError, RelayError
from auricle.privacy.relay_server import RelayServer
from auricle.relay.answers import AnswerFault
from auricle.relay.process import serve
from auricle.user_names import user_name
from auricle.wire.schema import Answer, Question, encode_question
from auricle.wire.sockets import check_peer, connect, listen
from testbed.fake_reranker import FakeReranker, Reply, in_order
from testbed.patience import patience

OWN = {os.getuid()}


class Stage:
    """A relay server and a relay that connects to it."""

    def __init__(self, server: FakeReranker, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self.desk = RelayServer(path, OWN, self.told.append)
        budget_ms = round(patience(2000))
        self.settings = RerankerSettings(url=server.url, pin=server.pin, budget_ms=budget_ms)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[asyncio.Task[None]]:
        self.desk.open()
        relay = asyncio.ensure_future(serve(self.settings, self.path, OWN, self.told.append))
        await until(lambda: self.desk.connected)
        try:
            yield relay
        finally:
            await self.desk.close()
            await asyncio.wait([relay])

    async def ask(self, question: Question) -> Answer | None:
        return await self.desk.ask(question.session, encode_question(question))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(patience(5)):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def testbed(server: FakeReranker, tmp_path: Path) -> Stage:
    return Stage(server, tmp_path / "relay" / "lattices")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that any user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="auricle-relay-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.asyncio
async def test_a_question_goes_out_and_its_answer_comes_back(
    testbed: Stage, question: Question
) -> None:
    async with testbed.relaying() as relay:
        answer = await testbed.ask(question)
        assert answer is not None
        assert answer.readings[0].text == "cool contact-a"
    assert relay.result() is None  # exit without error
    assert not testbed.path.exists()


@pytest.mark.asyncio
async def test_closing_drops_questions_in_flight(
    testbed: Stage, question: Question, server: FakeReranker
) -> None:
    server.answer = lambda _: Reply(b"{}", seconds=30)
    async with testbed.relaying() as relay:
        asking = asyncio.ensure_future(testbed.ask(question))
        await until(lambda: len(server.questions) == 1)
        await testbed.desk.close()
        assert await asking is None
        await asyncio.wait_for(relay, patience(1))
        assert await testbed.ask(question) is None


@pytest.mark.asyncio
async def test_question_in_the_socket_at_closing_is_not_sent(
    testbed: Stage, question: Question, server: FakeReranker
) -> None:
    async with testbed.relaying() as relay:
        asking = asyncio.ensure_future(testbed.ask(question))
        await asyncio.sleep(0)  # in the socket, not yet read by the relay
        await testbed.desk.close()
        assert await asking is None
        await asyncio.wait_for(relay, patience(1))
    assert server.questions == []


@pytest.mark.asyncio
async def test_new_question_replaces_the_previous_one(
    testbed: Stage, question: Question, server: FakeReranker
) -> None:
    honest = server.answer
    server.answer = lambda _: Reply(b"{}", seconds=30)
    async with testbed.relaying():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(testbed.ask(question), 0.3)
        server.answer = honest
        answer = await asyncio.wait_for(testbed.ask(replace(question, session=8)), patience(5))
        assert answer is not None
        assert answer.session == 8


@pytest.mark.asyncio
@pytest.mark.parametrize("data", [b"\0" * 3200, b'{"audio":"AAAA"}', b"x" * 10_000])
async def test_a_daemon_that_sends_no_lattice_ends_the_relay(
    testbed: Stage, server: FakeReranker, data: bytes
) -> None:
    async with testbed.relaying() as relay:
        assert await testbed.desk.ask(7, data) is None
        with pytest.raises(RefusedError, match="message: "):
            await relay
    assert server.questions == []


@pytest.mark.asyncio
async def test_no_answer_ends_the_relay(
    testbed: Stage, question: Question, server: FakeReranker
) -> None:
    async with testbed.relaying() as relay:
        for text in ("cool contact-a ", "cool\u2003contact-a"):
            server.answer = lambda content, text=text: in_order(content, text)  # type: ignore[misc]
            answer = await testbed.ask(question)
            assert answer is not None
            assert [reading.text for reading in answer.readings] == ["cool contact-a"]
        server.answer = lambda content: in_order(content, "secret words")
        answer = await testbed.ask(question)
        assert answer == Answer(question.session, (), AnswerFault.FOREIGN)
        assert not relay.done()
    assert testbed.told[1:] == ["the reranker: not-in-the-lattice (1 since the start)"]
    assert "secret" not in str(testbed.told)


@pytest.mark.asyncio
async def test_a_failing_http_client_does_not_end_the_relay(
    testbed: Stage, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> Answer:
        raise KeyError("cool contact-a")

    monkeypatch.setattr("auricle.relay.reranker_client.Reranker.ask", fail)
    async with testbed.relaying() as relay:
        for _ in range(2):
            answer = await testbed.ask(question)
            assert answer == Answer(question.session, (), AnswerFault.UNREACHABLE)
        assert not relay.done()
    assert "the HTTP client failed: KeyError at relay/test_process.py:" in testbed.told[1]
    assert "the reranker: unreachable (2 since the start)" in testbed.told
    assert "contact-a" not in str(testbed.told)


@pytest.mark.asyncio
async def test_questions_above_the_rate_limit_are_not_sent(
    testbed: Stage, question: Question, server: FakeReranker
) -> None:
    async with testbed.relaying():
        for _ in range(3):
            assert await testbed.ask(question) is not None
        assert await testbed.ask(question) == Answer(question.session, (), AnswerFault.RATE)
    assert len(server.questions) == 3


@pytest.mark.asyncio
async def test_relay_that_sends_an_invalid_answer_is_disconnected(testbed: Stage) -> None:
    testbed.desk.open()
    with connect(testbed.path) as connection:
        await until(lambda: testbed.desk.connected)
        connection.send(b"rm -rf /")
        await until(lambda: bool(testbed.told))
    await testbed.desk.close()
    assert testbed.told == ["the relay was disconnected: message: must be JSON in ASCII"]


@pytest.mark.asyncio
async def test_other_users_can_impersonate_neither_relay_nor_daemon(
    testbed: Stage, tmp_path: Path
) -> None:
    stranger = os.getuid() + 1
    told: list[str] = []
    desk = RelayServer(testbed.path, {stranger}, told.append)
    desk.open()
    with connect(testbed.path) as connection:
        with pytest.raises(RefusedError, match=f"of user {user_name(os.getuid())} may not connect"):
            check_peer(connection, {stranger})
        await until(lambda: bool(told))
        assert not desk.connected
    await desk.close()
    assert "peer: process" in told[0]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may take another user's place")
def test_kernel_reports_the_user_of_the_peer(open_folder: Path) -> None:
    path = open_folder / "lattices"
    with listen(path) as listener:
        path.chmod(0o666)
        script = (
            "import os, socket, sys; os.setuid(54321);"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]);"
            "sys.stdin.read()"
        )
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE)
        try:
            listener.settimeout(patience(10))
            connection, _ = listener.accept()
            with connection:
                check_peer(connection, {54321})
                with pytest.raises(RefusedError, match="of user 54321 may not connect"):
                    check_peer(connection, {0})
        finally:
            process.communicate()


NAMESPACE = """
import socket, sys
from auricle.errors import RefusedError
from auricle.wire.sockets import check_peer
listener = socket.socket(fileno=int(sys.argv[1]))
connection, _ = listener.accept()
for user in (54321, 0):
    try:
        check_peer(connection, {user})
        print("in")
    except RefusedError:
        print("out")
"""


# Like ProcSubset=pid in the relay's unit: /proc shows only processes.
PROCESSES_ALONE = ("sh", "-c", 'mount -t proc -o subset=pid proc /proc && exec "$@"', "sh")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may take another user's place")
@pytest.mark.parametrize("inner", [(), PROCESSES_ALONE], ids=["proc", "processes alone"])
def test_only_our_own_user_is_visible_in_a_user_namespace(
    open_folder: Path, inner: tuple[str, ...]
) -> None:
    """Test user ids under PrivateUsers=yes."""
    path = open_folder / "lattices"
    with listen(path) as listener:
        path.chmod(0o666)
        listener.setblocking(True)
        os.set_inheritable(listener.fileno(), True)
        namespace = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", *inner]
            + [sys.executable, "-c", NAMESPACE, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        script = (
            "import os, socket, sys; os.setuid(54321);"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]);"
            "sys.stdin.read()"
        )
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE):
            told, error = namespace.communicate(timeout=patience(20))
    if "unshare failed" in error:
        pytest.skip(error)
    assert told.split() == ["in", "out"], error


def test_relay_without_a_daemon_reports_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RelayError, match=r"no daemon listens there .*`auricle privacy lattice`"):
        connect(tmp_path / "lattices")


def test_socket_keeps_message_boundaries_and_admits_only_its_group(tmp_path: Path) -> None:
    path = tmp_path / "relay" / "lattices"
    with listen(path) as listener:
        assert listener.type == socket.SOCK_SEQPACKET
        assert path.stat().st_mode & 0o777 == 0o660
        assert path.parent.stat().st_mode & 0o777 == 0o700
    with listen(path):  # replaces a stale socket
        pass


def test_the_daemon_imports_no_http() -> None:
    script = (
        "import sys, auricle.service; print([name for name in sys.modules if name.split('.')[0]"
        " in ('httpx', 'h2', 'httpcore', 'requests', 'urllib3')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.split() == [b"[]"]
