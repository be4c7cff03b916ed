"""Notifications on a real notify socket, and feeding the watchdog."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.service.notify import Notifier, Watchdog, watchdog_seconds
from testbed.patience import patience


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(patience(5))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield receiver


def received(systemd: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in systemd.recv(4096).decode().splitlines())


def test_systemd_is_notified_of_each_state(systemd: socket.socket) -> None:
    notifier = Notifier(pytest.fail)
    notifier.ready("Waiting")
    assert received(systemd) == {"READY": "1", "STATUS": "Waiting"}
    notifier.reloading()
    assert received(systemd).keys() == {"RELOADING", "MONOTONIC_USEC"}
    notifier.feed_watchdog()
    assert received(systemd) == {"WATCHDOG": "1"}
    notifier.stopping()
    assert received(systemd)["STOPPING"] == "1"


def test_status_is_sent_once(systemd: socket.socket) -> None:
    notifier = Notifier(pytest.fail)
    for status in ("Waiting", "Waiting", "Muted"):
        notifier.status(status)
    assert received(systemd) == {"STATUS": "Waiting"}
    assert received(systemd) == {"STATUS": "Muted"}


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier(pytest.fail).ready("Waiting")


def test_unreachable_notify_socket_is_reported_once(
    systemd: socket.socket, tmp_path: Path
) -> None:
    complaints: list[str] = []
    notifier = Notifier(complaints.append)
    (tmp_path / "notify").unlink()
    notifier.feed_watchdog()
    notifier.feed_watchdog()
    assert len(complaints) == 1
    assert complaints[0].startswith("cannot notify systemd: ")


def test_watchdog_is_fed_only_while_audio_arrives() -> None:
    now, heard, meals = 100.0, 100.0, 0

    def feed() -> None:
        nonlocal meals
        meals += 1

    watchdog = Watchdog(10.0, lambda: heard, feed, clock=lambda: now)
    now = 104.9
    assert watchdog.check()
    now = 105.1
    assert not watchdog.check()
    heard = 105.1
    assert watchdog.check()
    assert meals == 2


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "15000000"}, 15.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_watchdog_is_on_only_if_systemd_sets_it(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_seconds(environment) == seconds
