"""`auricle config show`: effective values and where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from auricle.cli.main import main
from auricle.config.loading import load
from auricle.config.schema import Config

CONFIG = """\
audio: {device: pulse}
wake:
  models: [alexa, {model: hey_jarvis, cutoff: 0.9}]
privacy:
  reranker: {url: 'https://lan.example:8443/v1?key=secret', budget_ms: 500}
recognizer: {second_pass: 'off'}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "auricle.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    drop_in = tmp_path / "auricle.yaml.d" / "mic.yaml"
    drop_in.parent.mkdir()
    drop_in.write_text("# a better one\naudio:\n  device: 3\n", encoding="utf-8")
    return file


def test_each_changed_value_has_its_file_and_line(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "--changed", str(file)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "audio:",
        f"device: 3 # {file}.d/mic.yaml:3",
        "wake:",
        f"models: [alexa, {{cutoff: 0.9, model: hey_jarvis}}] # {file}:3",
        "recognizer:",
        f"second_pass: 'off' # {file}:6",
        "privacy:",
        f"reranker: {{budget_ms: 500, url: 'https://lan.example:8443/v1?(not shown)'}} # {file}:5",
    ]


def test_the_whole_output_is_a_configuration_without_the_secret(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "secret" not in shown
    again = tmp_path / "again.yaml"
    content = yaml.safe_load(shown)
    content["privacy"]["reranker"] = None
    again.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert load(again).wake == load(file).wake
    assert load(again).audio.device == 3


def test_the_defaults_are_shown_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("music: {decibels: 20}\n", encoding="utf-8")
    assert main(["config", "show", "--json", str(file)]) == 0
    keys = {one["key"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert keys["music.decibels"] == {
        "key": "music.decibels",
        "value": Config().music.decibels,
        "is_default": True,
        "file": str(file),
        "line": 1,
    }
    assert keys["audio.device"]["file"] is None
    assert all(one["is_default"] for one in keys.values())


def test_a_configuration_with_mistakes_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("audio: {devices: 3}\n", encoding="utf-8")
    assert main(["config", "show", str(file)]) == 1
    assert f"{file}:1: audio.devices" in capsys.readouterr().err
