"""The privacy guard: switching the mode, and reranking final results."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.config.schema import PrivacySettings, RerankerSettings
from auricle.context.entries import Context, Entry
from auricle.errors import StorageError
from auricle.events import EndReason, Final
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import result_of
from auricle.privacy import mode as mode_module
from auricle.privacy.guard import Guard, Places
from auricle.privacy.mode import ModeFile, PrivacyMode, Switch
from auricle.relay.process import serve
from testbed.fake_reranker import FakeReranker, Reply, in_order
from testbed.patience import patience

LATTICE = Lattice(
    3,
    (
        Arc(0, 1, "cool", -1.0, 0.0, 1.0, 1.2),
        Arc(0, 1, "call", -2.0, 0.0, 1.0, 1.2),
        Arc(1, 2, "zoe", -1.0, 0.0, 1.2, 1.6),
    ),
)
FINAL = Final(session="a_1", time=2.0, result=result_of(LATTICE, 5), reason=EndReason.SILENCE)


class Stage:
    """A guard, a relay and a reranker."""

    def __init__(self, server: FakeReranker, folder: Path) -> None:
        reranker = RerankerSettings(url=server.url, pin=server.pin, budget_ms=2000)
        self.settings = PrivacySettings(mode="lattice", reranker=reranker)
        self.folder = folder
        self.told: list[str] = []
        self.changes = 0
        self.wiped = 0

    @property
    def socket(self) -> Path:
        return self.folder / "relay" / "lattices"

    async def guard(self, settings: PrivacySettings | None = None) -> Guard:
        guard = Guard(
            settings or self.settings,
            Places(self.folder / "privacy", self.socket, {os.getuid()}),
            "en",
            self._changed,
            self.told.append,
            self._wipe,
        )
        await guard.set_context(Context((Entry("contacts", "Zoë"),)))
        await guard.load()
        return guard

    @asynccontextmanager
    async def relayed(self, settings: PrivacySettings | None = None) -> AsyncIterator[Guard]:
        guard = await self.guard(settings)
        reranker = (settings or self.settings).reranker
        assert reranker is not None
        relay = asyncio.ensure_future(serve(reranker, self.socket, {os.getuid()}, print))
        await until(lambda: guard.asks)
        try:
            yield guard
        finally:
            await guard.close()
            await asyncio.wait([relay])

    def _changed(self) -> None:
        self.changes += 1

    async def _wipe(self) -> None:
        self.wiped += 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(patience(5)):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeReranker]:
    with FakeReranker(
        tmp_path, lambda question: in_order(question, "call contact-a", "cool contact-a")
    ) as server:
        yield server


@pytest.fixture
def testbed(server: FakeReranker, tmp_path: Path) -> Stage:
    return Stage(server, tmp_path)


@pytest.mark.asyncio
async def test_result_is_reranked_and_recorded(testbed: Stage, server: FakeReranker) -> None:
    async with testbed.relayed() as guard:
        final = await guard.improve(FINAL)
        told = await guard.read_audit_log()
    assert (final.result.text, final.reranked) == ("call zoe", True)
    assert final.time > FINAL.time
    (line,) = map(json.loads, told.lines)
    assert (line["bytes"], told.fault) == (len(server.questions[0]), "")
    assert line["host"] == testbed.settings.reranker.host
    assert b"zoe" not in server.questions[0]


@pytest.mark.asyncio
async def test_mode_local_has_no_socket_and_sends_and_records_nothing(
    testbed: Stage, server: FakeReranker
) -> None:
    guard = await testbed.guard(replace(testbed.settings, mode="local"))
    assert not guard.asks
    assert await guard.improve(FINAL) is FINAL
    assert not testbed.socket.exists()
    assert (await guard.read_audit_log()).lines == ()
    assert server.questions == []
    await guard.close()


@pytest.mark.asyncio
async def test_without_a_reranker_there_is_no_socket_in_either_mode(testbed: Stage) -> None:
    guard = await testbed.guard(PrivacySettings(mode="lattice"))
    assert (guard.mode, guard.host, guard.asks) == (PrivacyMode.LATTICE, "", False)
    assert not testbed.socket.exists()
    await guard.close()


@pytest.mark.asyncio
async def test_switching_to_local_drops_a_waiting_result_at_once(
    testbed: Stage, server: FakeReranker
) -> None:
    server.answer = lambda _: Reply(b"{}", seconds=30)
    async with testbed.relayed() as guard:
        improving = asyncio.ensure_future(guard.improve(FINAL))
        await until(lambda: len(server.questions) == 1)
        began = time.monotonic()
        await guard.set_mode(PrivacyMode.LOCAL)
        assert not testbed.socket.exists()
        final = await improving
        assert time.monotonic() - began < 0.5
        assert (final.result, final.reranked) == (FINAL.result, False)


@pytest.mark.asyncio
async def test_slow_reranker_costs_only_the_budget(testbed: Stage, server: FakeReranker) -> None:
    server.answer = lambda _: Reply(b"{}", seconds=30)
    reranker = replace(testbed.settings.reranker, budget_ms=300)
    async with testbed.relayed(replace(testbed.settings, reranker=reranker)) as guard:
        final = await guard.improve(FINAL)
    assert not final.reranked
    assert 0.25 < final.time - FINAL.time < 1.0
    assert testbed.told


@pytest.mark.asyncio
async def test_invalid_answer_changes_nothing(testbed: Stage, server: FakeReranker) -> None:
    server.answer = lambda question: in_order(question, "buy bitcoin")
    async with testbed.relayed() as guard:
        final = await guard.improve(FINAL)
    assert (final.result, final.reranked) == (FINAL.result, False)
    assert testbed.told == [f"{testbed.settings.reranker.host}: not-in-the-lattice"]


@pytest.mark.asyncio
async def test_lattice_that_cannot_be_recorded_is_not_sent(
    testbed: Stage, server: FakeReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with testbed.relayed() as guard:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert not (await guard.improve(FINAL)).reranked
        assert server.questions == []
        assert (await guard.read_audit_log()).lines == ()
        assert "so the lattice is not sent" in testbed.told[0]
        assert (await guard.improve(FINAL)).reranked


@pytest.mark.asyncio
async def test_lattices_above_the_rate_limit_stay(testbed: Stage, server: FakeReranker) -> None:
    async with testbed.relayed() as guard:
        finals = [await guard.improve(FINAL) for _ in range(5)]
    assert [final.reranked for final in finals] == [True, True, True, False, False]
    assert len(server.questions) == 3


@pytest.mark.asyncio
async def test_record_contains_lattices_if_configured(testbed: Stage) -> None:
    async with testbed.relayed(replace(testbed.settings, keep_lattices=True)) as guard:
        await guard.improve(FINAL)
        (line,) = (await guard.read_audit_log()).lines
        assert json.loads(line)["lattice"]["words"] == ["call", "contact-a", "cool"]
        await guard.erase()
        assert (await guard.read_audit_log()).lines == ()
    assert testbed.wiped == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("configured", "kept", "mode"),
    [
        ("local", None, PrivacyMode.LOCAL),
        ("lattice", None, PrivacyMode.LATTICE),
        (
            "local",
            "lattice local\n",
            PrivacyMode.LATTICE,
        ),  # switched, configuration unchanged
        ("lattice", "local lattice\n", PrivacyMode.LOCAL),
        ("local", "lattice lattice\n", PrivacyMode.LOCAL),  # configuration tightened since
        (
            "lattice",
            "local local\n",
            PrivacyMode.LOCAL,
        ),  # configuration loosened after a switch to local
        ("lattice", "lattice local\n", PrivacyMode.LATTICE),
        ("lattice", "lattice\n", PrivacyMode.LOCAL),
        ("lattice", "latt", PrivacyMode.LOCAL),
        ("lattice", "", PrivacyMode.LOCAL),
        ("lattice", "ü", PrivacyMode.LOCAL),
    ],
)
async def test_switch_survives_a_restart_until_the_configuration_changes(
    testbed: Stage, configured: str, kept: str | None, mode: PrivacyMode
) -> None:
    if kept is not None:
        (testbed.folder / "privacy").mkdir()
        (testbed.folder / "privacy" / "mode").write_text(kept, encoding="utf-8")
    guard = await testbed.guard(replace(testbed.settings, mode=configured))
    assert guard.mode is mode
    assert testbed.socket.exists() is (mode is PrivacyMode.LATTICE)
    await guard.close()
    assert not testbed.socket.exists()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("configured", "kept", "mode", "rest"),
    [
        ("local", None, PrivacyMode.LOCAL, None),
        ("lattice", None, PrivacyMode.LATTICE, None),
        # A switch to lattice, by polkit or from before the lock, ends with the daemon.
        ("local", "lattice local\n", PrivacyMode.LOCAL, "lattice local\n"),
        ("lattice", "local lattice\n", PrivacyMode.LOCAL, "local lattice\n"),
        # The configuration has changed since the switch, so the configured mode applies.
        ("local", "lattice lattice\n", PrivacyMode.LOCAL, "local local\n"),
        ("lattice", "local local\n", PrivacyMode.LATTICE, "lattice lattice\n"),
        ("lattice", "latt", PrivacyMode.LOCAL, "local lattice\n"),
    ],
)
async def test_a_locked_mode_is_loosened_only_by_the_configuration(
    testbed: Stage, configured: str, kept: str | None, mode: PrivacyMode, rest: str | None
) -> None:
    file = testbed.folder / "privacy" / "mode"
    if kept is not None:
        file.parent.mkdir()
        file.write_text(kept, encoding="utf-8")
    guard = await testbed.guard(replace(testbed.settings, mode=configured, lock=True))
    assert (guard.mode, guard.locked) == (mode, True)
    assert (file.read_text() if file.exists() else None) == rest
    await guard.close()


@pytest.mark.asyncio
async def test_the_owner_loosens_a_locked_mode_by_the_configuration_after_a_switch_to_local(
    testbed: Stage,
) -> None:
    lattice = replace(testbed.settings, mode="lattice", lock=True)
    guard = await testbed.guard(lattice)
    await guard.set_mode(PrivacyMode.LOCAL)
    await guard.reconfigure(replace(lattice, redact=False), "en")
    assert guard.mode is PrivacyMode.LOCAL  # another setting has changed
    await guard.reconfigure(replace(lattice, mode="local"), "en")
    await guard.reconfigure(lattice, "en")
    assert guard.mode is PrivacyMode.LATTICE
    await guard.close()


@pytest.mark.asyncio
async def test_a_lock_ends_a_switch_to_lattice_at_once(testbed: Stage) -> None:
    local = replace(testbed.settings, mode="local")
    guard = await testbed.guard(local)
    await guard.set_mode(PrivacyMode.LATTICE)
    await guard.reconfigure(replace(local, lock=True), "en")
    assert (guard.mode, testbed.socket.exists()) == (PrivacyMode.LOCAL, False)
    await guard.close()


@pytest.mark.asyncio
async def test_switch_that_cannot_be_stored_is_allowed_only_to_local(
    testbed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = await testbed.guard()
    await guard.set_mode(PrivacyMode.LOCAL)
    file = testbed.folder / "privacy" / "mode"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("local lattice\n", 0o600)
    await guard.set_mode(PrivacyMode.LATTICE)
    assert guard.mode is PrivacyMode.LATTICE

    def fail(file: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mode_module, "replace_file", fail)
    with pytest.raises(StorageError, match="cannot save the mode local"):
        await guard.set_mode(PrivacyMode.LOCAL)
    assert (guard.mode, testbed.socket.exists()) == (PrivacyMode.LOCAL, False)
    with pytest.raises(StorageError):
        await guard.set_mode(PrivacyMode.LATTICE)
    assert (guard.mode, testbed.socket.exists()) == (PrivacyMode.LOCAL, False)
    await guard.close()


@pytest.mark.asyncio
async def test_later_of_two_concurrent_switches_wins(testbed: Stage) -> None:
    guard = await testbed.guard()
    for last in (PrivacyMode.LOCAL, PrivacyMode.LATTICE, PrivacyMode.LOCAL):
        first = PrivacyMode.LATTICE if last is PrivacyMode.LOCAL else PrivacyMode.LOCAL
        await asyncio.gather(guard.set_mode(first), guard.set_mode(last))
        assert guard.mode is last
        assert testbed.socket.exists() is (last is PrivacyMode.LATTICE)
        stored, damage = ModeFile(testbed.folder / "privacy" / "mode").load()
        assert (stored, damage) == (Switch(last, PrivacyMode.LATTICE), "")
    await guard.close()


@pytest.mark.asyncio
async def test_a_new_configuration_does_not_undo_a_switch_to_local(testbed: Stage) -> None:
    guard = await testbed.guard(replace(testbed.settings, mode="local"))
    await guard.reconfigure(testbed.settings, "en")
    assert guard.mode is PrivacyMode.LATTICE  # from the configuration, without a switch
    await guard.set_mode(PrivacyMode.LOCAL)
    await guard.reconfigure(replace(testbed.settings, mode="local"), "en")
    await guard.reconfigure(testbed.settings, "en")
    assert guard.mode is PrivacyMode.LOCAL
    await guard.close()


@pytest.mark.asyncio
async def test_stale_socket_of_a_killed_daemon_is_removed(testbed: Stage) -> None:
    testbed.socket.parent.mkdir()
    testbed.socket.touch()
    guard = await testbed.guard(replace(testbed.settings, mode="local"))
    assert not testbed.socket.exists()
    await guard.close()


@pytest.mark.asyncio
async def test_new_reranker_disconnects_the_relay_and_accepts_the_next(
    testbed: Stage,
) -> None:
    async with testbed.relayed() as guard:
        reranker = replace(testbed.settings.reranker, budget_ms=500)
        await guard.reconfigure(replace(testbed.settings, reranker=reranker), "en")
        assert not guard.asks
        assert testbed.socket.exists()
        assert testbed.changes > 0


@pytest.mark.asyncio
async def test_unusable_socket_path_is_reported_and_nothing_is_sent(
    testbed: Stage,
) -> None:
    testbed.socket.mkdir(parents=True)  # a folder at the socket's path
    guard = await testbed.guard()
    assert not guard.asks
    assert [sentence.split(":")[0] for sentence in testbed.told] == [
        "cannot remove the old relay socket",
        "cannot open the relay socket",
    ]
    assert await guard.improve(FINAL) is FINAL
    testbed.socket.rmdir()
    await guard.close()
