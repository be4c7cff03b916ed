"""`auricle status`, with a real daemon and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import auricle
from auricle.cli.main import main
from testbed.private_bus import PrivateBus

pytestmark = pytest.mark.usefixtures("daemon")


def test_it_tells_people_what_the_daemon_does(
    daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--bus", daemon_bus.address]) == 0
    lines = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert {name: text.strip() for name, text in lines.items() if name != "State"} == {
        "Muted": "no",
        "Wake words": "alexa",
        "Language": "en",
        "Version": auricle.__version__,
        "Privacy": "local",
        "Level": "saver",
    }


def test_it_tells_programs_in_one_json_object(
    daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json", "--bus", daemon_bus.address]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("state") in ("idle", "listening", "unavailable")
    assert told == {
        "muted": False,
        "wake_words": ["alexa"],
        "language": "en",
        "version": auricle.__version__,
        "privacy": "local",
        "level": "saver",
    }


def test_the_bus_is_that_of_the_configuration_if_none_is_given(
    daemon_bus: PrivateBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "auricle" / "auricle.yaml"
    file.parent.mkdir()
    file.write_text("bus: {kind: session}\n", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon_bus.address)
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["language"] == "en"


def test_without_a_daemon_it_fails_and_says_how_to_start_one(
    bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--bus", bus.address]) == 1
    told, complaint = capsys.readouterr()
    assert told == ""
    assert complaint == (
        "auricle: Auricle is not running on this bus; start it with "
        f"`auricle run --bus {bus.address}`\n"
    )


def test_without_a_bus_it_fails_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--bus", f"unix:path={tmp_path}/nobody"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "status", "monitor"])
def test_what_names_no_bus_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--bus", "user"])
    assert end.value.code == 2
    assert "'user' is not a bus; give session, system, or an address" in capsys.readouterr().err


def test_the_daemon_of_ones_own_goes_before_that_of_the_system(
    daemon_bus: PrivateBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("bus: {kind: system}\n", encoding="utf-8")
    monkeypatch.setattr("auricle.cli.bus_option.SYSTEM_CONFIG", file)
    monkeypatch.setattr("auricle.cli.bus_option.find_config", lambda: file)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon_bus.address)
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["language"] == "en"
