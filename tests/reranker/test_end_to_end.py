"""From speech to a reranked command, with a real daemon, relay and reranker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.cli.main import main
from auricle.wire.schema import decode_question
from reranker.language_model import load
from reranker.ranking import Ranker
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.replay import hear_again
from testbed.running_daemon import RunningDaemon
from testbed.running_reranker import BUNDLE, RunningReranker

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"


def test_client_gets_the_reading_that_the_reranker_prefers(
    bus: PrivateBus, service: RunningReranker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = (
        "wake: {models: [alexa]}\n"
        "privacy: {mode: lattice, keep_lattices: true, reranker: "
        f"{{url: '{service.url}', pin: '{service.pin}', token_file: '{service.token_file}', "
        "budget_ms: 2000}}\n"
    )
    environment = {"AURICLE_RELAY_SOCKET": str(tmp_path / "relay" / "lattices")}
    with RunningDaemon(
        bus.address, config, environment=environment, arguments=("--audio", str(DEMO))
    ) as daemon:
        relay = subprocess.Popen(
            [sys.executable, "-m", "auricle.cli.main", "relay", "--config", str(daemon.config)],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert relay.stderr is not None
            relay.stderr.readline()
            final, texts = asyncio.run(hear_again(bus.address))
        finally:
            relay.terminate()
            relay.communicate(timeout=patience(10))
        assert main(["privacy", "log", "--json", "--bus", bus.address]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    question = decode_question(json.dumps(line["lattice"], separators=(",", ":")).encode())
    _, language, weights = load(BUNDLE)
    (readings,) = Ranker(language, weights).rank([question])
    assert final["reranked"] is True
    assert final["text"] == readings[0].text == texts[0]
    assert service.log.read_text() == ""
