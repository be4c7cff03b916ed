"""The same package on Debian 13, which has Python 3.13 and a newer systemd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.booted_machine import BootedMachine
from testbed.debian_tree import debian_tree, throw_away_copy

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "python3", "python3-systemd"),
    *("libportaudio2", "libpulse0", "ca-certificates", "procps"),
)


@pytest.fixture(scope="module")
def trixie(package: Path) -> Iterator[BootedMachine]:
    """A Debian 13 with the package."""
    tree = debian_tree("trixie", "amd64", PACKAGES)
    seen = {package.parent: "/mnt/build", ROOT / "packaging" / "debian" / "tests": "/mnt/own-tests"}
    with throw_away_copy(tree) as copy, BootedMachine(copy, seen=seen) as machine:
        machine.run("dpkg", "--install", f"/mnt/build/{package.name}")
        yield machine


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["recordings", "service"])
def test_the_tests_of_the_package_pass(trixie: BootedMachine, name: str) -> None:
    assert trixie.told("python3", "--version").startswith("Python 3.13")
    trixie.run("sh", f"/mnt/own-tests/{name}")


@pytest.mark.timeout(900)
def test_daemon_answers_and_reports_a_missing_microphone(trixie: BootedMachine) -> None:
    trixie.run("systemctl", "start", "auricle")
    assert json.loads(trixie.told("auricle", "status", "--json"))["state"] == "unavailable"
