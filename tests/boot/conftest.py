"""A booted Debian 12 with the package's dependencies and a system-wide sound server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from testbed.booted_machine import BootedMachine
from testbed.debian_tree import debian_tree, throw_away_copy

ROOT = Path(__file__).parents[2]
PACKAGES = (  # init and bus; the package's dependencies; sound; a certificate for the reranker
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "dbus-user-session", "udev"),
    *("python3", "python3-systemd", "libportaudio2", "libpulse0", "polkitd", "man-db", "procps"),
    *("pulseaudio", "pulseaudio-utils", "libasound2-plugins"),
    *("ca-certificates", "openssl"),
)


@pytest.fixture(scope="session")
def advised(package: Path) -> list[list[str]]:
    """The installation commands of the README, adapted for root on this machine."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n(\$ sudo apt install .*?)```", text, re.DOTALL)
    lines = [line.removeprefix("$ ").removeprefix("sudo ") for line in block.splitlines()]
    commands = [line.split() for line in lines]
    assert commands[0][:2] == ["apt", "install"]
    assert fnmatch(commands[0][2], "./auricle_*_arm64.deb")
    commands[0] = ["apt", "install", "--yes", f"/mnt/build/{package.name}"]
    return commands


@pytest.fixture(scope="session")
def package() -> Path:
    """The package that `make deb` has built."""
    built = sorted((ROOT / "build").glob("auricle_*_amd64.deb"))
    assert built, "build the package first: make deb"
    return built[-1]


@pytest.fixture(scope="session")
def machine(package: Path) -> Iterator[BootedMachine]:
    """A booted machine with access to the package and the tools."""
    tree = debian_tree("bookworm", "amd64", PACKAGES)
    seen = {package.parent: "/mnt/build", ROOT / "packaging" / "debian" / "tests": "/mnt/own-tests"}
    seen |= {ROOT / name: f"/mnt/{name}" for name in ("tools", "tests")}
    with throw_away_copy(tree) as copy, BootedMachine(copy, seen=seen) as machine:
        yield machine
