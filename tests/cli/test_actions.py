"""`auricle actions`, with a real daemon that hears a wake word and a command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.cli.main import main
from testbed.private_bus import PrivateBus
from testbed.replay import hear_again

COMMAND = (sys.executable, "-m", "auricle.cli.main", "actions")
SECONDS = 60.0

pytestmark = pytest.mark.usefixtures("daemon")


def test_a_program_gets_the_result_and_the_journal_does_not(
    daemon_bus: PrivateBus, tmp_path: Path
) -> None:
    config, out = tmp_path / "auricle.yaml", tmp_path / "out.json"
    config.write_text("actions: {enabled: true}\n", encoding="utf-8")
    folder = tmp_path / "actions.d"
    folder.mkdir(mode=0o755)
    program = folder / "keep"
    program.write_text(f"#!/bin/sh\ncat > {out}.new && mv {out}.new {out}; exit 7\n", "utf-8")
    program.chmod(0o755)
    command = [*COMMAND, "--config", str(config), "--bus", daemon_bus.address]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        try:
            assert "auricle actions: ready" in running.stderr.readline()
            asyncio.run(hear_again(daemon_bus.address))
            line = running.stderr.readline()
        finally:
            running.terminate()
        assert running.wait(SECONDS) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["text"] == found["nbest"][0]["text"]
    assert found["written"][0].isupper()
    assert line.startswith("auricle actions: action keep: exit status 7 after")
    assert not set(found["text"].split()) & set(line.split())


def test_it_does_nothing_by_default(
    tmp_path: Path, daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("", encoding="utf-8")
    assert main(["actions", "--config", str(config), "--bus", daemon_bus.address]) == 0
    assert "actions.enabled is false" in capsys.readouterr().err
