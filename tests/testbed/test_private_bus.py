"""The private bus is a real one: names can be owned and methods called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from testbed.errors import StageError
from testbed.private_bus import PrivateBus


def ask(bus: PrivateBus, kind: str) -> subprocess.CompletedProcess[str]:
    """List the names on the bus with dbus-send."""
    return subprocess.run(
        ["dbus-send", f"--{kind}", "--print-reply", "--dest=org.freedesktop.DBus"]
        + ["/", "org.freedesktop.DBus.ListNames"],
        env={**os.environ, **bus.environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_session_bus_answers(bus: PrivateBus) -> None:
    assert "org.freedesktop.DBus" in ask(bus, "session").stdout


def test_system_bus_applies_its_policies(tmp_path: Path) -> None:
    policy = tmp_path / "deny.conf"
    policy.write_text(
        '<busconfig><policy context="mandatory">'
        '<deny send_interface="org.freedesktop.DBus" send_member="ListNames"/>'
        "</policy></busconfig>"
    )
    with PrivateBus("system", [policy]) as bus:
        answer = ask(bus, "system")
    assert answer.returncode != 0
    assert "AccessDenied" in answer.stderr


def test_nothing_is_left_behind() -> None:
    with PrivateBus() as bus:
        folder = Path(bus.address.removeprefix("unix:path=").split(",")[0]).parent
        assert folder.is_dir()
    assert not folder.exists()
    assert ask(PrivateBus(), "session").returncode != 0


def test_bad_policy_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_text("<busconfig><nonsense/></busconfig>")
    with (
        pytest.raises(StageError, match="does not start"),
        PrivateBus(policies=[tmp_path / "bad.conf"]),
    ):
        pass
