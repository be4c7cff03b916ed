"""`auricle privacy`, with a real daemon, a real relay and a reranker that speaks HTTPS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auricle.cli.main import main
from testbed.fake_reranker import FakeReranker, least_likely
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.replay import hear_again
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
SECONDS = 30.0


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeReranker]:
    with FakeReranker(tmp_path_factory.mktemp("reranker"), least_likely) as server:
        yield server


def config_of(reranker: FakeReranker, mode: str = "local") -> str:
    return (
        "wake: {models: [alexa]}\n"
        f"privacy: {{mode: {mode}, keep_lattices: true, reranker: {{url: '{reranker.url}', "
        f"pin: '{reranker.pin}', budget_ms: 2000}}}}\n"
    )


@contextmanager
def relaying(config: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `auricle relay`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "auricle.cli.main", "relay", "--config", str(config)],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=patience(10))


def test_a_lattice_leaves_only_while_the_owner_lets_it(
    bus: PrivateBus,
    reranker: FakeReranker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    socket = tmp_path / "relay" / "lattices"
    environment = {"AURICLE_RELAY_SOCKET": str(socket)}

    def privacy(*words: str) -> str:
        status = main(["privacy", *words, "--bus", bus.address])
        told = capsys.readouterr()
        assert status == 0, told.err
        return told.out

    with RunningDaemon(
        bus.address,
        config_of(reranker),
        environment=environment,
        arguments=("--audio", str(DEMO)),
    ) as daemon:
        local, texts = asyncio.run(hear_again(bus.address))
        assert (local["reranked"], local["text"]) == (False, texts[0])
        assert privacy() == "local: nothing leaves this device\n"
        assert not socket.exists()
        where = reranker.url.split("/")[2]
        assert privacy("lattice") == f"lattice: recognition hypotheses are sent to {where}\n"
        assert socket.exists()
        with relaying(daemon.config, environment) as relay:
            assert relay.stderr is not None
            assert relay.stderr.readline() == f"auricle relay: lattices go to {where}\n"
            outside, texts = asyncio.run(hear_again(bus.address))
            assert (outside["reranked"], outside["text"]) == (True, texts[0])
            assert len(reranker.questions) == 1
            assert main(["status", "--json", "--bus", bus.address]) == 0
            assert json.loads(capsys.readouterr().out)["privacy"] == "lattice"
            assert json.loads(privacy("local", "--json")) == {
                "mode": "local",
                "locked": False,
                "reranker": where,
            }
            assert relay.wait(patience(5)) == 0  # it ends as soon as the socket goes
        assert not socket.exists()
        again, _ = asyncio.run(hear_again(bus.address))
        assert (again["reranked"], again["text"]) == (False, local["text"])
        assert len(reranker.questions) == 1
        (line,) = map(json.loads, privacy("log", "--json").splitlines())
        assert json.dumps(line["lattice"], separators=(",", ":")).encode() == reranker.questions[0]
        assert " bytes  " in privacy("log")
        record = next(Path(daemon.config.parent).rglob("record.jsonl"))
        record.write_text(record.read_text().replace('"bytes":', '"bytes":1'))
        record.write_text(record.read_text() + "{}\n")
        assert main(["privacy", "log", "--bus", bus.address]) == 1
        assert "modified or damaged: line 2 is damaged;" in capsys.readouterr().err
        assert privacy("erase") == "the log and all stored names are erased\n"
        assert privacy("log") == "nothing has left this device\n"
        assert str(local["text"]) not in daemon.read_log()


def test_a_relay_without_a_daemon_or_a_reranker_says_what_to_do(
    reranker: FakeReranker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AURICLE_RELAY_SOCKET", str(tmp_path / "lattices"))
    config = tmp_path / "auricle.yaml"
    config.write_text("{}\n")
    assert main(["relay", "--config", str(config)]) == 1
    assert "privacy.reranker: null: there is no reranker" in capsys.readouterr().err
    config.write_text(config_of(reranker))
    assert main(["relay", "--config", str(config)]) == 1
    assert "no daemon listens there" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "httpx", None)
    for name in ("process", "reranker_client"):
        monkeypatch.delitem(sys.modules, f"auricle.relay.{name}", raising=False)
    assert main(["relay", "--config", str(config)]) == 1
    assert "needs httpx, which is not installed: pip install 'auricle[relay]'" in (
        capsys.readouterr().err
    )


def test_without_a_relay_a_result_is_not_kept_waiting(
    bus: PrivateBus, reranker: FakeReranker, tmp_path: Path
) -> None:
    environment = {"AURICLE_RELAY_SOCKET": str(tmp_path / "relay" / "lattices")}
    asked = len(reranker.questions)
    with RunningDaemon(
        bus.address,
        config_of(reranker, "lattice"),
        environment=environment,
        arguments=("--audio", str(DEMO)),
    ):
        began = time.monotonic()
        final, _ = asyncio.run(hear_again(bus.address))
        assert final["reranked"] is False
        assert time.monotonic() - began < patience(SECONDS)
    assert len(reranker.questions) == asked


@pytest.mark.parametrize("words", [["open"], ["local", "lattice"], ["log", "--nbest"]])
def test_wrong_usage_ends_with_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["privacy", *words])
    assert end.value.code == 2


def test_a_locked_mode_is_loosened_by_the_configuration_alone(
    bus: PrivateBus, reranker: FakeReranker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"AURICLE_RELAY_SOCKET": str(tmp_path / "relay" / "lattices")}
    config = config_of(reranker).replace("mode: local", "mode: local, lock: true")
    recording = ("--audio", str(DEMO))
    with RunningDaemon(
        bus.address, config, environment=environment, arguments=recording
    ) as daemon:
        assert main(["privacy", "--bus", bus.address]) == 0
        assert capsys.readouterr().out == (
            "local: nothing leaves this device (locked: only the configuration or polkit can "
            "change that)\n"
        )
        assert main(["privacy", "lattice", "--bus", bus.address]) == 1
        assert "privacy.lock is true, so only the configuration" in capsys.readouterr().err
        daemon.config.write_text(config.replace("mode: local", "mode: lattice"))
        daemon.drain()
        daemon.signal(signal.SIGHUP)
        end = time.monotonic() + SECONDS
        while " reloaded: " not in daemon.read_log() and time.monotonic() < end:
            time.sleep(0.05)
        assert main(["privacy", "--json", "--bus", bus.address]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["mode"], told["locked"]) == ("lattice", True)
