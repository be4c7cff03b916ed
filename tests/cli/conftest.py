"""A real daemon for the commands that are its clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"


@pytest.fixture(scope="module")
def daemon_bus() -> Iterator[PrivateBus]:
    """The bus of `daemon`."""
    with PrivateBus() as bus:
        yield bus


@pytest.fixture(scope="module")
def daemon(daemon_bus: PrivateBus) -> Iterator[RunningDaemon]:
    """A daemon that hears a recorded wake word and command, anew whenever it is unmuted."""
    with RunningDaemon(
        daemon_bus.address,
        "wake: {models: [alexa]}\narbiter: {level: saver}\n",
        arguments=("--audio", str(DEMO)),
    ) as daemon:
        yield daemon
